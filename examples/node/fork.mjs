// Let a conversation go on in several ways at once: what was said before is computed once, for all of them.
//
//     node fork.mjs MODEL.gguf
import { ChakuError, loadModel } from 'chaku';

const QUESTIONS = ['What does it eat?', 'Where does it live?', 'Give it a name.'];

function show(question, { text, usage }) {
  console.log(`> ${question}\n${text}`);
  console.log(`-- ${usage.cachedTokens} of the prompt's ${usage.promptTokens} tokens were computed before`);
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node fork.mjs MODEL.gguf');
  process.exit(2);
}
try {
  const model = await loadModel(path, { maxTokens: 48 });
  const session = model.session();
  const first = 'Think of an animal of the Andes, and describe it.';
  show(first, await session.chat(first));
  // They are computed together.
  const replies = await Promise.all(QUESTIONS.map((question) => session.fork().chat(question)));
  replies.forEach((reply, i) => show(QUESTIONS[i], reply));
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
