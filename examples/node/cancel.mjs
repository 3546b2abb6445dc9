// Cancel an answer while it is written, then go on in the same session: the question and the part that was written are
// kept.
//
//     node cancel.mjs MODEL.gguf
import { ChakuError, loadModel } from 'chaku';

/** Asks, and cancels after so many tokens. */
async function ask(session, question, { cancelAfter, ...options }) {
  const controller = new AbortController();
  let tokens = 0;
  const onText = (text) => {
    process.stdout.write(text);
    // May come from anywhere and at any time; here the callback asks, which could throw as well.
    if (++tokens === cancelAfter) controller.abort();
  };
  try {
    await session.chat(question, { ...options, signal: controller.signal, onText });
    console.log('\n-- done');
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
    console.log(`\n-- cancelled after ${tokens} tokens`);
  }
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node cancel.mjs MODEL.gguf');
  process.exit(2);
}
try {
  const model = await loadModel(path);
  const session = model.session();
  // A model with little to say may be done before it is cancelled.
  await ask(session, 'Tell me a long story about a llama.', { cancelAfter: 8 });
  await ask(session, 'And how does it end?', { maxTokens: 32 });
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
