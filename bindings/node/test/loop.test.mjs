// Nothing blocks the event loop: its timers fire while chaku works.
import { test } from 'node:test';

import { plan } from 'chaku';

import { LONG, Reading, SCRIPT, SMOLLM2, assert, fails, load, modelPath } from './conformance/harness.mjs';

/** How often a timer fires while something is awaited. */
async function ticksDuring(work) {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await work();
  clearInterval(timer);
  return ticks;
}

test('in a load', async () => {
  // Until a load took long enough to be seen: how long it takes is the machine's affair.
  for (let attempt = 0; attempt < 50; attempt++) {
    let seen;
    const ticks = await ticksDuring(async () => {
      seen = await load(SMOLLM2, { mmap: false, checkTensors: true });
    });
    await seen.close();
    if (ticks >= 3) return;
  }
  assert.fail('no timer ever fired while a model was loaded');
});

test('while a prompt is tokenized, as a request and on its own', async () => {
  // As much text as this window might just hold: more is refused without tokenizing it.
  const model = await load(SCRIPT, { ctxSize: 131072 });
  const text = 'some words to cut, '.repeat(90_000);
  assert.ok((await ticksDuring(() => model.tokenize(text))) >= 3);
  const session = model.session();
  const overflow = () => fails(session.chat(text), 'OUT_OF_RANGE', 'context_overflow');
  assert.ok((await ticksDuring(overflow)) >= 3);
  const tokens = await model.tokenize(text);
  assert.equal((await model.detokenize(tokens)).length, text.length);
});

test('while a session is saved and restored, and a model is planned', async () => {
  const model = await load(SMOLLM2);
  const session = model.session();
  await session.ingest('The llama walks up the mountain and looks back. '.repeat(40));
  // Until one took long enough to be seen.
  const seen = async (work) => {
    for (let attempt = 0; attempt < 200; attempt++) if ((await ticksDuring(work)) >= 1) return;
    assert.fail('no timer ever fired');
  };
  const saved = await session.save();
  await seen(() => session.save());
  await seen(async () => (await model.restore(saved))[Symbol.dispose]());
  await seen(() => plan(modelPath(SMOLLM2)));
  await model.close();
});

test('in prefill', async () => {
  const session = (await load(SMOLLM2, { ubatchSize: 512 })).session();
  const prompt = 'The llama walks up the mountain and looks back. '.repeat(60);
  assert.ok((await ticksDuring(() => session.chat(prompt, { maxTokens: 1 }))) >= 3);
});

test('in decode, while somebody reads as fast as it comes', async () => {
  const session = (await load(LONG, { ctxSize: 131072 })).session();
  assert.ok((await ticksDuring(() => session.chat('Count.', { maxTokens: 3000, onText: () => {} }))) >= 3);
});

test('in a close that has to wait', async () => {
  for (let attempt = 0; attempt < 50; attempt++) {
    const model = await load(SMOLLM2, { ubatchSize: 512 });
    await new Reading(model.session().stream('The llama looks back. '.repeat(300))).toProgress();
    const immediates = { count: 0 };
    let closing = true;
    (function turn() {
      if (closing) setImmediate(turn);
      immediates.count++;
    })();
    await model.close();
    closing = false;
    if (immediates.count >= 3) return;
  }
  assert.fail('the event loop never had a turn while a model was closed');
});
