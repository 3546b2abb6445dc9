// Sessions that are saved, and taken up again.
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import {
  LONG,
  RANDOM,
  SCRIPT,
  SCRIPT_REPLY,
  SMOLLM2,
  assert,
  chat,
  fails,
  generate,
  load,
  modelPath,
  read,
} from './harness.mjs';

/** Dice that always fall in the same way, and an answer that depends on all that was said. */
const LIKELIEST = { temperature: 0, maxTokens: 24 };

/** A folder for this case alone, in which nothing may be left but this file. */
async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'chaku-saved-'));
  try {
    await work(folder, join(folder, 'session.state'));
    assert.deepEqual((await readdir(folder)).filter((name) => name !== 'session.state'), []);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A saved conversation of two messages, in memory. */
async function savedBytes(model) {
  const session = model.session();
  await chat(session, 'Go.', { maxTokens: 4 });
  return await session.save();
}

export async function save_to_file() {
  await inFolder(async (folder, path) => {
    const model = await load(RANDOM);
    const session = model.session({ system: 'You are a parrot.' });
    await chat(session, 'Tell me something.', LIKELIEST);
    const used = session.contextUsed;
    assert.equal(await session.save(path), undefined);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const straight = await chat(session, 'And then?', LIKELIEST);
    assert.equal(straight.tokens.length, 24);

    let restored = await model.restore(path);
    assert.deepEqual([restored.messageCount, restored.contextUsed], [2, used]);
    let again = await chat(restored, 'And then?', LIKELIEST);
    assert.deepEqual(again.tokens, straight.tokens);
    assert.equal(again.usage.promptTokens, straight.usage.promptTokens);

    // In another life of the model, where only the file knows what was computed.
    await model.close();
    restored = await (await load(RANDOM)).restore(pathToFileURL(path));
    again = await chat(restored, 'And then?', LIKELIEST);
    assert.deepEqual(again.tokens, straight.tokens);
    assert.equal(again.usage.cachedTokens, straight.usage.cachedTokens);

    // What is there is replaced.
    await restored.save(pathToFileURL(path));
    assert.equal((await (await load(RANDOM)).restore(path)).messageCount, 4);
  });
}

export async function save_to_memory() {
  const model = await load(LONG);
  const session = model.session();
  await generate(session, 'Count.\n', { maxTokens: 12 });
  const [saved, copy] = [await session.save(), Uint8Array.from(await session.save())];
  assert.ok(Buffer.isBuffer(saved) && saved.length > 100);
  assert.ok(saved.equals(copy));
  const restoring = model.restore(copy);
  copy.fill(0); // it was copied
  const restored = await restoring;
  assert.equal(restored.contextUsed, session.contextUsed);
  const text = ' five six seven eight one two three four';
  assert.equal((await read(restored.streamContinue({ maxTokens: 8 }))).text, text);

  // A session that is busy or closed is not saved. Nobody else's bytes can be asked for.
  const answer = restored.streamGenerate('\n', { eventQueue: 1 });
  await fails(restored.save(), 'FAILED_PRECONDITION', 'concurrent_use');
  await restored.close();
  assert.ok(answer.finished);
  await fails(restored.save(), 'FAILED_PRECONDITION', 'closed');
}

export async function state_corrupt() {
  const model = await load(SCRIPT);
  const saved = await savedBytes(model);
  const corrupt = (bytes) => fails(model.restore(bytes), 'DATA_LOSS', 'state_corrupt');
  for (let cut = 0; cut < 64; cut++) await corrupt(saved.subarray(0, Math.floor((saved.length * cut) / 64)));
  await corrupt(saved.subarray(0, -1));
  await corrupt(Buffer.concat([saved, Buffer.alloc(1)]));
  for (let at = 0; at < saved.length; at += at < 256 ? 1 : saved.length >> 6) {
    saved[at] ^= 0x20;
    await corrupt(saved);
    saved[at] ^= 0x20;
  }
  assert.equal((await model.restore(saved)).messageCount, 2);

  await inFolder(async (folder, path) => {
    await writeFile(path, saved.subarray(0, -1));
    assert.equal((await corrupt(path)).details.path, path);
    await writeFile(path, 'Once upon a time');
    await corrupt(path);
    await corrupt(modelPath(SCRIPT));
    await fails(model.restore(folder), 'UNAVAILABLE', 'file_unreadable');
    await rm(path);
    await fails(model.restore(path), 'NOT_FOUND', 'file_not_found');
  });
}

export async function state_mismatch() {
  const saved = await savedBytes(await load(SCRIPT));
  const chatTemplate = '{% for m in messages %}{{ m.content }}{% endfor %}:';
  for (const other of [await load(SMOLLM2, { ctxSize: 512 }), await load(SCRIPT, { chatTemplate })]) {
    await fails(other.restore(saved), 'FAILED_PRECONDITION', 'state_mismatch');
  }
  // Other numbers in the KV cache are no other conversation: it is computed again.
  const session = await (await load(SCRIPT, { cacheTypeK: 'f32' })).restore(saved);
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}

export async function save_fails() {
  const session = (await load(SCRIPT)).session();
  await chat(session, 'Go.');
  await inFolder(async (folder) => {
    const missing = join(folder, 'missing', 'session.state');
    const error = await fails(session.save(missing), 'UNAVAILABLE', 'file_unwritable');
    assert.ok(error.message.includes(missing));
    assert.equal(error.reply, undefined);
    await fails(session.save(folder), 'UNAVAILABLE', 'file_unwritable');
  });
  // The session is as before.
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
  assert.equal(session.messageCount, 4);
}
