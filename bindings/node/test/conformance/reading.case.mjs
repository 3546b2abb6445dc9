// The ways to read, and the one final event.
import { LONG, LONG_WORDS, SCRIPT, assert, chat, fails, load, read, until } from './harness.mjs';

/** A loop, the reply alone, and a callback. */
export async function three_ways_of_reading() {
  const model = await load('tiny-emoji.gguf');
  const pulled = await read(model.session().stream('Go.'));
  const looped = [];
  for await (const event of model.session().stream('Go.')) looped.push(event);
  const texts = looped.filter((event) => event.kind === 'text');
  assert.deepEqual(
    texts.map((event) => event.token),
    pulled.tokens,
  );
  assert.equal(texts.map((event) => event.text).join(''), pulled.text);
  assert.equal(looped.at(-1).finishReason, pulled.end.finishReason);

  const stream = model.session().stream('Go.');
  const whole = stream.reply();
  await fails(stream.next(), 'FAILED_PRECONDITION', 'reader_taken');
  let told = '';
  const called = await model.session().chat('Go.', { onText: (text) => (told += text) });
  assert.deepEqual([(await whole).text, called.text, told], [pulled.text, pulled.text, pulled.text]);
  assert.deepEqual([(await whole).finishReason, called.finishReason], ['stop', 'stop']);
}

export async function run_without_callback() {
  const session = (await load(SCRIPT)).session();
  assert.equal((await session.chat('Go.')).finishReason, 'stop');
  await fails(session.chat('Go.', { grammar: '(' }), 'INVALID_ARGUMENT', 'invalid_grammar');
}

/** A callback stops a request by throwing, at once or later. */
export async function callback_stop() {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  for (const stop of [
    () => {
      throw new Error('enough');
    },
    async () => {
      throw new Error('enough');
    },
  ]) {
    let calls = 0;
    const onText = () => (++calls < 3 ? undefined : stop());
    await assert.rejects(session.chat('Count.', { onText, eventQueue: 8 }), { message: 'enough' });
    assert.equal(calls, 3);
    // It was cancelled, and has ended: the session is free.
    assert.equal((await chat(session, 'Count.', { maxTokens: 2 })).tokens.length, 2);
  }
}

export async function one_reader() {
  const stream = (await load(LONG, { ctxSize: 131072 })).session().stream('Count.');
  const reply = stream.reply();
  await fails(stream.next(), 'FAILED_PRECONDITION', 'reader_taken');
  await fails(async () => {
    for await (const event of stream) assert.fail(event);
  }, 'FAILED_PRECONDITION', 'reader_taken');
  stream.cancel();
  await fails(reply, 'CANCELLED', 'cancelled');
  await fails(stream.next(), 'FAILED_PRECONDITION', 'reader_taken');
}

export async function exactly_one_final_event() {
  const model = await load(LONG, { ctxSize: 1024 });
  const start = (options) => model.session().stream('Go.', options);
  const streams = [
    start({ maxTokens: 3 }),
    start({ stop: 'three' }),
    start({ eventQueue: 2 }),
    start({ eventQueue: 2, deadlineMs: 300 }),
    start({ eventQueue: 2000 }),
  ];
  for (let i = 0; i < 3; i++) streams[2].cancel();
  await until(() => streams[3].finished); // read, it would reach the end of the window first
  const ends = [];
  for (const stream of streams) {
    // `rest` checks that there is one end, and that nothing follows it.
    ends.push((await read(stream)).end.finishReason);
    stream.cancel();
    assert.ok((await stream.next()).done);
  }
  assert.deepEqual(ends, ['length', 'stop', 'cancelled', 'deadline', 'error']);
}

/** A stream that is over says so in the way of JavaScript, each time. */
export async function finished_after_final() {
  const stream = (await load(SCRIPT)).session().stream('Go.');
  await read(stream);
  assert.ok(stream.finished);
  for (let i = 0; i < 3; i++) assert.deepEqual(await stream.next(), { value: undefined, done: true });
  for await (const event of stream) assert.fail(event);
  assert.equal((await stream.reply()).finishReason, 'stop');
  assert.equal((await chat((await load(LONG)).session(), 'Go.', { maxTokens: 8 })).text, LONG_WORDS);
}
