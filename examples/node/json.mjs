// Have a model fill in a form: its answer is JSON that follows a JSON Schema, whatever the model would rather say.
//
//     node json.mjs MODEL.gguf ["TEXT"]   the form of a person that the text tells of
//
// The form goes to stdout, errors go to stderr. `regex`, `lark` and `grammar` hold an answer to other forms.
import { ChakuError, loadModel } from 'chaku';

const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 40 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    city: { type: 'string', maxLength: 40 },
    job: { type: 'string', maxLength: 40 },
    likes_llamas: { type: 'boolean' },
  },
  required: ['name', 'age', 'city', 'job', 'likes_llamas'],
  additionalProperties: false,
};

const [path, text = 'Ada is 36 and builds bridges in Cusco. Her three llamas are her joy.'] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node json.mjs MODEL.gguf [TEXT]');
  process.exit(2);
}
try {
  const model = await loadModel(path);
  const session = model.session({ system: 'Fill in the form of the person.' });
  const reply = await session.chat(text, { jsonSchema: JSON.stringify(SCHEMA), temperature: 0 });
  for (const [field, value] of Object.entries(JSON.parse(reply.text))) console.log(`${field}: ${value}`);
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
