// Errors: classes, what they carry, and the arguments that are mistakes of the program.
import { test } from 'node:test';

import * as chaku from 'chaku';

import { LONG, SCRIPT, assert, fails, load } from './conformance/harness.mjs';

const { ChakuError, NotFoundError, Runtime, loadModel, plan } = chaku;

test('one class for each code', () => {
  const classes = Object.entries(chaku).filter(([name]) => name.endsWith('Error') && name !== 'ChakuError');
  assert.equal(classes.length, 16);
  for (const [name, Class] of classes) {
    const error = new Class('a sentence', { reason: 'a_word' });
    assert.ok(error instanceof ChakuError && error instanceof Error);
    assert.deepEqual([error.name, error.message, error.reason], [name, 'a sentence', 'a_word']);
    // NotFoundError has NOT_FOUND.
    const code = name.replace(/Error$/, '').replace(/(?!^)([A-Z])/g, '_$1').toUpperCase();
    assert.equal(error.code, code);
    assert.equal(String(error), `${name}: a sentence`);
  }
});

test('an error tells what, why and where', async () => {
  const error = await fails(loadModel('no/such/file.gguf'), 'NOT_FOUND', 'file_not_found');
  assert.ok(error instanceof NotFoundError);
  assert.equal(error.name, 'NotFoundError');
  assert.equal(error.details.path, 'no/such/file.gguf');
  assert.ok(!('reply' in error));
  assert.ok(!('function' in error.details));
  assert.match(error.stack, /^NotFoundError: /);
});

test('the stack of what fails leads to whoever asked', async () => {
  // At once, and after some waiting.
  const broken = (await load(SCRIPT)).session();
  const endless = (await load(LONG, { ctxSize: 256 })).session();
  for (const work of [
    () => broken.chat('Go.', { grammar: '(' }),
    () => endless.chat('Count.', { onText: () => {} }),
    () => endless.continueAnswer(),
    () => endless.save('no/such/folder/file'),
    () => broken.save(undefined, { maxTokens: -1 }),
    () => load('no-such-file.gguf'),
    () => load('no-such-file.gguf', { onProgress: () => {} }),
  ]) {
    const whoeverAsked = async () => await work();
    const error = await whoeverAsked().catch((error) => error);
    assert.ok(error instanceof ChakuError);
    assert.match(error.stack, /whoeverAsked/);
  }
});

test('an answer that was cut short is in the error', async () => {
  const session = (await load(LONG, { ctxSize: 256 })).session();
  const { reply } = await fails(session.chat('Count.'), 'OUT_OF_RANGE', 'context_overflow');
  assert.match(reply.text, /^ one two three/);
  assert.equal(reply.finishReason, 'error');
  assert.ok(reply.usage.completionTokens > 100);
  assert.ok(reply.timings.totalMs > 0);
});

test('arguments of a wrong type are a TypeError', async () => {
  const model = await load(SCRIPT);
  const session = model.session();
  const wrong = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  for (const call of [
    () => session.stream(),
    () => session.stream(5),
    () => session.stream('Go.', 5),
    () => session.stream('Go.', null),
    () => session.stream('Go.', { signal: 'now' }),
    () => session.stream('Go.', { maxTokens: null }),
    () => session.stream('Go.', { maxTokens: {} }),
    () => session.stream('Go.', { maxTokens: 3n }),
    () => session.stream('Go.', { stop: [5] }),
    () => session.streamGenerate(Buffer.from('Go.')),
    () => model.session({ system: 5 }),
    () => session.fork(5),
    () => session.fork({ system: 5 }),
    () => session.rewind(),
    () => session.rewind('2'),
    () => session.rewind(1.5),
    () => session.rewind(NaN),
    () => model.stream(),
    () => model.stream('Go.'),
    () => model.stream('[{"role":"user","content":"Go."}]'),
    () => model.stream({ role: 'user', content: 'Go.' }),
    () => model.stream([{ role: 'user', content: 'Go.' }], { signal: 5 }),
    () => model.isEndToken('a'),
    () => model.isEndToken(1.5),
    () => new Runtime(5),
    () => new Runtime({ log: 'stderr' }),
  ]) {
    assert.throws(call, wrong, String(call));
  }
  for (const call of [
    () => session.chat(),
    () => session.chat('Go.', { onText: 'log' }),
    () => session.generate('Go.', { onProgress: true }),
    () => session.ingest('Go.', { role: 5 }),
    () => model.tokenize(5),
    () => model.tokenize('a', { addSpecial: 1 }),
    () => model.detokenize('a'),
    () => model.detokenize([1.5]),
    () => model.detokenize([1], { special: 'yes' }),
    () => model.close({ timeoutMs: -1 }),
    () => session.close({ timeoutMs: 'soon' }),
    () => session.save(5),
    () => session.save(null),
    () => session.save({ deadlineMs: 5 }),
    () => session.save(undefined, { signal: 5 }),
    () => model.restore(),
    () => model.restore([1, 2, 3]),
    () => model.restore(new ArrayBuffer(8)),
    () => model.restore('session.state', 5),
    () => model.chat('Go.'),
    () => model.chat([{ role: 'user', content: 'Go.' }], { onText: 'log' }),
    () => plan(),
    () => plan('x.gguf', { runtime: {} }),
    () => loadModel(),
    () => loadModel(5),
    () => loadModel('x.gguf', { runtime: {} }),
    () => loadModel('x.gguf', { onProgress: 5 }),
  ]) {
    await assert.rejects(call(), wrong, String(call));
  }
  for (const call of [(options) => model.session(options), (options) => session.fork(options)]) {
    assert.throws(() => call({ system: 'a', systemPrompt: 'b' }), TypeError);
  }
  await fails(model.detokenize([2 ** 40]), 'INVALID_ARGUMENT', 'invalid_token');
  const files = [loadModel, plan, (path) => session.save(path), (path) => model.restore(path)];
  for (const call of files) await fails(call('a\0b'), 'INVALID_ARGUMENT', 'invalid_argument');
  // None of them has touched anything.
  assert.equal((await session.chat('Go.')).finishReason, 'stop');
});
