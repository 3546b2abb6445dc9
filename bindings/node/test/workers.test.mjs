// Worker threads: several at once, and gone in the middle of something.
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { LONG, LONG_WORDS, SCRIPT, SCRIPT_REPLY, assert, load } from './conformance/harness.mjs';

const start = (task) => new Worker(new URL('worker.mjs', import.meta.url), { workerData: task });

/** What a worker says, and how it ends. */
async function outcome(worker) {
  const messages = [];
  worker.on('message', (message) => messages.push(message));
  const [code] = await once(worker, 'exit');
  return { messages, code };
}

test('four workers at once, each with a model of its own', async () => {
  const workers = Array.from({ length: 4 }, () => outcome(start('chat')));
  const model = await load(SCRIPT);
  assert.equal((await model.session().chat('Go.')).text, SCRIPT_REPLY);
  for (const worker of await Promise.all(workers)) {
    assert.deepEqual(worker, { messages: [SCRIPT_REPLY, SCRIPT_REPLY], code: 0 });
  }
  await model.close();
});

test('a worker is terminated in the middle of something, the others and the main thread go on', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const session = model.session();
  const other = start('endless');
  await once(other, 'message');
  for (const task of ['load', 'endless', 'unread', 'prefill', 'tokenize', 'close', 'log']) {
    for (let i = 0; i < 4; i++) {
      const worker = start(task);
      await once(worker, 'message');
      // Now and a little later: the moment matters.
      await new Promise((resolve) => setTimeout(resolve, i));
      assert.equal(await worker.terminate(), 1, task);
      assert.equal((await session.chat('Count.', { maxTokens: 8 })).text.length, LONG_WORDS.length);
      session.reset();
    }
  }
  const [more] = await once(other, 'message');
  assert.equal(more, 'more');
  await other.terminate();
  await model.close();
});

test('a worker leaves by itself: process.exit, an exception, nothing more to do', async () => {
  for (let i = 0; i < 5; i++) {
    assert.equal((await outcome(start('exit'))).code, 5);
    assert.equal((await outcome(start('idle'))).code, 0);
    const worker = start('throw');
    const [error] = await once(worker, 'error');
    assert.equal(error.message, 'thrown on purpose');
  }
});

test('workers come and go many times', async () => {
  for (let i = 0; i < 25; i++) {
    const worker = start('endless');
    await once(worker, 'message');
    await worker.terminate();
  }
  assert.equal((await outcome(start('chat'))).messages.length, 2);
});
