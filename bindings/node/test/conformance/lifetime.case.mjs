// Closing and giving up, in any order, while work runs.
import {
  LONG,
  LONG_WORDS,
  Reading,
  SCRIPT,
  SCRIPT_REPLY,
  SMOLLM2,
  assert,
  chat,
  fails,
  load,
  read,
  sleep,
  until,
} from './harness.mjs';

/** Chats as soon as the session's former request has ended. */
async function chatWhenIdle(session) {
  for (;;) {
    try {
      return await chat(session, 'Count.', { maxTokens: 8 });
    } catch (error) {
      if (error.reason !== 'concurrent_use') throw error;
      globalThis.gc();
      await sleep(2);
    }
  }
}

const closed = (call) => fails(call, 'FAILED_PRECONDITION', 'closed');
const closedWhileRunning = (reading) => reading.failed('cancelled', 'CANCELLED', 'closed_while_running');

export async function unload_while_running() {
  const model = await load(LONG);
  const session = model.session();
  const running = await new Reading(session.stream('Count.', { eventQueue: 4 })).toToken(3);
  const waiting = model.session().stream('Count.', { eventQueue: 4 });
  await model.close();
  assert.ok(running.stream.finished && waiting.finished);
  closedWhileRunning(await running.rest());
  closedWhileRunning(await read(waiting));
  await closed(() => session.stream('Count.'));
  await closed(() => model.session());
  await model.close();
  assert.equal(model.metadata['general.name'], 'tiny-script');
  assert.equal((await chat((await load(SCRIPT)).session(), 'Go.')).text, SCRIPT_REPLY);
}

/** In the middle of a step of a slow prefill. */
export async function unload_in_prefill() {
  const model = await load(SMOLLM2, { ubatchSize: 256 });
  const prompt = 'The llama walks up the mountain and looks back. '.repeat(130);
  const reply = await new Reading(model.session().stream(prompt)).toProgress();
  await model.close();
  closedWhileRunning(await reply.rest());
  assert.equal(reply.progress.length, 1);
}

export async function free_model_before_session() {
  const model = await load(SCRIPT);
  const session = model.session();
  const stream = session.stream('Go.', { eventQueue: 1 });
  model[Symbol.dispose]();
  assert.equal((await read(stream)).text, SCRIPT_REPLY);
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}

export async function free_session_before_request() {
  let model = await load(SCRIPT, { maxSessions: 1 });
  let session = model.session();
  let stream = session.stream('Go.', { eventQueue: 1 });
  session[Symbol.dispose]();
  model[Symbol.dispose]();
  assert.equal((await read(stream)).text, SCRIPT_REPLY);
  model = await load(SCRIPT, { maxSessions: 1 });
  session = model.session();
  stream = session.stream('Go.');
  session[Symbol.dispose]();
  assert.equal((await read(stream)).text, SCRIPT_REPLY);
  await until(() => {
    try {
      return model.session();
    } catch (error) {
      assert.equal(error.reason, 'session_limit');
      return undefined;
    }
  });
}

/** What nobody refers to any more is collected, and with it the request: read in part, and never read. */
export async function free_request_cancels() {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  await (async () => {
    await new Reading(session.stream('Count.', { eventQueue: 1048576 })).toToken(2);
  })();
  assert.equal((await chatWhenIdle(session)).text, LONG_WORDS);
  (() => session.stream('Count.'))();
  assert.equal((await chatWhenIdle(session)).text, LONG_WORDS);
}

/** Inside its own loop, and inside its own callback. */
export async function free_in_callback() {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  const stream = session.stream('Count.');
  for await (const event of stream) if (event.kind === 'text') await stream.return();
  await fails(stream.reply(), 'CANCELLED', 'cancelled');
  assert.equal((await chat(session, 'Count.', { maxTokens: 8 })).text, LONG_WORDS);

  await fails(session.chat('Count.', { onText: () => session.cancel() }), 'CANCELLED', 'cancelled');
  assert.equal((await chat(session, 'Count.', { maxTokens: 8 })).text.length, LONG_WORDS.length);
}

/** Whoever waits in another call is told, and does not wait for ever. */
export async function free_while_another_thread_reads() {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  const stream = session.stream('Count.');
  const waiting = Array.from({ length: 200 }, () => stream.next());
  await stream.return();
  assert.ok((await Promise.all(waiting)).at(-1).done);
  const reply = session.stream('Count.').reply();
  reply.catch(() => {}); // it is refused before anybody awaits it
  await session.close();
  await fails(reply, 'CANCELLED', 'cancelled');
}

export async function close_then_use() {
  const model = await load(LONG);
  const session = model.session();
  const reply = await new Reading(session.stream('Count.', { eventQueue: 4 })).toToken(2);
  await reply.stream.return();
  assert.ok(reply.stream.finished);
  assert.ok((await reply.stream.next()).done);
  await fails(reply.stream.reply(), 'CANCELLED', 'cancelled');

  await reply.stream.return();
  assert.equal((await chat(session, 'Count.', { maxTokens: 2 })).tokens.length, 2);
  assert.equal(session.messageCount, 4);

  await model.close();
  await closed(session.chat('Count.'));
  await closed(session.generate('Count.'));
  await closed(session.continueAnswer());
  await closed(() => session.messageCount);
  await model.close();
  await session.close();
}

export async function session_close() {
  const model = await load(LONG);
  const session = model.session();
  const reply = await new Reading(session.stream('Count.', { eventQueue: 4 })).toToken(2);
  await session.close();
  assert.ok(reply.stream.finished);
  (await reply.rest()).cancelled();
  await session.close();
  await closed(session.chat('Count.'));
  await closed(session.continueAnswer());
  await closed(() => session.reset());
  assert.equal((await chat(model.session(), 'Count.', { maxTokens: 2 })).tokens.length, 2);
}

export async function events_outlive_request() {
  const model = await load(SCRIPT);
  const events = [];
  for await (const event of model.session().stream('Go.')) events.push(event);
  await model.close();
  globalThis.gc();
  const text = events.find((event) => event.kind === 'text');
  assert.equal(text.text, 'Hello');
  assert.equal(Buffer.from(text.bytes).toString(), 'Hello');
  assert.equal(events.at(-1).finishReason, 'stop');
}
