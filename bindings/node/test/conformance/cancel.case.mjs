// Cancelling in each phase, and what is left of it. Loading is in load.case.mjs.
import {
  ASSISTANT,
  LONG,
  LONG_WORDS,
  Reading,
  SCRIPT,
  SCRIPT_REPLY,
  SMOLLM2,
  USER,
  assert,
  chat,
  countTokens,
  load,
  makeBusy,
  read,
  sleep,
  until,
} from './harness.mjs';

/** A prompt SmolLM2 needs seconds for on one thread, and steps small enough to be seen between. */
const SLOW_MODEL = { ubatchSize: 64, ctxSize: 4096 };
const LONG_PROMPT = 'The llama walks up the mountain and looks back. '.repeat(130);

export async function cancel_queued() {
  const other = await makeBusy({ ctxSize: 131072 });
  const session = other.model.session();
  const stream = session.stream('Go.');
  stream.cancel();
  const reply = (await read(stream)).cancelled();
  assert.equal(reply.usage.completionTokens, 0);
  assert.equal(session.messageCount, 0);
  assert.ok(!other.stream.finished); // it is the other one that keeps the engine busy
  other.stream.cancel();
  assert.equal((await chat(session, 'Go.', { maxTokens: 2 })).tokens.length, 2);
}

/** Megabytes of text are tokenized for seconds. */
export async function cancel_preparing() {
  // As much text as this window might just hold: more is refused at once.
  const session = (await load(SCRIPT, { ctxSize: 131072 })).session();
  const stream = session.stream('some words to cut, '.repeat(90000));
  await sleep(20);
  stream.cancel();
  const reply = (await read(stream)).cancelled();
  assert.equal(reply.usage.completionTokens, 0);
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}

export async function cancel_prefill() {
  const session = (await load(SMOLLM2, SLOW_MODEL)).session();
  const reply = await new Reading(session.stream(LONG_PROMPT)).toProgress();
  reply.stream.cancel();
  (await reply.rest()).cancelled();
  assert.equal(reply.usage.completionTokens, 0);
  assert.ok(reply.progress.at(-1) < 1);
  assert.ok(reply.usage.promptTokens > 1000);
  assert.equal(session.contextUsed, 0);
  assert.equal(session.messageCount, 0);
}

/** The step under way is given up: it would end in a progress event. */
export async function cancel_inside_a_prefill_step() {
  const session = (await load(SMOLLM2, { ubatchSize: 256 })).session();
  const reply = await new Reading(session.stream(LONG_PROMPT)).toProgress();
  reply.stream.cancel();
  (await reply.rest()).cancelled();
  assert.equal(reply.progress.length, 1);
  assert.equal((await chat(session, 'Hi.', { maxTokens: 2, ignoreEos: true })).tokens.length, 2);
}

/** While the reader waits. */
export async function cancel_decode() {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  const reply = await new Reading(session.stream('Count.', { eventQueue: 8 })).toToken(10);
  setTimeout(() => reply.stream.cancel(), 50);
  (await reply.rest()).cancelled();
  assert.ok(reply.usage.completionTokens >= 10);
}

export async function cancel_paused() {
  const session = (await load(LONG)).session();
  const reply = await new Reading(session.stream('Count.', { eventQueue: 1 })).toToken(1);
  await sleep(50); // the queue is full again, the request waits for its reader
  reply.stream.cancel();
  await until(() => reply.stream.finished);
  (await reply.rest()).cancelled();
  assert.ok(reply.tokens.length <= 4);
}

/** Stops an endless answer after some tokens. */
async function cutShort(session, text) {
  const reply = await new Reading(session.stream(text, { eventQueue: 4 })).toToken(5);
  reply.stream.cancel();
  return (await reply.rest()).cancelled();
}

export async function cancel_keeps_partial_answer() {
  const model = await load(LONG);
  const session = model.session();
  const cut = await cutShort(session, 'Count.');
  assert.ok(cut.text.startsWith(' one two three four five'));
  assert.equal(session.messageCount, 2);
  assert.equal(session.contextUsed, cut.usage.contextUsed);
  const next = await chat(session, 'More.', { maxTokens: 3 });
  const parts = [USER('Count.') + ASSISTANT, cut.text, `<|im_end|>\n${USER('More.')}${ASSISTANT}`];
  const counts = await Promise.all(parts.map((part) => countTokens(model, part, true)));
  assert.equal(next.usage.promptTokens, counts[0] + counts[1] + counts[2]);
  assert.ok(next.usage.cachedTokens >= cut.usage.contextUsed - 1);
  assert.equal(next.text, ' one two three');
}

export async function cancel_then_continue() {
  const session = (await load(LONG)).session();
  const cut = await cutShort(session, 'Count.');
  const rest = (await read(session.streamContinue({ maxTokens: 8 }))).ended('length');
  // Together they are the walk without a gap: the rest begins where the partial answer ended.
  assert.ok(LONG_WORDS.repeat(3000).startsWith(cut.text + rest.text));
  assert.equal(session.messageCount, 2);
}

export async function cancel_rollback() {
  const model = await load(LONG);
  const session = model.session({ onCancel: 'rollback' });
  await cutShort(session, 'Count.');
  assert.equal(session.messageCount, 0);
  assert.equal(session.contextUsed, 0);
  const next = await chat(session, 'More.', { maxTokens: 3 });
  assert.equal(next.usage.promptTokens, await countTokens(model, USER('More.') + ASSISTANT, true));
  await cutShort(session, 'Count.');
  assert.equal(session.messageCount, 2);
  assert.equal(session.contextUsed, next.usage.contextUsed);
}

export async function cancel_before_first_token_leaves_session() {
  const session = (await load(SMOLLM2, SLOW_MODEL)).session();
  const before = await chat(session, 'Hi.', { maxTokens: 4, ignoreEos: true });
  const cut = await new Reading(session.stream(LONG_PROMPT)).toProgress();
  cut.stream.cancel();
  (await cut.rest()).cancelled();
  assert.equal(cut.usage.completionTokens, 0);
  assert.equal(session.messageCount, 2);
  assert.equal(session.contextUsed, before.usage.contextUsed);
  const after = (await chat(session, 'Hi.', { maxTokens: 4, ignoreEos: true })).ended('length');
  assert.ok(after.usage.cachedTokens >= before.usage.promptTokens);
  assert.ok(after.usage.promptTokens < before.usage.contextUsed + 40);
}

export async function session_usable_after_cancel() {
  const session = (await load(SCRIPT)).session();
  for (let i = 0; i < 20; i++) {
    const reply = new Reading(session.stream('Go.', { eventQueue: 1 }));
    if (i % 2) await reply.toToken(1); // in decode; else wherever it happens to be
    reply.stream.cancel();
    (await reply.rest()).cancelled();
    assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
  }
}

export async function cancel_after_the_end() {
  const stream = (await load(SCRIPT)).session().stream('Go.');
  await until(() => stream.finished);
  stream.cancel();
  stream.cancel();
  assert.equal((await read(stream)).ended('stop').text, SCRIPT_REPLY);
}

/** Without the stream, and also when there is nothing to cancel. */
export async function cancel_through_session() {
  const session = (await load(LONG)).session();
  session.cancel();
  const reply = await new Reading(session.stream('Count.', { eventQueue: 4 })).toToken(2);
  session.cancel();
  (await reply.rest()).cancelled();
  assert.equal((await chat(session, 'Count.', { maxTokens: 2 })).tokens.length, 2);
}
