// Chat with a model in the terminal.
//
//     node chat.mjs MODEL.gguf             a conversation; /exit or end of file ends it
//     node chat.mjs MODEL.gguf "QUESTION"  one answer
//
// The answer goes to stdout, word by word; numbers and errors go to stderr.
import { createInterface } from 'node:readline/promises';

import { ChakuError, loadModel } from 'chaku';

async function answer(session, question) {
  const { usage, timings } = await session.chat(question, { onText: (text) => process.stdout.write(text) });
  // decodeMs runs from the first token to the last, so the first one is not counted.
  const speed = timings.decodeMs > 0 ? ((usage.completionTokens - 1) / timings.decodeMs) * 1000 : 0;
  process.stdout.write('\n');
  process.stderr.write(
    `[${usage.completionTokens} tokens, ${speed.toFixed(1)} tokens/s, ${usage.cachedTokens} of the prompt's ` +
      `${usage.promptTokens} tokens were computed before]\n`,
  );
}

async function converse(session) {
  process.stderr.write('Say something; /exit ends.\n');
  const terminal = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
  terminal.prompt();
  for await (const line of terminal) {
    if (line === '/exit') break;
    if (line !== '') await answer(session, line);
    terminal.prompt();
  }
}

const [path, question] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node chat.mjs MODEL.gguf [QUESTION]');
  process.exit(2);
}
try {
  const model = await loadModel(path);
  const session = model.session({ system: 'You are a helpful assistant. Answer briefly.', maxTokens: 512 });
  if (question !== undefined) await answer(session, question);
  else if (process.stdin.isTTY) await converse(session);
  else await answer(session, 'Why is the sky blue?');
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
