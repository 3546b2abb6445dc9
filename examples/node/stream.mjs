// Take events one at a time: the program keeps control between them, here to show how the load and the prompt progress,
// and every token with its bytes.
//
//     node stream.mjs MODEL.gguf
import { ChakuError, loadModel } from 'chaku';

const progress = (what) => (done) => console.log(`${what.padEnd(8)} ${(100 * done).toFixed(0).padStart(3)} %`);

function show(what, event) {
  switch (event.kind) {
    case 'progress':
      progress(what)(event.progress);
      break;
    case 'text':
      console.log(`token ${String(event.token).padStart(6)}  "${event.text}"  (${event.bytes.length} bytes)`);
      break;
    case 'final': {
      const [total, queue, prepare, prefill, decode] = ['total', 'queue', 'prepare', 'prefill', 'decode'].map((part) =>
        event.timings[`${part}Ms`].toFixed(0),
      );
      console.log(
        `${what.padEnd(8)} done in ${total} ms: ${queue} waiting, ${prepare} preparing, ` +
          `${prefill} reading the prompt, ${decode} generating`,
      );
      break;
    }
    default: // a kind of event that came later than this program
      break;
  }
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node stream.mjs MODEL.gguf');
  process.exit(2);
}
try {
  const began = performance.now();
  const model = await loadModel(path, { onProgress: progress('load') });
  console.log(`load     done in ${(performance.now() - began).toFixed(0)} ms`);
  const stream = model.session().stream('Name three animals of the Andes.', { maxTokens: 24 });
  for await (const event of stream) show('answer', event);
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
