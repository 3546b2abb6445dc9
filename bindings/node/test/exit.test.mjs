// The end of the process, whatever is under way: the code it wanted, nothing written, no signal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const LEAVE = fileURLToPath(new URL('leave.mjs', import.meta.url));
const ATTEMPTS = 3;

function leave(phase, how, milliseconds) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [LEAVE, phase, how, milliseconds], {
    encoding: 'utf8',
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  return { status, signal, stdout, stderr };
}

const clean = (status) => ({ status, signal: null, stdout: '', stderr: '' });

for (const phase of ['idle', 'loading', 'preparing', 'queued', 'prefill', 'decode', 'awaited', 'tokenizing']) {
  test(`process.exit: ${phase}`, () => {
    for (let i = 0; i < ATTEMPTS; i++) assert.deepEqual(leave(phase, 'exit', i * 3), clean(7));
  });
  test(`an uncaught exception: ${phase}`, () => {
    for (const how of ['throw', 'reject']) {
      const { stderr, ...rest } = leave(phase, how, 3);
      assert.deepEqual(rest, { status: 1, signal: null, stdout: '' });
      // What Node writes about the exception, and nothing else. Where the checkout lies may have any name.
      assert.match(stderr, new RegExp(`Error: (thrown|rejected) on purpose`));
      assert.doesNotMatch(stderr.replace(/file:\S+/g, ''), /chaku|panic|terminate|FATAL|Check failed/i);
    }
  });
}

// Nobody awaits anything: what is idle, or runs unread, does not keep the process alive.
for (const phase of ['idle', 'preparing', 'preparing_closed', 'queued', 'prefill', 'decode', 'tokenizing']) {
  test(`the end of the program: ${phase}`, () => {
    for (let i = 0; i < ATTEMPTS; i++) assert.deepEqual(leave(phase, 'end', i * 3), clean(0));
  });
}

test('what is awaited keeps the process alive', () => {
  const script = `
    import { loadModel } from 'chaku';
    const [file, how] = process.argv.slice(1);
    loadModel(file, { threads: 1 }).then((model) => {
      const session = model.session();
      const options = { maxTokens: 2000 };
      const done = (text) => console.log(text.length > 1000 ? 'the whole answer' : 'a part');
      const ways = {
        chat: () => session.chat('Count.', options).then(({ text }) => done(text)),
        callback: () => session.chat('Count.', { ...options, onText: () => {} }).then(({ text }) => done(text)),
        reply: () => session.stream('Count.', options).reply().then(({ text }) => done(text)),
        async loop() {
          let text = '';
          for await (const event of session.stream('Count.', options)) text += event.text ?? '';
          done(text);
        },
      };
      ways[how]();
    });
  `;
  for (const how of ['chat', 'callback', 'reply', 'loop']) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script, `${process.env.CHAKU_TEST_MODELS}/tiny-long.gguf`, how],
      { cwd: new URL('.', import.meta.url), encoding: 'utf8', timeout: 120_000 },
    );
    assert.deepEqual([stdout, stderr, status], ['the whole answer\n', '', 0], how);
  }
});
