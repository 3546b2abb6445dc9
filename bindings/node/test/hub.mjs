// A hub on this machine: tests/hub/server.py, with an empty cache.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export async function startHub(...args) {
  const script = join(process.env.CHAKU_SOURCE, 'tests/hub/server.py');
  const server = spawn('python3', [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const line = async () => JSON.parse((await lines.next()).value);
  const cacheDir = await mkdtemp(join(tmpdir(), 'chaku-hub-'));
  const { hub } = await line();
  return {
    options: { hubEndpoint: hub, cacheDir, hubToken: '' },
    say: (command) => server.stdin.write(`${command}\n`),
    async stalled() {
      while ((await line()).stalled === undefined);
    },
    async stop() {
      const exited = new Promise((resolve) => server.once('exit', resolve));
      server.stdin.end();
      await exited;
      await rm(cacheDir, { recursive: true });
    },
  };
}
