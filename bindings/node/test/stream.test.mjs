// Streams: backpressure, turns of the event loop, several calls at once.
import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import {
  LONG,
  LONG_WORDS,
  Reading,
  SCRIPT,
  SCRIPT_REPLY,
  assert,
  chat,
  fails,
  load,
  makeBusy,
  until,
} from './conformance/harness.mjs';

/** Gives the engine all the time it wants: other sessions are served, whole answers of them. */
async function meanwhile(model) {
  for (let i = 0; i < 3; i++) assert.equal((await chat(model.session(), 'Go.', { maxTokens: 200 })).tokens.length, 200);
}

/** How many tokens were computed for a stream that is cancelled now. */
async function computed(reading) {
  reading.stream.cancel();
  return (await reading.rest()).cancelled().usage.completionTokens;
}

for (const [name, options, read, most] of [
  ['a stream that nobody reads', { eventQueue: 8 }, 0, 8 + 1],
  ['a stream of which one token was read', { eventQueue: 8 }, 1, 8 + 8 + 1],
  ['the same in lockstep', { eventQueue: 1 }, 1, 1 + 1 + 1],
  ['the same with the usual queue', {}, 1, 256 + 64 + 1],
]) {
  test(`${name} pauses its request`, async () => {
    const model = await load(LONG, { ctxSize: 131072 });
    const reading = new Reading(model.session().stream('Count.', options));
    await meanwhile(model);
    await reading.toToken(read);
    await meanwhile(model);
    const tokens = await computed(reading);
    assert.ok(tokens > read && tokens <= most, `${tokens} tokens`);
    await model.close();
  });
}

test('a slow callback pauses its request', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  let release;
  let texts = 0;
  const onText = () => (++texts === 3 ? new Promise((resolve) => (release = resolve)) : undefined);
  const session = model.session();
  const reply = session.chat('Count.', { eventQueue: 8, onText });
  await until(() => release !== undefined);
  await meanwhile(model);
  session.cancel();
  release();
  const { usage } = (await fails(reply, 'CANCELLED', 'cancelled')).reply;
  assert.ok(usage.completionTokens <= 3 + 8 + 8 + 1, `${usage.completionTokens} tokens`);
  await model.close();
});

test('a consumer that is always ready leaves the event loop its turns', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const stream = model.session().stream('Count.', { eventQueue: 1048576, maxTokens: 5000 });
  await until(() => stream.finished);
  let turns = 0;
  let running = true;
  (function turn() {
    turns++;
    if (running) setImmediate(turn);
  })();
  for await (const event of stream) assert.ok(event);
  running = false;
  // All events are there, so that nothing but the stream itself gives way.
  assert.ok(turns >= 5000 / 64, `${turns} turns`);
  await model.close();
});

test('several calls of next at once get the events in order', async () => {
  const model = await load(SCRIPT);
  const session = model.session();
  for (let i = 0; i < 20; i++) {
    session.reset();
    const stream = session.stream('Go.', { eventQueue: 1 + (i % 3) });
    const results = await Promise.all(Array.from({ length: 12 }, () => stream.next()));
    const texts = results.filter(({ value }) => value?.kind === 'text').map(({ value }) => value.text);
    assert.equal(texts.join(''), SCRIPT_REPLY);
    const ends = results.findIndex(({ value }) => value?.kind === 'final');
    assert.ok(ends > 0);
    assert.deepEqual(results.slice(ends + 1), results.slice(ends + 1).fill({ value: undefined, done: true }));
  }
  await model.close();
});

test('a call that waits is told when another call has read the end', async () => {
  const { model, stream: busy } = await makeBusy({ ctxSize: 131072 });
  for (let i = 0; i < 20; i++) {
    const stream = model.session().stream('Go.'); // it waits in the queue, where a cancel ends it at once
    const waiting = stream.next();
    await new Promise(setImmediate);
    await stream.return();
    assert.deepEqual(await waiting, { value: undefined, done: true });
    globalThis.gc();
  }
  assert.ok(!busy.finished);
  await model.close();
});

test('a loop that is left has cancelled the request when it is left', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const session = model.session();
  for (let i = 0; i < 20; i++) {
    for await (const event of session.stream('Count.')) if (event.kind === 'text') break;
    // Else this would be refused: the session is busy.
    assert.equal((await session.chat('Count.', { maxTokens: 1 })).usage.completionTokens, 1);
  }
  await assert.rejects(
    async () => {
      for await (const event of session.stream('Count.')) throw new Error(event.kind);
    },
    { message: /progress|text/ },
  );
  assert.equal((await session.chat('Count.', { maxTokens: 1 })).usage.completionTokens, 1);
  await model.close();
});

test('reply() after a loop, beside a loop, and instead of one', async () => {
  const model = await load(SCRIPT);
  const session = model.session();
  const after = session.stream('Go.');
  for await (const event of after) assert.ok(event);
  assert.equal((await after.reply()).text, SCRIPT_REPLY);
  const beside = session.stream('Go.');
  const first = await beside.next();
  const reply = beside.reply();
  let text = first.value.text ?? '';
  for await (const event of beside) text += event.text ?? '';
  assert.equal(text, SCRIPT_REPLY);
  assert.equal((await reply).text, SCRIPT_REPLY);
  const instead = session.stream('Go.');
  assert.deepEqual((await Promise.all([instead.reply(), instead.reply()])).map(({ text }) => text), [
    SCRIPT_REPLY,
    SCRIPT_REPLY,
  ]);
  await model.close();
});

test('a stream is a source of Readable', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const session = model.session();
  const readable = Readable.from(session.stream('Count.'));
  let text = '';
  for await (const event of readable) {
    text += event.text ?? '';
    if (text.length >= LONG_WORDS.length) break;
  }
  assert.ok(LONG_WORDS.repeat(2).startsWith(text));
  await until(() => session.chat('Count.', { maxTokens: 1 }).then(Boolean, () => false));
  await model.close();
});

test('a stream that fails and that nobody reads disturbs nobody', () => {
  const script = `
    import { loadModel } from 'chaku';
    const model = await loadModel(process.argv[1], { threads: 1 });
    const session = model.session();
    const streams = [{ grammar: '(' }, { deadlineMs: 1 }].map((options) => model.session().stream('Go.', options));
    const cancelled = session.stream('Go.');
    cancelled.cancel();
    const aborted = model.session().stream('Go.', { signal: AbortSignal.timeout(1) });
    while (![...streams, cancelled, aborted].every((stream) => stream.finished)) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 50));
    globalThis.gc();
    await model.close();
    console.log('undisturbed');
  `;
  const model = `${process.env.CHAKU_TEST_MODELS}/${SCRIPT}`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--unhandled-rejections=strict', '--input-type=module', '--eval', script, model],
    { cwd: new URL('.', import.meta.url), encoding: 'utf8', timeout: 120_000 },
  );
  assert.deepEqual([stdout, stderr, status], ['undisturbed\n', '', 0]);
});
