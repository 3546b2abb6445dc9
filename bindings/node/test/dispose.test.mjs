// Giving back what is not needed any more: by hand, with `using`, and by the collector.
import { test } from 'node:test';

import { Runtime } from 'chaku';

import { LONG, SCRIPT, SCRIPT_REPLY, SMOLLM2, Reading, assert, fails, load, until } from './conformance/harness.mjs';

const closed = (call) => fails(call, 'FAILED_PRECONDITION', 'closed');

test('dispose and close, again and in any order', async () => {
  const model = await load(SCRIPT);
  const session = model.session();
  await session[Symbol.asyncDispose]();
  await session[Symbol.asyncDispose]();
  session[Symbol.dispose]();
  await session.close();
  session.cancel();
  await closed(session.chat('Go.'));
  await closed(() => session.contextUsed);
  await model[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  model[Symbol.dispose]();
  await closed(() => model.session());
  await closed(model.tokenize('a'));
  await closed(model.detokenize([1]));
  await closed(() => model.isEndToken(1));
  // Facts stay.
  assert.equal(model.metadata['general.name'], 'tiny-script');
  assert.equal(model.contextSize, 2048);
});

test('a runtime that was closed', async () => {
  const runtime = new Runtime();
  const model = await load(SCRIPT, { runtime });
  runtime.close();
  runtime[Symbol.dispose]();
  await closed(load(SCRIPT, { runtime }));
  await closed(() => runtime.setLog(() => {}));
  await closed(() => runtime.setLog(null));
  assert.equal((await model.session().chat('Go.')).text, SCRIPT_REPLY);
});

test('a stream that was disposed of has ended', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const session = model.session();
  const stream = session.stream('Count.');
  await stream[Symbol.asyncDispose]();
  assert.ok(stream.finished);
  assert.equal((await session.chat('Count.', { maxTokens: 1 })).usage.completionTokens, 1);
  await stream[Symbol.asyncDispose]();
  await model.close();
});

test('a close that must not wait says so, and goes on', async () => {
  // The step under way may end at that very moment, so it is tried until it does not.
  for (let attempt = 0; attempt < 50; attempt++) {
    const model = await load(SMOLLM2, { ubatchSize: 512 });
    const session = model.session();
    const reading = await new Reading(session.stream('The llama looks back. '.repeat(300))).toProgress();
    const outcome = await session.close({ timeoutMs: 0 }).catch((error) => error);
    await session.close();
    (await reading.rest()).cancelled();
    await model.close();
    if (outcome === undefined) continue;
    assert.deepEqual([outcome.code, outcome.reason], ['DEADLINE_EXCEEDED', 'close_timeout']);
    return;
  }
  assert.fail('no close ever ran out of time');
});

test('what nobody refers to any more is collected', async () => {
  const model = await load(SCRIPT, { maxSessions: 1 });
  const use = async () => {
    const session = model.session();
    await session.chat('Go.');
  };
  for (let i = 0; i < 5; i++) {
    await until(async () => {
      globalThis.gc();
      await new Promise(setImmediate);
      return use().then(
        () => true,
        (error) => assert.equal(error.reason, 'session_limit'),
      );
    });
  }
});

test('a long-lived signal does not keep a stream that nobody reads', async () => {
  const model = await load(LONG, { maxSessions: 1 });
  const { signal } = new AbortController();
  (() => model.session().stream('Count.', { signal }))();
  await until(async () => {
    globalThis.gc();
    await new Promise(setImmediate);
    try {
      return model.session();
    } catch (error) {
      assert.equal(error.reason, 'session_limit');
      return undefined;
    }
  });
});
