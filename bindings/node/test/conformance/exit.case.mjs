// The end of the host's program, whatever the library is doing. More ways to leave are in exit.test.mjs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { assert } from './harness.mjs';

const LEAVE = fileURLToPath(new URL('../leave.mjs', import.meta.url));

/** Each way to leave in a process of its own, several times: what is wrong here shows now and then. */
export async function exit_while_running() {
  const ways = { loading: 4, preparing: 8, preparing_closed: 8, prefill: 4, decode: 8 };
  for (const [phase, attempts] of Object.entries(ways)) {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const child = spawn(process.execPath, [LEAVE, phase, 'exit', attempt % 5], { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
      const [code, signal] = await once(child, 'close');
      assert.deepEqual([code, signal, output], [7, null, ''], `${phase}, attempt ${attempt}`);
    }
  }
}
