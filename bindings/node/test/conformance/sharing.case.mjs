// Many sessions at once: what they share, and how they leave each other alone.
import { LONG, LONG_WORDS, SCRIPT, SCRIPT_REPLY, assert, chat, countTokens, load, read, until } from './harness.mjs';

const script = (reading) => assert.equal(reading.ended('stop').text, SCRIPT_REPLY);
const words = (reading, times) => assert.equal(reading.ended('length').text, LONG_WORDS.repeat(times));
const eight = Array.from({ length: 8 }, (_, number) => number);

/** One computes the system prompt, the others find it, also those that arrive while it is being computed. */
export async function shared_prompt() {
  const model = await load(SCRIPT, { ctxSize: 4096 });
  const system = 'You are one of those who answer. '.repeat(20);
  const shared = await countTokens(model, system);
  assert.ok(shared > 100);
  const streams = eight.map((number) => model.session({ system }).stream('Go! '.repeat(number + 1)));
  let computedIt = 0;
  for (const stream of streams) {
    const reply = await read(stream);
    script(reply);
    assert.ok(reply.usage.promptTokens > shared);
    if (reply.usage.cachedTokens < shared) computedIt++;
  }
  assert.equal(computedIt, 1);
  assert.ok(model.metrics().cachedTokensTotal >= shared * 7);
  // Nor is it computed for one that comes later.
  assert.ok((await chat(model.session({ system }), 'Later.')).usage.cachedTokens >= shared);
}

export async function stalled_reader_beside_lively_ones() {
  const model = await load(LONG, { ctxSize: 4096 });
  const stalled = model.session().stream('Count.', { eventQueue: 4, maxTokens: 80 });
  const start = (number) => model.session().stream('Count. '.repeat(number + 1), { maxTokens: 160 });
  for (const lively of eight.slice(1).map(start)) words(await read(lively), 20);
  assert.ok(!stalled.finished);
  assert.ok(stalled.timeline().stalled >= 1);
  await until(() => model.metrics().requestsPaused === 1);
  words(await read(stalled), 10);
}

/** More than can be computed at once. */
export async function many_streams_at_once() {
  const model = await load(SCRIPT, { ctxSize: 4096 });
  const alone = (await chat(model.session(), 'Go.')).usage.promptTokens;
  const sessions = Array.from({ length: 32 }, () => model.session());
  for (let turn = 1; turn <= 2; turn++) {
    const streams = sessions.map((session) => session.stream('Go.'));
    for (const [number, stream] of [...streams.entries()].reverse()) {
      const reply = await read(stream);
      script(reply);
      if (turn === 1) assert.equal(reply.usage.promptTokens, alone);
      assert.equal(sessions[number].messageCount, 2 * turn);
    }
  }
}

/** Answers that need three times the memory there is: they give way to each other, and nothing of them is lost. */
export async function kv_pool_overflow() {
  const model = await load(LONG, { ctxSize: 512, kvPool: 1024 });
  const start = (number) => model.session().stream('Count! '.repeat(number + 1), { maxTokens: 400 });
  for (const stream of eight.map(start)) words(await read(stream), 50);
  assert.equal(model.contextSize, 512);
  const { kvCapacityTokens, kvUsedTokens, evictionsTotal } = model.metrics();
  assert.equal(kvCapacityTokens, 1024);
  assert.ok(kvUsedTokens <= 1024 && evictionsTotal > 0);
}
