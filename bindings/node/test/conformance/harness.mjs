// What every case needs. A case is a function named as its row in cases.json, which returns when everything is as the
// table says. Each runs in a process of its own (run.mjs).
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ChakuError, loadModel } from 'chaku';

export { assert, sleep };

export const SCRIPT = 'tiny-script.gguf'; // replies SCRIPT_REPLY to every chat, and to raw text that ends in "\n"
export const SCRIPT_REPLY = 'Hello there, I am a test model.';
export const RANDOM = 'tiny-random.gguf'; // endless printable nonsense
export const LONG = 'tiny-long.gguf'; // LONG_WORDS for ever
export const LONG_WORDS = ' one two three four five six seven eight';
export const SMOLLM2 = 'SmolLM2-135M-Instruct.Q4_1.gguf'; // sense, and enough work to be caught in the middle of it

export const USER = (text) => `<|im_start|>user\n${text}<|im_end|>\n`;
export const ASSISTANT = '<|im_start|>assistant\n';

export const modelPath = (file) => join(process.env.CHAKU_TEST_MODELS, file);

/** On one compute thread unless the options say otherwise: several lose time when others want the processor too. */
export const load = (file, options = {}) => loadModel(modelPath(file), { threads: 1, ...options });

/** How many tokens a text has. Of a ChatML prompt with `parseSpecial`. */
export const countTokens = async (model, text, parseSpecial = false) =>
  (await model.tokenize(text, { parseSpecial })).length;

/** Looks again and again until the condition holds. The watchdog of the case tells when it never does. */
export async function until(condition) {
  while (!(await condition())) await sleep(2);
}

/** A call or promise fails with this code and reason. Returns its error. */
export async function fails(work, code, reason) {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    assert.ok(error instanceof ChakuError, error);
    assert.deepEqual([error.code, error.reason], [code, reason], error);
    assert.notEqual(error.message, '');
    return error;
  }
  assert.fail(`${code} ${reason} was expected, and nothing failed`);
}

/** Reads a stream and checks what holds for every one. */
export class Reading {
  text = '';
  bytes = [];
  tokens = [];
  progress = [];
  replaced = 0;
  reasoning = '';
  /** Id, name, arguments. */
  calls = [];
  /** How it ended; with `error` if it did not succeed. */
  end;

  constructor(stream) {
    this.stream = stream;
  }

  /** Reads one event; says whether it was another one than the end. */
  async event() {
    try {
      const { value, done } = await this.stream.next();
      assert.equal(done, false, 'a stream ends in a final event or an error');
      this.#add(value);
    } catch (error) {
      if (!(error instanceof ChakuError)) throw error;
      this.#finish({ ...error.reply, error });
    }
    return this.end === undefined;
  }

  /** Reads until this many tokens were seen in all; the request must not end before. */
  async toToken(count) {
    while (this.tokens.length < count) assert.ok(await this.event(), `ended after ${this.tokens.length} tokens`);
    return this;
  }

  /** Reads the first event, which is progress. */
  async toProgress() {
    assert.ok(await this.event(), this.end?.error);
    assert.equal(this.progress.length, 1, 'the first event is progress');
    return this;
  }

  /** Reads until the end. */
  async rest() {
    while (await this.event());
    assert.deepEqual(await this.stream.next(), { value: undefined, done: true }, 'nothing follows the end');
    if (this.replaced === 0) assert.equal(Buffer.from(this.bytes).toString(), this.text, 'the bytes are the text');
    return this;
  }

  #add(event) {
    switch (event.kind) {
      case 'text':
        assert.doesNotMatch(event.text, /\p{Surrogate}/u, 'text is whole characters');
        this.text += event.text;
        this.bytes.push(...event.bytes);
        if (event.token !== null) this.tokens.push(event.token);
        this.replaced += event.replaced ? 1 : 0;
        break;
      case 'reasoning':
        this.reasoning += event.reasoning;
        if (event.token !== null) this.tokens.push(event.token);
        break;
      case 'tool_call':
        assert.equal(event.index, this.calls.length, 'calls come in order');
        this.calls.push({ id: event.id, name: event.name, arguments: '' });
        break;
      case 'tool_call_arguments':
        this.calls[event.index].arguments += event.arguments;
        break;
      case 'progress':
        assert.ok(event.progress >= (this.progress.at(-1) ?? 0) && event.progress <= 1, 'progress goes from 0 to 1');
        assert.equal(this.tokens.length, 0, 'progress comes before the first text');
        this.progress.push(event.progress);
        break;
      case 'final':
        this.#finish(event);
        break;
      default:
        assert.fail(`this suite does not know events of the kind ${event.kind}`);
    }
  }

  #finish(end) {
    this.end = end;
    const { usage, timings } = end;
    for (const time of Object.values(timings)) assert.ok(time >= 0, 'times are not negative');
    assert.ok(usage.cachedTokens <= usage.promptTokens, 'no more tokens are cached than the prompt has');
    assert.ok(usage.completionTokens >= this.tokens.length, 'completionTokens counts every token that was shown');
  }

  /** It succeeded. */
  ended(finishReason) {
    assert.equal(this.end.error, undefined);
    assert.equal(this.end.finishReason, finishReason);
    return this;
  }

  /** It failed. */
  failed(finishReason, code, reason) {
    const { error } = this.end;
    assert.ok(error, 'it succeeded');
    assert.deepEqual([this.end.finishReason, error.code, error.reason], [finishReason, code, reason], error);
    assert.equal(error.reply.text, this.text, 'the error has the text so far');
    return this;
  }

  cancelled() {
    return this.failed('cancelled', 'CANCELLED', 'cancelled');
  }

  expired() {
    return this.failed('deadline', 'DEADLINE_EXCEEDED', 'deadline');
  }

  get usage() {
    return this.end.usage;
  }
}

/** Reads a stream from its beginning to its end. */
export const read = (stream) => new Reading(stream).rest();
export const chat = (session, text, options) => read(session.stream(text, options));
export const generate = (session, text, options) => read(session.streamGenerate(text, options));

/** A model whose engine computes an answer nobody waits for: whatever else it is asked has to queue. */
export async function makeBusy(options) {
  const model = await load(LONG, { ...options, maxRunning: 1 });
  const stream = model.session().stream('Count.', { eventQueue: 1048576 });
  const reading = await new Reading(stream).toToken(1);
  return { model, stream, reading };
}
