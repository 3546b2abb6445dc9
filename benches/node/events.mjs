// Microseconds an event costs when a full queue is drained: `events.mjs MODEL EVENTS [loop|reply]`. As drain.cpp
// does in C.
//
// Prints {"us": U, "events": N, "characters": C, "tokens": T}: each event's kind, text and token is read, or, for
// `reply`, only the reply's text.
import { setTimeout as sleep } from 'node:timers/promises';

import { loadModel } from '../../bindings/node/index.mjs';

const [path, count, way = 'loop'] = process.argv.slice(2);
const events = Number(count);
let [characters, tokens, texts] = [0, 0, 0];

const ways = {
  async loop(stream) {
    for await (const event of stream) {
      if (event.kind !== 'text') continue;
      characters += event.text.length;
      tokens += event.token;
      texts++;
    }
  },
  async reply(stream) {
    const { text, usage } = await stream.reply();
    characters = text.length;
    texts = usage.completionTokens;
  },
};

const model = await loadModel(path, { ctxSize: 256, threads: 1, threadsBatch: 1 });
const session = model.session({ overflow: 'shift' });
const stream = session.stream('Hi', { maxTokens: events, eventQueue: 2 * events, ignoreEos: true });
while (!stream.finished) await sleep(20);
const began = performance.now();
await ways[way](stream);
const us = ((performance.now() - began) * 1e3) / texts;
if (texts < events) throw new Error(`only ${texts} events came`);
console.log(JSON.stringify({ us, events: texts, characters, tokens }));
