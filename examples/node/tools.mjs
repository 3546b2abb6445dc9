// Let a model call functions of yours, and answer with what they came to.
//
//     node tools.mjs MODEL.gguf ["QUESTION"]
//
// The call and the answer go to stdout, errors go to stderr. The model must call a tool here: leave toolChoice out, and it does
// so only where it likes to.
import { ChakuError, loadModel } from 'chaku';

const tools = {
  get_weather: {
    description: 'Tells the weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string', maxLength: 40 } }, required: ['city'] },
    run({ city }) {
      console.log(`get_weather('${city}')`);
      return '19 degrees Celsius, and fog from the sea';
    },
  },
};

const [path, question = 'What is the weather in Lima?'] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node tools.mjs MODEL.gguf [QUESTION]');
  process.exit(2);
}
try {
  const model = await loadModel(path);
  const session = model.session({ temperature: 0, maxTokens: 200 });
  const reply = await session.runTools(question, { tools, toolChoice: 'required', maxRounds: 3 });
  console.log(reply.text);
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
