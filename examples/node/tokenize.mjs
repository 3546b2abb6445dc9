// Show how a model cuts text into tokens, and what the model says about itself.
//
//     node tokenize.mjs MODEL.gguf [TEXT]
import { ChakuError, loadModel } from 'chaku';

function describe(model) {
  console.log(`name        ${model.metadata['general.name'] ?? '(none)'}`);
  console.log(`kind        ${model.description}`);
  const [mebibytes, millions] = [model.sizeBytes / 1048576, model.parameterCount / 1e6].map((n) => n.toFixed(1));
  console.log(`weights     ${mebibytes} MiB, ${millions} million parameters`);
  console.log(`window      ${model.contextSize} tokens, trained for ${model.trainingContext}`);
  console.log(`vocabulary  ${model.vocabSize} tokens\n`);
}

const [path, text = 'Llamas hum when they are curious. 🦙'] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node tokenize.mjs MODEL.gguf [TEXT]');
  process.exit(2);
}
try {
  const model = await loadModel(path);
  const tokens = await model.tokenize(text);
  describe(model);
  console.log(`${tokens.length} tokens:`);
  for (const token of tokens) {
    const piece = await model.detokenize([token], { special: true });
    console.log(`${String(token).padStart(8)}  "${piece}"`);
  }
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
