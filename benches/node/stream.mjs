// One streamed answer through the module for each line of stdin: `stream.mjs MODEL`. What benches/stream.cpp asks in C.
//
// Prints {"tokens": N, "seconds": S} for each: from the first token to the last, so that no prefill counts. The clock is
// read for these two alone: reading it costs each language something else.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { loadModel } from '../../bindings/node/index.mjs';

const TOKENS = 64;

const model = await loadModel(process.argv[2], { ctxSize: 2048, threads: 2, threadsBatch: 2 });

async function answer() {
  await sleep(300); // a thread pool spins for a moment after its last graph
  let tokens = 0;
  let first;
  let last;
  const options = { maxTokens: TOKENS, seed: 42, ignoreEos: true };
  for await (const event of model.session().stream('Tell me everything you know about wool.', options)) {
    if (event.kind !== 'text') continue;
    if (++tokens === 1) first = performance.now();
    if (tokens === TOKENS) last = performance.now();
  }
  if (tokens !== TOKENS) throw new Error(`expected ${TOKENS} tokens, got ${tokens}`);
  return { tokens: TOKENS - 1, seconds: (last - first) / 1e3 };
}

for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer()));
