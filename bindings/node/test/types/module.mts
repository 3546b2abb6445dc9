// What a program in TypeScript may write, and what the compiler must refuse. Only compiled, never run.
import {
  CancelledError,
  ChakuError,
  Runtime,
  buildInfo,
  devices,
  loadModel,
  metrics,
  optionTable,
  plan,
  version,
  type Event,
  type Message,
  type Metrics,
  type Model,
  type ModelOptions,
  type Plan,
  type Reply,
  type RequestOptions,
  type Session,
  type Stream,
  type Timeline,
  type TopLogprob,
} from 'chaku';

const runtime = new Runtime({ log: ({ level, target, message }) => console.log(level, target, message), maxTokens: 5 });
const controller = new AbortController();
const model: Model = await loadModel(new URL('file:///model.gguf'), {
  runtime,
  threads: 1,
  flashAttn: 'auto',
  signal: controller.signal,
  onProgress: (progress: number) => console.log(progress),
});
const session: Session = model.session({ system: 'Be brief.', overflow: 'shift', temperature: 0 });
const reply: Reply = await session.chat('Hi', {
  deadlineMs: 500,
  stop: ['a'],
  signal: controller.signal,
  onText: async (text: string) => console.log(text),
});
const numbers: number = reply.usage.promptTokens + reply.timings.totalMs;

const stream: Stream = session.stream('Hi', { stop: 'a' });
for await (const event of stream) {
  switch (event.kind) {
    case 'text': {
      const bytes: Uint8Array = event.bytes;
      console.log(event.text, event.token, event.replaced, bytes);
      const logprob: number | null = event.logprob;
      console.log(logprob, event.topLogprobs[0]?.logprob);
      break;
    }
    case 'reasoning':
      console.log(event.reasoning, event.token);
      break;
    case 'prompt':
      console.log(event.prompt, event.token, event.logprob, event.topLogprobs);
      break;
    case 'logits':
      console.log(event.logits, event.position);
      stream.resume(event.logits);
      break;
    case 'tool_call':
      console.log(event.index, event.id, event.name);
      break;
    case 'tool_call_arguments':
      console.log(event.index, event.arguments);
      break;
    case 'progress':
      console.log(event.progress);
      break;
    case 'final':
      console.log(event.finishReason === 'stop', event.usage, event.timings);
      break;
    default: {
      const never: never = event;
      console.log(never);
    }
  }
}
const whole: Promise<Reply> = stream.reply();
const next: IteratorResult<Event, undefined> = await stream.next();

const tokens: Int32Array = await model.tokenize('Hi', { addSpecial: true });
const text: string = String(await model.detokenize([...tokens, model.tokens.bos ?? 0]));
const name: string | undefined = model.metadata['general.name'];
await session.ingest('Hi', { role: 'user' });
await session.continueAnswer();
session.streamContinue({ maxTokens: 3 }).cancel();
try {
  await session.generate('Hi');
} catch (error) {
  if (error instanceof CancelledError) {
    const code: 'CANCELLED' = error.code;
    console.log(code);
  }
  if (error instanceof ChakuError) console.log(error.code, error.reason, error.details['limit'], error.reply?.text);
}
const requestOptions: RequestOptions = { maxTokens: 3, logprobs: 3, logitBias: { 15: -1.5, no: false } };
const scored: Reply = await session.chat('Hi', { logitBias: ['15=-1.5', 'no=false'] });
const likely: readonly TopLogprob[] = scored.logprobs[0]?.topLogprobs ?? [];
console.log(likely);
const modelOptions: ModelOptions = { ...requestOptions, ctxSize: 512 };
const fork: Session = session.fork({ system: 'Be brief.', priority: 'low' });
fork.rewind(2);
const nothing: void = await fork.save(new URL('file:///session.state'), { signal: controller.signal, deadlineMs: 500 });
const bytes: Buffer = await fork.save(undefined, { deadlineMs: 500 });
const restored: Session[] = [await model.restore(bytes, { temperature: 0 }), await model.restore('session.state')];
const messages: Message[] = [{ role: 'user', content: 'Hi' }];
messages.push({ role: 'assistant', content: (await model.chat(messages, { onText: console.log })).text });
const position: number | null = model.stream(messages, { priority: 'high', overload: 'wait' }).queuePosition;
const timeline: Timeline = stream.timeline();
const seen: Metrics[] = [model.metrics(), runtime.metrics(), metrics()];
const planned: Plan[] = [await plan('model.gguf', { runtime, ctxSize: 512 }), await runtime.plan('model.gguf')];
console.log(nothing, restored, position, timeline.startedMs ?? 0, seen[0]?.stepMs, planned[0]?.devices[0]?.kvTotal);
await using disposed = model.session();
using plain = new Runtime(modelOptions);
await model.close({ timeoutMs: 500 });
console.log(numbers, whole, next, text, name, disposed, plain, version, buildInfo(), devices()[0]?.kind, optionTable());

// @ts-expect-error: an option in C's spelling
session.chat('Hi', { max_tokens: 3 });
// @ts-expect-error: an option of the model given to a request
session.chat('Hi', { ctxSize: 3 });
const add = { parameters: { type: 'object' }, run: async ({ a, b }: { a: number; b: number }) => a + b };
const called: Reply = await session.runTools('Hi', { tools: { add }, maxRounds: 2, toolChoice: 'add' });
const [call] = called.toolCalls;
await session.chat([{ role: 'tool', tool_call_id: call?.id ?? '', content: called.reasoning }], { tools: [{}] });
// @ts-expect-error: a tool runs something
session.runTools('Hi', { tools: { add: {} } });

// @ts-expect-error: not one of the choices
model.session({ overflow: 'explode' });
// @ts-expect-error: a number as text
session.chat('Hi', { maxTokens: '3' });
// @ts-expect-error: true bans nothing
session.chat('Hi', { logitBias: { no: true } });
// @ts-expect-error: no such role
session.ingest('Hi', { role: 'bystander' });
// @ts-expect-error: a stream is no promise
const notYet: Reply = await session.stream('Hi');
// @ts-expect-error: text only
session.chat(5);
// @ts-expect-error: no such role
model.chat([{ role: 'robot', content: 'Hi' }]);
// @ts-expect-error: nobody reads the events of a save
fork.save('session.state', { eventQueue: 5 });
// @ts-expect-error: a fact
model.contextSize = 5;
console.log(notYet);
