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

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** The last rounds take no more than the first ones. So much noise is allowed, in KiB. */
function checkFlat(sizes, noise) {
  const third = Math.floor(sizes.length / 3);
  const growth = median(sizes.slice(-third)) - median(sizes.slice(0, third));
  assert.ok(growth < noise, `grew by ${growth} KiB: ${sizes.join(' ')}`);
}

test('2,000 requests', () => checkFlat(rounds('requests'), 1500));
test('600 streams that are left, aborted or never read', () => checkFlat(rounds('cut'), 1500));
test('200 models with sessions, closed and not collected', () => checkFlat(rounds('models'), 6000));
