// The same package from CommonJS. Only compiled, never run.
import chaku = require('chaku');

async function main(): Promise<string> {
  const model: chaku.Model = await chaku.loadModel('model.gguf');
  const { text } = await model.session().chat('Hi');
  return text + chaku.version;
}

main().catch((error: unknown) => console.log(error instanceof chaku.NotFoundError));
