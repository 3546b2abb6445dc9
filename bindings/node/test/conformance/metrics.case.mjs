// What a model, a runtime and a request tell about themselves.
import { Runtime, metrics as defaultMetrics } from 'chaku';

import { LONG, assert, chat, load, makeBusy, read, until } from './harness.mjs';

const NAMES = [
  'models',
  'sessions',
  'queueDepth',
  'requestsRunning',
  'requestsPaused',
  'promptTokensTotal',
  'generatedTokensTotal',
  'cachedTokensTotal',
  'promptTokensPerSecond',
  'generatedTokensPerSecond',
  'kvUsedTokens',
  'kvCapacityTokens',
  'stepsTotal',
  'stepSecondsTotal',
  'stepsPerSecond',
  'stepMs',
  'threads',
  'cancelledTotal',
  'deadlineExceededTotal',
  'overloadTotal',
  'evictionsTotal',
  'preemptionsTotal',
  'promptCacheBytes',
  'promptCacheHitsTotal',
];

export async function metrics() {
  const runtime = new Runtime();
  const model = await load(LONG, { runtime });
  const session = model.session();
  const begin = model.metrics();
  assert.deepEqual(Object.keys(begin).sort(), [...NAMES].sort());
  for (const [name, number] of Object.entries(begin)) assert.ok(number >= 0, name);
  assert.deepEqual([begin.models, begin.sessions, begin.stepsTotal], [1, 1, 0]);

  const { usage } = await chat(session, 'Count.', { maxTokens: 16 });
  await until(() => model.metrics().generatedTokensTotal === 16);
  const { promptTokensTotal, stepsTotal, kvUsedTokens } = model.metrics();
  assert.equal(promptTokensTotal, usage.promptTokens);
  assert.ok(stepsTotal >= 16 && kvUsedTokens >= usage.promptTokens);
  const cancelled = session.stream('Count.', { eventQueue: 1 });
  await until(() => model.metrics().requestsRunning === 1);
  cancelled.cancel();
  (await read(cancelled)).cancelled();
  assert.equal(model.metrics().cancelledTotal, 1);
  const late = session.stream('Count.', { deadlineMs: 20, eventQueue: 1 });
  await until(() => late.finished);
  (await read(late)).expired();
  assert.equal(model.metrics().deadlineExceededTotal, 1);
  await until(() => model.metrics().requestsRunning === 0);

  // The runtime adds up, and keeps what is over.
  assert.ok(runtime.metrics().generatedTokensTotal >= 16);
  assert.equal(runtime.metrics().models, 1);
  const second = await load(LONG, { runtime });
  assert.equal(runtime.metrics().models, 2);
  await chat(second.session(), 'Count.', { maxTokens: 8 });
  await second.close();
  await until(() => runtime.metrics().models === 1);
  assert.ok(runtime.metrics().generatedTokensTotal >= 16 + 8);
  assert.equal(defaultMetrics().generatedTokensTotal, 0);
}

export async function timeline() {
  const other = await makeBusy({ ctxSize: 131072 });
  const stream = other.model.session().stream('Go.', { maxTokens: 8 });
  await until(() => stream.timeline().preparedMs !== null);
  const { startedMs, endedMs } = stream.timeline();
  assert.deepEqual([startedMs, endedMs], [null, null]);
  other.stream.cancel();
  const reply = await read(stream);
  const { queuedMs, prepareBeganMs, preparedMs, preempted, resumed, stalled, ...later } = stream.timeline();
  const moments = [queuedMs, prepareBeganMs, preparedMs, later.startedMs, later.firstTokenMs, later.endedMs];
  assert.ok(moments.every((moment) => typeof moment === 'number' && moment >= 0));
  assert.deepEqual(moments, [...moments].sort((a, b) => a - b));
  assert.equal(later.endedMs, reply.end.timings.totalMs);
  assert.deepEqual([preempted, resumed, stalled], [0, 0, 0]);
}
