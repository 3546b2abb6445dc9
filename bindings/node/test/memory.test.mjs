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

/** Growth with each round, in KiB: the median of all slopes, which a single step of Node's own heap does not move. */
function slope(sizes) {
  const slopes = sizes.flatMap((size, i) => sizes.slice(i + 1).map((later, j) => (later - size) / (j + 1)));
  return slopes.sort((a, b) => a - b)[slopes.length >> 1];
}

function checkFlat(sizes, allowed) {
  assert.ok(slope(sizes) <= allowed, `grows by ${slope(sizes)} KiB a round: ${sizes.join(' ')}`);
}

test('2,000 requests, 100 a round', () => checkFlat(rounds('requests'), 16));
test('600 streams that are left, aborted or never read, 30 a round', () => checkFlat(rounds('cut'), 16));
// Each takes 800 KiB. The objects are kept, which takes some.
test('200 models that were closed, 10 a round', () => checkFlat(rounds('models'), 500));
