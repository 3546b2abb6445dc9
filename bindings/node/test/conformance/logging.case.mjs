// The log goes where the host wants it, and nothing goes anywhere else.
import { Runtime, devices } from 'chaku';

import { RANDOM, SCRIPT, SCRIPT_REPLY, SMOLLM2, assert, chat, fails, load, sleep, until } from './harness.mjs';

const SECRET = 'xyzzy-swordfish';

/** Loads a model in a runtime of its own and asks it something. */
async function work(runtime, question) {
  const model = await load(SCRIPT, { runtime });
  assert.equal((await chat(model.session(), question)).text, SCRIPT_REPLY);
  await model.close();
}

export async function log_sink() {
  const [loud, quiet] = [[], []];
  const detailed = new Runtime({ log: (line) => loud.push(line), logLevel: 'debug' });
  const errors = new Runtime({ log: (line) => quiet.push(line), logLevel: 'error' });
  await work(errors, SECRET);
  await sleep(10);
  assert.deepEqual([quiet.length, loud.length], [0, 0]); // each runtime has its own
  await work(detailed, SECRET);
  await until(() => loud.length > 5);
  for (const { level, target, message } of loud) {
    assert.ok(['error', 'warn', 'info', 'debug'].includes(level));
    assert.match(target, /^chaku/);
    assert.doesNotMatch(message, /\n/);
    assert.ok(!message.includes(SECRET));
  }
  assert.equal(quiet.length, 0);

  // Taken away, it is let go: nothing refers to it any more.
  const taken = [];
  let log = (line) => taken.push(line);
  const gone = new WeakRef(log);
  detailed.setLog(log, 'trace');
  log = undefined;
  detailed.setLog(null);
  await work(detailed, SECRET);
  await until(async () => {
    await sleep(1);
    globalThis.gc();
    return gone.deref() === undefined;
  });
  assert.deepEqual(taken, []);
  await fails(() => detailed.setLog(() => {}, 'loud'), 'INVALID_ARGUMENT', 'invalid_argument');
}

/** Any case fails that writes to stdout or stderr; this one does whatever llama.cpp would like to talk about. */
export async function silence() {
  for (const file of ['truncated.gguf', 'not-a-gguf.bin']) await fails(load(file), 'DATA_LOSS', 'model_corrupt');
  await chat((await load(SMOLLM2)).session(), 'Hi.', { maxTokens: 4 });
  await chat((await load('tiny-raise.gguf')).session(), 'Hi.');
  const model = await load(RANDOM, { ctxSize: 256 });
  await chat(model.session(), 'Hi.', { grammar: 'root ::= (' });
  await chat(model.session(), 'Hi.', { samplers: 'no_such_sampler', maxTokens: 2 });
  await chat(model.session(), 'Hi.');
  await chat(model.session({ overflow: 'shift' }), 'Hi.', { maxTokens: 400 });
  await chat((await load('tiny-mamba.gguf')).session(), 'Hi.', { maxTokens: 4 });
  assert.ok(devices().length > 0);
}
