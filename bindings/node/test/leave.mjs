// Leaves in the middle of something:   leave.mjs PHASE HOW MILLISECONDS
//
// HOW is `exit` (process.exit with code 7), `end` (nothing is left to do), `throw` (an uncaught exception) or `reject`.
import { setTimeout as sleep } from 'node:timers/promises';

import { LONG, Reading, SMOLLM2, load } from './conformance/harness.mjs';

const [phase, how, milliseconds] = process.argv.slice(2);

const phases = {
  async idle() {
    (await load(LONG)).session();
  },
  async loading() {
    load(SMOLLM2, { mmap: false, signal: AbortSignal.timeout(60_000) }).catch(() => {});
  },
  async preparing() {
    (await load(LONG)).session().stream('Count.'.repeat(1000), { eventQueue: 100_000 });
  },
  async preparing_closed() {
    const model = await load(LONG);
    model.session().stream('Count.');
    model.close();
  },
  async queued() {
    const model = await load(LONG, { ctxSize: 131072 });
    await new Reading(model.session().stream('Count.', { eventQueue: 1048576 })).toToken(1);
    model.session().stream('Count.');
  },
  async prefill() {
    const session = (await load(SMOLLM2, { ubatchSize: 64 })).session();
    await new Reading(session.stream('The llama looks back. '.repeat(100))).toProgress();
  },
  async decode() {
    const session = (await load(LONG, { ctxSize: 131072 })).session();
    await new Reading(session.stream('Count.', { eventQueue: 100_000 })).toToken(2);
  },
  /** Somebody awaits it. */
  async awaited() {
    const session = (await load(LONG, { ctxSize: 131072 })).session();
    session.chat('Count.').catch(() => {});
  },
  async tokenizing() {
    (await load(LONG)).tokenize('some words to cut, '.repeat(20_000));
  },
};

await phases[phase]();
if (milliseconds > 0) await sleep(Number(milliseconds));
switch (how) {
  case 'exit':
    process.exit(7);
    break;
  case 'throw':
    setImmediate(() => {
      throw new Error('thrown on purpose');
    });
    break;
  case 'reject':
    Promise.reject(new Error('rejected on purpose'));
    break;
}
