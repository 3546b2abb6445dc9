// What a busy model does, twice a second: several sessions stream at once, each asking again when its answer is done,
// while a table of the model's numbers grows. At the end comes where the time of a request went.
//
//     node top.mjs MODEL.gguf [SECONDS] [SESSIONS]
import { setTimeout as sleep } from 'node:timers/promises';

import { ChakuError, loadModel } from 'chaku';

const QUESTIONS = ['Why is the sky blue?', 'Tell me a story.', 'What is a llama?', 'How does rain form?'];

/** Name, width and value of each column. */
const COLUMNS = [
  ['s', 6, (now) => now.seconds.toFixed(1)],
  ['queue', 5, (now) => now.queueDepth],
  ['running', 7, (now) => now.requestsRunning],
  ['paused', 6, (now) => now.requestsPaused],
  ['prompt/s', 8, (now) => now.promptTokensPerSecond.toFixed(1)],
  ['tokens/s', 8, (now) => now.generatedTokensPerSecond.toFixed(1)],
  ['kv', 13, (now) => `${now.kvUsedTokens}/${now.kvCapacityTokens}`],
  ['threads', 7, (now) => now.threads],
  ['step ms', 8, (now) => now.stepMs.toFixed(2)],
  ['cached', 6, (now) => now.cachedTokensTotal],
  ['evict', 6, (now) => now.evictionsTotal],
];

/** Asks until the signal says that it is enough. Returns where the time of the last request went. */
async function talk(model, question, signal) {
  const session = model.session();
  let stream;
  while (!signal.aborted) {
    stream = session.stream(question, { signal });
    await stream.reply().catch((error) => {
      if (error !== signal.reason) throw error;
    });
    session.reset();
  }
  return stream?.timeline();
}

function print(cell) {
  console.log(COLUMNS.map(([name, width, value]) => String(cell(name, value)).padStart(width)).join(' '));
}

async function watch(model, signal) {
  const began = performance.now();
  for (let row = 0; !signal.aborted; row++) {
    if (row % 20 === 0) print((name) => name);
    await sleep(500);
    const now = { ...model.metrics(), seconds: (performance.now() - began) / 1000 };
    print((name, value) => value(now));
  }
}

const [path, seconds = 10, sessions = 4] = process.argv.slice(2);
if (path === undefined || !(seconds > 0) || !(sessions > 0)) {
  console.error('usage: node top.mjs MODEL.gguf [SECONDS] [SESSIONS]');
  process.exit(2);
}
try {
  const model = await loadModel(path, { maxSessions: Number(sessions), maxTokens: 64, overflow: 'shift' });
  const signal = AbortSignal.timeout(1000 * seconds);
  const talking = Array.from({ length: sessions }, (_, i) => talk(model, QUESTIONS[i % QUESTIONS.length], signal));
  const [timeline] = await Promise.all([...talking, watch(model, signal)]);
  console.log(`\na request: ${JSON.stringify(timeline)}`);
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
