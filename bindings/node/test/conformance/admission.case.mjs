// Who waits, who goes first, and what happens when too many wait.
import { LONG_WORDS, assert, chat, fails, makeBusy, read, until } from './harness.mjs';

const LONG_WINDOW = { ctxSize: 131072 };
const QUICK = { maxTokens: 8 };

const ask = (other, options) => other.model.session().stream('Go.', { ...QUICK, ...options });
const quick = (reading) => assert.equal(reading.ended('length').text, LONG_WORDS);
const displaced = (reading) => reading.failed('error', 'RESOURCE_EXHAUSTED', 'displaced');

export async function priority() {
  const other = await makeBusy(LONG_WINDOW);
  const low = ask(other, { priority: 'low' });
  const normal = ask(other);
  await until(() => normal.timeline().preparedMs !== null);
  // It takes even the place of the one that runs, which never ends.
  quick(await read(ask(other, { priority: 'high' })));
  assert.ok(!other.stream.finished && !normal.finished && !low.finished);
  // That one goes on without a gap.
  await until(() => other.stream.timeline().resumed >= 1);
  assert.ok(other.stream.timeline().preempted >= 1);
  await other.reading.toToken(17);
  assert.ok(LONG_WORDS.repeat(3).startsWith(other.reading.text));
  other.stream.cancel();
  quick(await read(low));
  assert.ok(normal.finished);
  quick(await read(normal));
}

export async function overload_wait() {
  const other = await makeBusy({ ...LONG_WINDOW, queueLimit: 1 });
  const queued = ask(other);
  let outside = ask(other, { overload: 'wait' });
  const session = other.model.session();
  await fails(() => session.stream('Go.'), 'RESOURCE_EXHAUSTED', 'queue_full');
  // As many stand outside as may wait inside.
  await fails(() => session.stream('Go.', { overload: 'wait' }), 'RESOURCE_EXHAUSTED', 'queue_full');
  assert.deepEqual([queued.queuePosition, outside.queuePosition], [0, 1]);
  outside.cancel();
  (await read(outside)).cancelled();
  // The wait counts, and ends at the deadline.
  (await chat(session, 'Go.', { overload: 'wait', deadlineMs: 100 })).expired();
  outside = ask(other, { overload: 'wait' });
  other.stream.cancel();
  quick(await read(queued));
  quick(await read(outside));
  assert.ok(other.model.metrics().overloadTotal >= 2);
}

export async function overload_displace() {
  const other = await makeBusy({ ...LONG_WINDOW, queueLimit: 2 });
  const old = ask(other, { priority: 'low' });
  const young = ask(other, { priority: 'low' });
  const session = other.model.session();
  const first = ask(other, { overload: 'displace' });
  displaced(await read(young));
  assert.ok(!old.finished);
  const second = ask(other, { overload: 'displace' });
  displaced(await read(old));
  // None is less urgent any more.
  const refused = () => session.stream('Go.', { overload: 'displace' });
  const error = await fails(refused, 'RESOURCE_EXHAUSTED', 'queue_full');
  assert.equal(error.details.limit, '2');
  other.stream.cancel();
  quick(await read(second));
  quick(await read(first));
  // Who was displaced may come again.
  quick(await chat(session, 'Go.', QUICK));
}

export async function queue_position() {
  const other = await makeBusy(LONG_WINDOW);
  const low = [ask(other, { priority: 'low' }), ask(other, { priority: 'low' })];
  const positions = (...streams) => streams.map((stream) => stream.queuePosition);
  assert.deepEqual(positions(other.stream, ...low), [null, 0, 1]);
  const normal = ask(other);
  assert.deepEqual(positions(normal, ...low), [0, 1, 2]);
  await until(() => other.model.metrics().queueDepth === 3);
  low[0].cancel();
  assert.deepEqual(positions(...low), [null, 1]);
  other.stream.cancel();
  quick(await read(low[1]));
  quick(await read(normal));
  assert.deepEqual(positions(...low, normal), [null, null, null]);
}
