// The table of behaviours, tests/conformance/cases.json, on the surface of Node.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('conformance/run.mjs', import.meta.url));
const CASE_MS = 180_000;

const folder = join(process.env.CHAKU_SOURCE, 'tests', 'conformance');
const json = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const table = json('cases.json').map(({ name }) => name);
const without = json('surfaces.json').node;
const here = execFileSync(process.execPath, [RUN], { encoding: 'utf8' }).trim().split('\n');

test('the table and the cases are the same', () => {
  assert.deepEqual([...here, ...Object.keys(without)].sort(), [...table].sort());
  for (const [name, reason] of Object.entries(without)) assert.ok(reason.length > 10, `${name} is left out, but why?`);
});

for (const name of table.filter((name) => here.includes(name))) {
  test(name, () => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', RUN, name], {
      encoding: 'utf8',
      timeout: CASE_MS,
      killSignal: 'SIGKILL',
    });
    // Nothing may be written in any case: `silence` is about all of them.
    assert.deepEqual({ status, signal, stdout, stderr }, { status: 0, signal: null, stdout: '', stderr: '' });
  });
}
