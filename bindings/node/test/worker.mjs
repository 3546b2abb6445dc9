// What the workers of workers.test.mjs do.
import { parentPort, workerData } from 'node:worker_threads';

import { Runtime } from 'chaku';

import { LONG, Reading, SCRIPT, SMOLLM2, load } from './conformance/harness.mjs';

const endless = async () => (await load(LONG, { ctxSize: 131072 })).session();
const say = (message) => parentPort.postMessage(message);

const tasks = {
  async chat() {
    const session = (await load(SCRIPT)).session();
    for (let i = 0; i < 2; i++) say((await session.chat('Go.')).text);
  },
  async load() {
    say('begun');
    await load(SMOLLM2, { mmap: false });
  },
  async endless() {
    let tokens = 0;
    for await (const event of (await endless()).stream('Count.', { overflow: undefined })) {
      if (event.kind === 'text' && ++tokens % 100 === 1) say('more');
    }
  },
  async unread() {
    const stream = (await endless()).stream('Count.', { eventQueue: 100_000 });
    await stream.next();
    say('begun');
    await new Promise(() => setInterval(() => {}, 1000));
  },
  async prefill() {
    const session = (await load(SMOLLM2, { ubatchSize: 64 })).session();
    const reading = await new Reading(session.stream('The llama looks back. '.repeat(200))).toProgress();
    say('begun');
    await reading.rest();
  },
  async tokenize() {
    const model = await load(LONG);
    say('begun');
    for (;;) await model.tokenize('some words to cut, '.repeat(5000));
  },
  async close() {
    const model = await load(LONG);
    model.session().stream('Count.', { eventQueue: 100_000 });
    say('begun');
    await model.close();
    await new Promise(() => setInterval(() => {}, 1000));
  },
  async log() {
    const runtime = new Runtime({ log: () => {}, logLevel: 'trace' });
    const session = (await load(LONG, { runtime, ctxSize: 131072 })).session();
    say('begun');
    for (;;) await session.chat('Count.', { maxTokens: 5 });
  },
  async exit() {
    await (await endless()).chat('Count.', { onText: () => process.exit(5) });
  },
  async throw() {
    const session = await endless();
    session.stream('Count.').next();
    setTimeout(() => {
      throw new Error('thrown on purpose');
    }, 5);
    await session;
  },
  async idle() {
    (await endless()).stream('Count.', { eventQueue: 100_000 });
  },
};

await tasks[workerData]();
