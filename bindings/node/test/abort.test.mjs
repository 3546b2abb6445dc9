// Aborting in each phase: the reason of the signal is what fails, once the request has ended.
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { download } from 'chaku';

import {
  LONG,
  Reading,
  SCRIPT,
  SCRIPT_REPLY,
  SMOLLM2,
  assert,
  fails,
  load,
  makeBusy,
  read,
  until,
} from './conformance/harness.mjs';
import { startHub } from './hub.mjs';

const LONG_PROMPT = 'The llama walks up the mountain and looks back. '.repeat(130);

/** What fetch fails with when it is aborted. */
function checkAbortError(error, signal) {
  assert.equal(error, signal.reason);
  assert.ok(error instanceof Error);
  assert.ok(error instanceof DOMException);
  assert.equal(error.name, 'AbortError');
  assert.equal(error.code, DOMException.ABORT_ERR);
}

/** Starts something that aborts itself, or is aborted after some milliseconds, and checks how it fails. */
async function aborts(start, milliseconds) {
  const controller = new AbortController();
  const { signal } = controller;
  const outcome = start(signal, () => controller.abort()).then(
    () => assert.fail('it was not aborted'),
    (error) => error,
  );
  if (milliseconds !== undefined) setTimeout(() => controller.abort(), milliseconds);
  checkAbortError(await outcome, signal);
  // The signal has forgotten it.
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
}

test('in a load', async () => {
  await aborts((signal) => load(SMOLLM2, { signal, mmap: false }), 1);
});

test('in a download whose server has stalled', async () => {
  const hub = await startHub();
  await aborts(async (signal, abort) => {
    const downloading = download('hf:test/stall', { signal, ...hub.options });
    await hub.stalled();
    abort();
    return await downloading;
  });
  hub.say('go');
  assert.equal((await download('hf:test/stall', hub.options)).length, 1);
  await hub.stop();
});

test('behind another request', async () => {
  const { model, stream } = await makeBusy({ ctxSize: 131072 });
  const session = model.session();
  await aborts((signal) => session.chat('Go.', { signal }), 5);
  assert.equal(session.messageCount, 0);
  assert.ok(!stream.finished);
  await model.close();
});

test('while the prompt is prepared', async () => {
  // As much text as this window might just hold: more is refused at once.
  const session = (await load(SCRIPT, { ctxSize: 131072 })).session();
  await aborts((signal) => session.chat('some words to cut, '.repeat(90000), { signal }), 5);
  assert.equal((await session.chat('Go.')).text, SCRIPT_REPLY);
});

test('in prefill', async () => {
  const session = (await load(SMOLLM2, { ubatchSize: 64 })).session();
  await aborts((signal, abort) => session.chat(LONG_PROMPT, { signal, onProgress: abort }));
  assert.equal(session.contextUsed, 0);
  assert.equal((await session.chat('Hi.', { maxTokens: 2, ignoreEos: true })).usage.completionTokens, 2);
});

test('in decode, with callbacks, without, and in a loop', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const session = model.session();
  await aborts((signal, abort) => session.chat('Count.', { signal, onText: abort }));
  await aborts((signal) => session.chat('Count.', { signal }), 20);
  await aborts(async (signal, abort) => {
    for await (const event of session.stream('Count.', { signal })) if (event.kind === 'text') abort();
  });
  await aborts((signal) => session.stream('Count.', { signal }).reply(), 20);
  // The session is free each time, and has what was written.
  assert.equal((await session.continueAnswer({ maxTokens: 2 })).usage.completionTokens, 2);
  await model.close();
});

test('while nobody reads', async () => {
  const model = await load(LONG);
  const controller = new AbortController();
  const stream = model.session().stream('Count.', { signal: controller.signal, eventQueue: 2 });
  const reading = await new Reading(stream).toToken(1);
  controller.abort();
  await until(() => stream.finished);
  // What was computed before is not wanted any more.
  await assert.rejects(reading.stream.next(), (error) => error === controller.signal.reason);
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
  await assert.rejects(stream.reply(), (error) => error === controller.signal.reason);
  await model.close();
});

test('before it began: nothing is started', async () => {
  const session = (await load(LONG)).session();
  const signal = AbortSignal.abort();
  await assert.rejects(session.chat('Count.', { signal }), (error) => error === signal.reason);
  assert.throws(() => session.stream('Count.', { signal }), (error) => error === signal.reason);
  await assert.rejects(load('no-such-file.gguf', { signal }), (error) => error === signal.reason);
  // Else the session would be busy.
  session.reset();
});

test('after the end it changes nothing', async () => {
  const session = (await load(SCRIPT)).session();
  const controller = new AbortController();
  const stream = session.stream('Go.', { signal: controller.signal });
  await until(() => stream.finished);
  controller.abort();
  assert.equal((await read(stream)).ended('stop').text, SCRIPT_REPLY);
});

test('no callback is called after it', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const controller = new AbortController();
  let calls = 0;
  const onText = async () => {
    if (++calls === 3) controller.abort();
    await sleep(1);
  };
  const outcome = model.session().chat('Count.', { signal: controller.signal, onText });
  await assert.rejects(outcome, { name: 'AbortError' });
  assert.equal(calls, 3);
  await model.close();
});

test('the reason is whatever the signal has', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const session = model.session();
  for (const reason of [new Error('no time'), 'a word', null]) {
    const controller = new AbortController();
    const onText = () => controller.abort(reason);
    const outcome = await session.chat('Count.', { signal: controller.signal, onText }).catch((error) => ({ error }));
    assert.deepEqual(outcome, { error: reason });
  }
  await assert.rejects(session.chat('Count.', { signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
  await model.close();
});

test('a request that fails on its own, or is cancelled otherwise, does not blame the signal', async () => {
  const model = await load(LONG);
  const session = model.session();
  const { signal } = new AbortController();
  await fails(session.chat('Go.', { signal, grammar: '(' }), 'INVALID_ARGUMENT', 'invalid_grammar');
  await fails(session.chat('Go.', { signal, onText: () => session.cancel() }), 'CANCELLED', 'cancelled');
  await fails(session.chat('Go.', { signal, deadlineMs: 1 }), 'DEADLINE_EXCEEDED', 'deadline');
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
  await model.close();
});

test('one signal for many requests draws no warning', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const controller = new AbortController();
  process.once('warning', assert.fail);
  const outcomes = Array.from({ length: 12 }, () => model.session().chat('Count.', { signal: controller.signal }));
  await sleep(20);
  controller.abort();
  for (const { status, reason } of await Promise.allSettled(outcomes)) {
    assert.deepEqual([status, reason], ['rejected', controller.signal.reason]);
  }
  process.off('warning', assert.fail);
  await model.close();
});
