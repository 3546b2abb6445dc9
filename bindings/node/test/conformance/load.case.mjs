// Loading, and what a model says about itself.
import { readFile, stat } from 'node:fs/promises';

import { download as downloadModel, loadModel } from 'chaku';

import { startHub } from '../hub.mjs';
import { RANDOM, SMOLLM2, assert, chat, countTokens, fails, load as loadFile, modelPath } from './harness.mjs';

export async function load() {
  const [first, second] = [await loadFile(RANDOM), await loadFile(RANDOM)];
  assert.ok(first.contextSize > 0);
  assert.ok(first.vocabSize > 256);
  first[Symbol.dispose]();
  await fails(() => first.session(), 'FAILED_PRECONDITION', 'closed');
  assert.equal((await chat(second.session(), 'Hi', { maxTokens: 1 })).tokens.length, 1);
}

export async function load_progress() {
  const seen = [];
  const model = await loadFile(SMOLLM2, { onProgress: (progress) => seen.push(progress) });
  assert.ok(seen.length > 0);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
  assert.ok(seen[0] >= 0 && seen.at(-1) <= 1);
  (await chat(model.session(), 'Hi', { maxTokens: 1 })).ended('length');
}

export async function missing_file() {
  const error = await fails(loadFile('no-such-file.gguf'), 'NOT_FOUND', 'file_not_found');
  assert.match(error.message, /no-such-file\.gguf/);
}

export async function not_a_gguf() {
  for (const file of ['not-a-gguf.bin', 'truncated.gguf']) await fails(loadFile(file), 'DATA_LOSS', 'model_corrupt');
  await loadFile(RANDOM);
}

export async function download() {
  const hub = await startHub('--model', modelPath(RANDOM));
  const seen = [];
  const onProgress = (progress, event) => seen.push([progress, event]);
  const [path, ...others] = await downloadModel('hf:test/tiny', { onProgress, ...hub.options });
  assert.deepEqual(others, []);
  assert.deepEqual(await readFile(path), await readFile(modelPath(RANDOM)));
  const { size } = await stat(path);
  assert.deepEqual(seen.at(-1), [1, { kind: 'progress', progress: 1, phase: 'download', done: size, total: size }]);
  assert.ok(seen.every(([, { done }], i) => i === 0 || seen[i - 1][1].done <= done));
  assert.deepEqual(await downloadModel('hf:test/tiny:q4_k_m', hub.options), [path]);
  const model = await loadModel('hf:test/tiny', { threads: 1, ...hub.options });
  assert.equal(model.metadata['general.name'], 'tiny-random');
  await fails(downloadModel('hf:no-repository', hub.options), 'INVALID_ARGUMENT', 'invalid_argument');
  await fails(loadModel('hf:test/gone', hub.options), 'NOT_FOUND', 'hub_not_found');
  await hub.stop();
}

export async function load_cancel() {
  const controller = new AbortController();
  const loading = loadFile(SMOLLM2, { signal: controller.signal });
  controller.abort();
  await assert.rejects(loading, { name: 'AbortError' });
  await loadFile(SMOLLM2);
}

/** A load may be done before the abort arrives, so it is tried until one is caught in the middle. */
export async function cancel_loading() {
  for (let attempt = 0; attempt < 50; attempt++) {
    const controller = new AbortController();
    let progress;
    const onProgress = (now) => {
      progress = now;
      controller.abort();
    };
    const outcome = await loadFile(SMOLLM2, { mmap: false, onProgress, signal: controller.signal }).catch((e) => e);
    if (outcome instanceof Error) {
      assert.equal(outcome.name, 'AbortError');
      assert.ok(progress < 1);
      await loadFile(SMOLLM2);
      return;
    }
    await outcome.close();
  }
  assert.fail('50 loads were done before they could be cancelled');
}

export async function metadata() {
  const model = await loadFile(RANDOM);
  assert.equal(model.metadata['general.architecture'], 'llama');
  assert.equal(model.metadata['general.name'], 'tiny-random');
  assert.equal(model.metadata['no.such.key'], undefined);
  assert.ok(Object.keys(model.metadata).length > 10);
  for (const value of Object.values(model.metadata)) assert.equal(typeof value, 'string');
  assert.equal(model.trainingContext, 2048);
  assert.ok(model.parameterCount > 10000);
  assert.ok(model.sizeBytes > 10000);
  assert.match(model.description, /llama/);
  assert.match(model.chatTemplate, /<\|im_start\|>/);
  assert.ok(model.isEndToken(model.tokens.eos));
  assert.ok(!model.isEndToken('a'.charCodeAt(0)));
  assert.ok(model.tokens.bos >= 0);
}

export async function tokenize_roundtrip() {
  const model = await loadFile(SMOLLM2);
  const texts = ['Hello, world!', '  two  spaces\n\ttab\r\n', '🦙 llama, üä, 你好', '<|im_end|>', ''];
  for (const text of texts) {
    const tokens = await model.tokenize(text);
    assert.equal(String(await model.detokenize(tokens, { special: true })), text);
    assert.equal(String(await model.detokenize([...tokens], { special: true })), text);
  }
  assert.equal(await countTokens(model, '<|im_end|>', true), 1);
  assert.ok((await countTokens(model, '<|im_end|>')) > 1);
  await fails(model.detokenize([model.vocabSize]), 'INVALID_ARGUMENT', 'invalid_token');
}
