// Show how sure a model is of its answer: each token with its probability, and the two likeliest tokens in its place.
//
//     node logprobs.mjs MODEL.gguf ["QUESTION"]
//
// The table goes to stdout, errors go to stderr.
import { ChakuError, loadModel } from 'chaku';

const [path, question = 'Is a llama an animal?'] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node logprobs.mjs MODEL.gguf [QUESTION]');
  process.exit(2);
}

const percent = (logprob) => `${(100 * Math.exp(logprob)).toFixed(1)} %`.padStart(7);
// A token may be a part of a character, which is shown as U+FFFD.
const show = ({ logprob, bytes }) => `${percent(logprob)} ${JSON.stringify(new TextDecoder().decode(bytes))}`;

try {
  const model = await loadModel(path);
  const reply = await model.session().chat(question, { logprobs: 2, temperature: 0, maxTokens: 24 });
  for (const token of reply.logprobs) console.log(show(token), '  of', ...token.topLogprobs.map(show));
  const sure = reply.logprobs.reduce((sum, { logprob }) => sum + logprob, 0);
  console.log(`The whole answer: ${(100 * Math.exp(sure)).toFixed(3)} %`);
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
