// Forks, saved sessions and conversations without a session, as JavaScript has them.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Runtime, loadModel, metrics, plan } from 'chaku';

import {
  LONG,
  LONG_WORDS,
  RANDOM,
  SCRIPT,
  SCRIPT_REPLY,
  assert,
  fails,
  load,
  makeBusy,
  modelPath,
} from './conformance/harness.mjs';

const closed = (call) => fails(call, 'FAILED_PRECONDITION', 'closed');

test('whatever came of a session goes with the model', async () => {
  const model = await load(SCRIPT);
  const session = model.session();
  const fork = session.fork();
  const restored = await model.restore(await fork.save());
  assert.equal((await restored.fork().chat('Go.')).text, SCRIPT_REPLY);
  const saved = await session.save();
  // Restored while the model is closed: it is refused, or goes too.
  const restoring = model.restore(saved);
  restoring.catch(() => {}); // it may be refused before anybody awaits it
  await model.close();
  await closed(async () => (await restoring).contextUsed);
  for (const one of [session, fork, restored]) {
    await closed(() => one.contextUsed);
    await closed(() => one.fork());
    await closed(() => one.rewind(0));
    await closed(one.save());
  }
  await closed(model.restore(saved));
  await closed(() => model.metrics());
  await closed(() => model.stream([{ role: 'user', content: 'Go.' }]));
});

test('bytes of every kind make the round trip', async () => {
  const model = await load(RANDOM);
  const session = model.session();
  const { text } = await session.chat('Go.', { maxTokens: 8, seed: 1 });
  const saved = await session.save();
  // In the middle of another array, and larger than what Node puts into its pool.
  const padded = Buffer.concat([Buffer.alloc(3), saved, Buffer.alloc(3)]);
  for (const bytes of [saved, new Uint8Array(saved), padded.subarray(3, -3)]) {
    const restored = await model.restore(bytes);
    assert.deepEqual([restored.messageCount, restored.contextUsed], [2, session.contextUsed]);
    restored.rewind(0);
    assert.equal((await restored.chat('Go.', { maxTokens: 8, seed: 1 })).text, text);
  }
  await fails(model.restore(new Uint8Array(0)), 'DATA_LOSS', 'state_corrupt');
  await fails(model.restore(saved, { maxTokens: -1 }), 'INVALID_ARGUMENT', 'invalid_option');
  await model.close();
});

test('options of a restored session and of a fork are given anew', async () => {
  const model = await load(LONG);
  const session = model.session({ maxTokens: 8 });
  assert.equal((await session.chat('Count.')).text, LONG_WORDS);
  assert.equal((await session.fork().chat('Count.')).text, LONG_WORDS);
  assert.equal((await session.fork({ maxTokens: 16 }).chat('Count.')).text, LONG_WORDS.repeat(2));
  const restored = await model.restore(await session.save(), { maxTokens: 16, system: 'Count up.' });
  assert.equal((await restored.chat('Count.')).text, LONG_WORDS.repeat(2));
  await model.close();
});

test('a save is cancelled by its signal, and has a deadline', async () => {
  const model = await load(SCRIPT);
  const session = model.session();
  await session.chat('Go.');
  const folder = mkdtempSync(join(tmpdir(), 'chaku-save-'));
  try {
    const reason = new Error('enough');
    const aborted = session.save(join(folder, 'a'), { signal: AbortSignal.abort(reason) });
    await assert.rejects(aborted, (error) => error === reason);
    // In the middle of it, wherever that is: it is saved as a whole, or nothing is left.
    for (let attempt = 0; attempt < 20; attempt++) {
      const controller = new AbortController();
      const saving = session.save(join(folder, 'b'), { signal: controller.signal });
      setTimeout(() => controller.abort(reason), attempt % 4);
      const error = await saving.catch((error) => error);
      assert.ok(error === undefined || error === reason, error);
      if (error === undefined) assert.equal((await model.restore(join(folder, 'b'))).messageCount, 2);
    }
    const names = readdirSync(folder);
    assert.ok(names.length === 0 || (names.length === 1 && names[0] === 'b'), names);
  } finally {
    rmSync(folder, { recursive: true });
  }
  await session.save(undefined, { deadlineMs: 60_000 });
  await fails(session.save(undefined, { deadlineMs: -1 }), 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal((await session.chat('Go.')).text, SCRIPT_REPLY);
  await model.close();
});

test('a conversation without a session, with all that a call may have', async () => {
  const model = await load(LONG, { ctxSize: 131072 });
  const messages = Object.freeze([{ role: 'user', content: 'Count, "please" \u{1f999}.' }]);
  let told = '';
  const reply = await model.chat(messages, { maxTokens: 8, onText: (text) => (told += text) });
  assert.deepEqual([reply.text, told, reply.finishReason], [LONG_WORDS, LONG_WORDS, 'length']);
  const texts = [];
  for await (const event of model.stream(messages, { maxTokens: 8 })) if (event.kind === 'text') texts.push(event.text);
  assert.equal(texts.join(''), LONG_WORDS);
  const controller = new AbortController();
  const endless = model.chat(messages, { signal: controller.signal, onText: () => controller.abort() });
  await assert.rejects(endless, { name: 'AbortError' });
  const error = await fails(model.chat(messages, { deadlineMs: 200 }), 'DEADLINE_EXCEEDED', 'deadline');
  assert.ok(error.reply.text.startsWith(LONG_WORDS));
  await model.close();
});

test('what has not come yet is null, and what was is there when the stream is over', async () => {
  const other = await makeBusy({ ctxSize: 131072 });
  const stream = other.model.session().stream('Go.', { maxTokens: 1 });
  assert.equal(stream.queuePosition, 0);
  const { queuedMs, startedMs, firstTokenMs, endedMs, stalled } = stream.timeline();
  assert.ok(queuedMs >= 0);
  assert.deepEqual([startedMs, firstTokenMs, endedMs, stalled], [null, null, null, 0]);
  other.stream.cancel();
  const { timings } = await stream.reply();
  assert.equal(stream.queuePosition, null);
  assert.equal(stream.timeline().endedMs, timings.totalMs);
  // Each call gives an object of its own.
  assert.notEqual(stream.timeline(), stream.timeline());
  const failed = other.model.session().stream('Go.', { grammar: '(' });
  await fails(failed.reply(), 'INVALID_ARGUMENT', 'invalid_grammar');
  assert.ok(failed.timeline().endedMs >= 0);
  await other.model.close();
  assert.equal(stream.timeline().endedMs, timings.totalMs);
});

test('plans and numbers are those of the runtime that is asked', async () => {
  const runtime = new Runtime({ memoryBudget: 1000, ctxSize: 256 });
  const path = modelPath(SCRIPT);
  const here = await runtime.plan(path, { promptCacheMib: 0 });
  assert.deepEqual(await plan(path, { promptCacheMib: 0, runtime }), here);
  assert.deepEqual([here.available, here.ctxSize], [1000 * 2 ** 20, 256]);
  assert.deepEqual([(await plan(path)).available, (await plan(path)).ctxSize], [null, 2048]);
  const model = await loadModel(path, { runtime, promptCacheMib: 0 });
  assert.deepEqual([runtime.metrics().models, model.metrics().models, metrics().models], [1, 1, 0]);
  const unknown = runtime.plan(path, { runtime });
  assert.equal((await fails(unknown, 'INVALID_ARGUMENT', 'unknown_option')).details.key, 'runtime');
  await model.close();
  runtime.close();
  await closed(runtime.plan(path));
  await closed(() => runtime.metrics());
});
