// How late the event loop's timers are while several answers stream at once: `loop_delay.mjs MODEL [STREAMS [TOKENS]]`.
//
// Prints {"p99_ms": P, "median_ms": M, "max_ms": X, "tokens": N}: beyond the time the timer was set to.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { loadModel } from '../../bindings/node/index.mjs';

const RESOLUTION_MS = 1;

const [path, streams = '8', maxTokens = '64'] = process.argv.slice(2);
const model = await loadModel(path, { ctxSize: 4096, threads: 2, threadsBatch: 2 });
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let tokens = 0;

async function answer(number) {
  const options = { maxTokens: Number(maxTokens), ignoreEos: true, seed: number };
  for await (const event of model.session().stream(`Tell me ${number} things about wool.`, options)) {
    if (event.kind === 'text') tokens++;
  }
}

await sleep(100);
delay.enable();
await Promise.all(Array.from({ length: Number(streams) }, (_, number) => answer(number)));
delay.disable();
const beyond = (nanoseconds) => nanoseconds / 1e6 - RESOLUTION_MS;
console.log(
  JSON.stringify({
    p99_ms: beyond(delay.percentile(99)),
    median_ms: beyond(delay.percentile(50)),
    max_ms: beyond(delay.max),
    tokens,
  }),
);
