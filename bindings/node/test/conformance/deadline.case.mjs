// Deadlines, which count from the call.
import { Runtime } from 'chaku';

import {
  LONG,
  LONG_WORDS,
  SCRIPT,
  SCRIPT_REPLY,
  SMOLLM2,
  assert,
  chat,
  fails,
  load,
  makeBusy,
  read,
  until,
} from './harness.mjs';

export async function deadline_in_queue() {
  const other = await makeBusy({ ctxSize: 131072 });
  const session = other.model.session();
  const reply = (await chat(session, 'Go.', { deadlineMs: 100 })).expired();
  assert.equal(reply.usage.completionTokens, 0);
  assert.ok(reply.end.timings.totalMs >= 100);
  assert.equal(session.messageCount, 0);
  assert.ok(!other.stream.finished);
}

/** Nobody reads, and still it ends in time. */
export async function deadline_unread() {
  const other = await makeBusy({ ctxSize: 131072 });
  const stream = other.model.session().stream('Go.', { deadlineMs: 100 });
  await until(() => stream.finished);
  assert.ok(!other.stream.finished);
  (await read(stream)).expired();
}

export async function deadline_in_decode() {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  const reply = (await chat(session, 'Count.', { deadlineMs: 500 })).expired();
  assert.ok(reply.usage.completionTokens > 0);
  assert.ok(reply.end.timings.totalMs >= 500);
  assert.ok(reply.text.startsWith(LONG_WORDS));
  assert.equal(session.messageCount, 2);
}

export async function deadline_while_paused() {
  const stream = (await load(LONG)).session().stream('Count.', { deadlineMs: 500, eventQueue: 1 });
  await until(() => stream.finished);
  (await read(stream)).expired();
}

export async function deadline_in_prefill() {
  const session = (await load(SMOLLM2, { ubatchSize: 16 })).session();
  const prompt = 'The llama walks up the mountain and looks back. '.repeat(300);
  const reply = (await chat(session, prompt, { deadlineMs: 2000 })).expired();
  assert.equal(reply.usage.completionTokens, 0);
  assert.ok(reply.progress.length > 0);
  assert.ok(reply.progress.at(-1) < 1);
  assert.equal(session.contextUsed, 0);
  assert.equal((await chat(session, 'Hi.', { maxTokens: 2, ignoreEos: true })).tokens.length, 2);
}

export async function deadline_of_a_load() {
  const error = await fails(load(SMOLLM2, { deadlineMs: 1, mmap: false }), 'DEADLINE_EXCEEDED', 'deadline');
  assert.equal(error.reply, undefined);
}

export async function runtime_default_deadline() {
  const runtime = new Runtime({ defaultDeadlineMs: 1500 });
  const session = (await load(LONG, { runtime, ctxSize: 131072 })).session();
  (await chat(session, 'Count.')).expired();
  // A deadline of its own speaks first, and 0 is none.
  (await chat(session, 'Count.', { deadlineMs: 200 })).expired();
  (await chat(session, 'Count.', { deadlineMs: 0, maxTokens: 3 })).ended('length');
}

export async function deadline_met() {
  const reply = await chat((await load(SCRIPT)).session(), 'Go.', { deadlineMs: 60000 });
  assert.equal(reply.ended('stop').text, SCRIPT_REPLY);
}
