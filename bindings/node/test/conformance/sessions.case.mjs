// Several sessions of one model, and the limits that keep everything bounded.
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
  read,
} from './harness.mjs';

export async function several_sessions_at_once() {
  const model = await load(SCRIPT);
  const talks = Array.from({ length: 8 }, async (_, number) => {
    const text = `${'I am one of those who ask, and you are the one to answer.'.slice(0, 1 + number * 5)}?`;
    const session = model.session();
    return [await chat(session, text), await chat(session, text)];
  });
  let before;
  for (const [first, second] of await Promise.all(talks)) {
    assert.equal(first.ended('stop').text, SCRIPT_REPLY);
    assert.equal(second.ended('stop').text, SCRIPT_REPLY);
    // Each has its own conversation: a question of another length, and its own first turn in the cache.
    assert.notEqual(first.usage.promptTokens, before);
    assert.equal(second.usage.cachedTokens, first.usage.contextUsed);
    before = first.usage.promptTokens;
  }
}

/** More text in all sessions than the memory holds: the least recently used one gives way, and computes again. */
export async function sessions_share_memory() {
  const model = await load(SCRIPT, { ctxSize: 256 });
  const sessions = Array.from({ length: 6 }, () => model.session());
  for (let turn = 1; turn <= 3; turn++) {
    for (const session of sessions) {
      assert.equal((await chat(session, 'What do you say?')).ended('stop').text, SCRIPT_REPLY);
      assert.equal(session.messageCount, 2 * turn);
    }
  }
}

export async function session_busy() {
  const session = (await load(LONG)).session();
  const running = new Reading(session.stream('Count.', { eventQueue: 1 }));
  const refused = (call) => fails(call, 'FAILED_PRECONDITION', 'concurrent_use');
  await refused(() => session.stream('Go.'));
  await refused(session.chat('Go.'));
  await refused(session.generate('Go.'));
  await refused(session.ingest('Go.', { role: 'user' }));
  await refused(session.continueAnswer());
  await refused(() => session.reset());
  await running.toToken(3);
  running.stream.cancel();
  await running.rest();
  assert.equal((await chat(session, 'Go.', { maxTokens: 8 })).text, LONG_WORDS);
}

export async function session_limit() {
  const model = await load(SCRIPT, { maxSessions: 2 });
  const [first, second] = [model.session(), model.session()];
  const error = await fails(() => model.session(), 'RESOURCE_EXHAUSTED', 'session_limit');
  assert.equal(error.details.limit, '2');
  first[Symbol.dispose]();
  assert.equal((await chat(second, 'Go.')).text, SCRIPT_REPLY);
  assert.equal((await chat(model.session(), 'Go.')).text, SCRIPT_REPLY);
  // Places are given back for ever.
  await second.close();
  for (let i = 0; i < 300; i++) model.session()[Symbol.dispose]();
}

export async function queue_full() {
  const other = await makeBusy({ ctxSize: 131072, queueLimit: 2 });
  const [one, two, three] = Array.from({ length: 3 }, () => other.model.session());
  const first = one.stream('Go.', { maxTokens: 1 });
  const second = two.stream('Go.', { maxTokens: 1 });
  const error = await fails(() => three.stream('Go.'), 'RESOURCE_EXHAUSTED', 'queue_full');
  assert.deepEqual([error.details.limit, error.details.queued], ['2', '2']);
  assert.ok(!other.stream.finished);
  // One that is cancelled makes room at once, and the refused session is as before.
  first.cancel();
  const third = three.stream('Go.', { maxTokens: 1 });
  other.stream.cancel();
  (await read(first)).cancelled();
  (await read(second)).ended('length');
  (await read(third)).ended('length');
}

export async function first_come_first_served() {
  const other = await makeBusy({ ctxSize: 131072 });
  const streams = Array.from({ length: 5 }, () => other.model.session().stream('Go.', { maxTokens: 50 }));
  other.stream.cancel();
  for (let i = 4; i >= 0; i--) {
    (await read(streams[i])).ended('length');
    for (const earlier of streams.slice(0, i)) assert.ok(earlier.finished);
  }
}

export async function slow_reader_pauses_only_itself() {
  const model = await load(LONG);
  const other = model.session();
  const slow = model.session().stream('Count.', { eventQueue: 4 });
  for (let i = 0; i < 3; i++) {
    assert.equal((await chat(other, 'Count.', { maxTokens: 40 })).text, LONG_WORDS.repeat(5));
  }
  assert.ok(!slow.finished);
  // It goes on where it was, and no token is lost.
  const reply = await new Reading(slow).toToken(80);
  assert.equal(reply.text, LONG_WORDS.repeat(10));
  slow.cancel();
  (await reply.rest()).cancelled();
  assert.ok(LONG_WORDS.repeat(100).startsWith(reply.text));
}
