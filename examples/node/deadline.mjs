// Give an answer a deadline: whatever was written when the time is up is kept, and can be continued.
//
//     node deadline.mjs MODEL.gguf [MILLISECONDS]
import { ChakuError, DeadlineExceededError, loadModel } from 'chaku';

/** Being late is what this program shows: only other errors are failures. */
function lateReply(error) {
  if (error instanceof DeadlineExceededError) return error.reply;
  throw error;
}

const [path, milliseconds = '500'] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: node deadline.mjs MODEL.gguf [MILLISECONDS]');
  process.exit(2);
}
try {
  const model = await loadModel(path);
  const { finishReason, timings, usage } = await model
    .session()
    .chat('Explain photosynthesis in detail.', {
      // The deadline counts from the call, waiting included.
      deadlineMs: Number(milliseconds),
      onText: (text) => process.stdout.write(text),
    })
    .catch(lateReply);
  const how = finishReason === 'deadline' ? 'time is up' : 'done';
  console.log(`\n-- ${how} after ${timings.totalMs.toFixed(0)} ms and ${usage.completionTokens} tokens`);
  await model.close();
} catch (error) {
  if (!(error instanceof ChakuError)) throw error;
  console.error(`${error.code} (${error.reason}): ${error.message}`);
  process.exitCode = 1;
}
