// Does something many times and prints how much memory the process had after each round:   grow.mjs WHAT
import { LONG, SCRIPT, load } from './conformance/harness.mjs';

const whats = {
  /** 100 requests a round, 20 rounds. */
  requests: {
    rounds: 20,
    async prepare() {
      this.model = await load(SCRIPT);
    },
    async round() {
      for (let i = 0; i < 25; i++) {
        const session = this.model.session();
        await session.chat('Go.');
        await session.chat('Go.', { onText: () => {}, signal: new AbortController().signal });
        for await (const event of session.stream('Go.')) if (event.kind === 'final') break;
        await session.chat('Go.', { grammar: '(' }).catch(() => {});
        await session.close();
      }
    },
  },
  /** 30 streams a round, 20 rounds. */
  cut: {
    rounds: 20,
    async prepare() {
      this.model = await load(LONG, { ctxSize: 4096 });
    },
    async round() {
      for (let i = 0; i < 10; i++) {
        await during(this.model.session(), async (session) => {
          for await (const event of session.stream('Go.')) if (event.kind === 'text') break;
        });
        await during(this.model.session(), async (session) => {
          const controller = new AbortController();
          const onText = () => controller.abort();
          await session.chat('Go.', { signal: controller.signal, onText }).catch(() => {});
        });
        await during(this.model.session(), async (session) => session.stream('Go.'));
      }
    },
  },
  /** 20 sessions that came of another one a round, 20 rounds. */
  powers: {
    rounds: 20,
    async prepare() {
      this.model = await load(SCRIPT);
      this.session = this.model.session();
      await this.session.chat('Go.');
    },
    async round() {
      for (let i = 0; i < 10; i++) {
        const { model, session } = this;
        await during(session.fork(), async (fork) => fork.rewind(0));
        await during(await model.restore(await session.save()), (restored) => restored.chat('Go.'));
        await model.chat([{ role: 'user', content: 'Go.' }]);
        await model.restore(new Uint8Array(8)).catch(() => {});
        JSON.stringify([model.metrics(), model.stream([{ role: 'user', content: 'Go.' }]).timeline()]);
      }
    },
  },
  /** 10 models a round, 20 rounds. No collection, except by Node's own will: close gives the memory back. */
  models: {
    rounds: 20,
    async prepare() {
      this.kept = [];
    },
    async round() {
      for (let i = 0; i < 10; i++) {
        const model = await load(SCRIPT);
        const sessions = [model.session(), model.session()];
        await sessions[0].chat('Go.');
        this.kept.push(model, ...sessions);
        await model.close();
      }
    },
  },
};

async function during(session, work) {
  await work(session);
  await session.close();
}

const what = whats[process.argv[2]];
await what.prepare();
// Warm-up: compiled code, pools, the first sizes of everything.
for (let i = 0; i < 4; i++) await what.round();
const sizes = [];
for (let i = 0; i < what.rounds; i++) {
  await what.round();
  for (let j = 0; j < 3; j++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  sizes.push(Math.round(process.memoryUsage().rss / 1024));
}
console.log(JSON.stringify(sizes));
