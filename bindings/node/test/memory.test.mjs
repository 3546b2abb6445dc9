// Memory stays flat over many requests, and over many models.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const GROW = fileURLToPath(new URL('grow.mjs', import.meta.url));

/** How much memory a process takes after each of several rounds of work, in KiB. */
function rounds(what) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', GROW, what], {
    encoding: 'utf8',
    timeout: 600_000,
    // One heap for all threads: what several leave unused would look like a leak.
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  assert.deepEqual([stderr, status], ['', 0]);
  return JSON.parse(stdout);
}

/** Growth in KiB, without the two largest steps: V8 makes one or two of its own, of megabytes, when it compiles. */
function growth(sizes) {
  const steps = sizes.slice(1).map((size, i) => size - sizes[i]);
  return steps.sort((a, b) => a - b).slice(0, -2).reduce((sum, step) => sum + step, 0);
}

function checkFlat(sizes, allowed) {
  assert.ok(growth(sizes) <= allowed, `grows by ${growth(sizes)} KiB: ${sizes.join(' ')}`);
}

// Half a KiB a request would be too much, one and a half a stream.
test('2,000 requests', () => checkFlat(rounds('requests'), 1000));
test('600 streams that are left, aborted or never read', () => checkFlat(rounds('cut'), 1000));
test('400 sessions that came of another one', () => checkFlat(rounds('powers'), 1000));
// Each takes 800 KiB. What is kept of them are the objects.
test('200 models that were closed', () => checkFlat(rounds('models'), 8000));
