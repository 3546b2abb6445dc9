// How long an aborted answer takes from abort() to the rejection, at a random moment of its decode:
// `cancel.mjs MODEL COUNT`. As cancel.cpp. Prints milliseconds, one a line.
import { setTimeout as sleep } from 'node:timers/promises';

import { loadModel } from '../../bindings/node/index.mjs';

// Aborted up to so many milliseconds after the first token.
const WINDOW_MS = 500;

/** The same numbers in every run (mulberry32). */
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const [path, count] = process.argv.slice(2);
const random = generator(42);
const model = await loadModel(path, { ctxSize: 2048, threads: 2, threadsBatch: 2 });
const session = model.session();
for (let i = 0; i < Number(count); i++) {
  session.reset();
  const controller = new AbortController();
  let began;
  let first = true;
  const onText = () => {
    if (!first) return;
    first = false;
    sleep(random() * WINDOW_MS).then(() => {
      began = performance.now();
      controller.abort();
    });
  };
  const options = { maxTokens: 1000, ignoreEos: true, signal: controller.signal, onText };
  const cause = await session.chat('Tell me everything you know about wool.', options).catch((error) => error);
  const took = performance.now() - began;
  if (cause !== controller.signal.reason) throw new Error('the answer was over before it was aborted', { cause });
  console.log(took.toFixed(4));
}
