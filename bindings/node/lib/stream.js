'use strict';

const { cancelOnAbort } = require('./abort.js');
const check = require('./check.js');
const { disposable } = require('./dispose.js');
const { errorOf, errors, unwrap } = require('./errors.js');
const {
  TextEvent,
  callEvent,
  finalEvent,
  logitsEvent,
  progressEvent,
  promptEvent,
  reasoningEvent,
  tokenLogprob,
} = require('./events.js');
const { wait, wake } = require('./inbox.js');
const { parsed } = require('./names.js');

/** Events a stream hands out before the event loop gets its turn. */
const TURN = 64;

/** What a load made, of its stream, the paths of a download, and the bytes of a save. */
let modelOf;
let pathsOf;
let bytesOf;

/** A request under way: its events one by one, or its reply. */
class Stream {
  #request;
  #signal;
  #stopListening;
  /**
   * The most events to read ahead of the consumer. The rest waits in the request's own queue, which is bounded: a
   * consumer that stops pauses its request.
   */
  #batch;
  /** `iterator` or `reply`: a stream has one reader. */
  #reader;
  /** Events that were read, and handed out up to `#at`. */
  #events = [];
  #at = 0;
  /** How many were read in this turn of the event loop. */
  #taken = 0;
  #text = '';
  #reasoning = '';
  #toolCalls = [];
  #logprobs = [];
  #promptLogprobs = [];
  /** Calls of `next` that wait: each knows the one `after` it. */
  #first;
  #last;
  /** Somebody waits until there may be something to read. */
  #listening = false;
  /** Resolves then; shared by all who read to the end. */
  #readable;
  /** `reply`, `timeline`, `model` of a load, `paths` of a download, `failure`, and whether the signal is why. */
  #end;
  #ended = deferred();
  #returned = false;
  #thrown = false;

  static {
    modelOf = (stream) => stream.#end.model;
    pathsOf = (stream) => stream.#end.paths;
    bytesOf = (stream) => stream.#request.bytes();
    disposable(Stream, {
      async asyncDispose() {
        await this.return();
      },
    });
  }

  constructor(request, { signal, eventQueue = TURN } = {}) {
    this.#request = request;
    this.#signal = signal;
    this.#batch = Math.min(eventQueue, TURN);
    this.#stopListening = cancelOnAbort(request, signal);
  }

  get finished() {
    return this.#request.finished;
  }

  get queuePosition() {
    return this.#request.queuePosition;
  }

  timeline() {
    return parsed(this.#end?.timeline ?? unwrap(this.#request.timeline()));
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** One promise a call and no more: each token of an answer comes this way, between two steps of the computation. */
  next() {
    return new Promise(this.#ask);
  }

  /** Cancels, and waits for the end: from then on the session is free. */
  async return(value) {
    this.#returned = true;
    this.#discard();
    this.cancel();
    await this.#readAll();
    return { value, done: true };
  }

  async reply() {
    this.#reader ??= 'reply';
    await (this.#reader === 'reply' ? this.#readAll() : this.#ended.promise);
    if (this.#end.failure !== undefined) throw this.#error();
    return this.#end.reply;
  }

  cancel() {
    this.#request.cancel();
  }

  resume(logits) {
    unwrap(this.#request.resume(logits === undefined ? undefined : check.floats(logits, 'logits')));
  }

  #ask = (resolve, reject) => {
    this.#reader ??= 'iterator';
    if (this.#reader !== 'iterator') {
      throw new errors.FailedPreconditionError('reply() reads this stream', { reason: 'reader_taken' });
    }
    const call = { resolve, reject, after: undefined };
    // Whoever waits already comes first.
    if (this.#first !== undefined) {
      this.#last = this.#last.after = call;
      return;
    }
    this.#first = this.#last = call;
    this.#serve();
  };

  /** Gives events to the calls that wait, in the order they came, as far as there are any. */
  #serve() {
    try {
      while (this.#first !== undefined) {
        const event = this.#shift();
        if (event === undefined && this.#end === undefined) return this.#listen();
        const { resolve, after } = this.#first;
        this.#first = after;
        resolve(event === undefined ? this.#tellEnd() : { value: event, done: false });
      }
    } catch (error) {
      for (; this.#first !== undefined; this.#first = this.#first.after) this.#first.reject(error);
    }
  }

  /** A failure is thrown once. */
  #tellEnd() {
    if (this.#end.failure === undefined || this.#thrown || this.#returned) return { value: undefined, done: true };
    this.#thrown = true;
    return this.#fail();
  }

  /** The next event, if there is one. */
  #shift() {
    // Whoever aborts or leaves does not want what was computed before.
    const drops = this.#returned || this.#signal?.aborted;
    while (this.#end === undefined && (drops || this.#at === this.#events.length)) {
      if (!this.#read()) return undefined;
    }
    if (this.#returned || this.#end?.aborted) this.#discard();
    if (this.#at === this.#events.length) return undefined;
    const event = this.#events[this.#at++];
    if (this.#at === this.#events.length) this.#discard();
    return event;
  }

  async #readAll() {
    while (this.#end === undefined) {
      if (!this.#read()) await this.#untilReadable();
      this.#discard();
    }
  }

  #discard() {
    this.#events = [];
    this.#at = 0;
  }

  /** Reads what there is, within the turn's share. Says whether there was anything; if not, `#listen` will tell. */
  #read() {
    if (this.#taken === TURN) return false;
    const events = this.#request.read(Math.min(this.#batch, TURN - this.#taken));
    if (events === null) return false;
    for (const event of unwrap(events)) this.#take(event);
    this.#taken += events.length;
    return true;
  }

  #take(found) {
    const { text, reasoning, prompt, logits, call, token, replaced, bytes, logprob, topLogprobs, progress, end } = found;
    if (text !== undefined) {
      this.#takeText(text, token, replaced, bytes, logprob, topLogprobs);
    } else if (reasoning !== undefined) {
      this.#reasoning += reasoning;
      this.#events.push(reasoningEvent(reasoning, token));
    } else if (prompt !== undefined) {
      const event = promptEvent(prompt, found);
      this.#events.push(event);
      if (event.token !== null) this.#promptLogprobs.push(tokenLogprob(event));
    } else if (logits !== undefined) {
      this.#takeLogits(logits, found.position);
    } else if (call !== undefined) {
      this.#takeCall(call);
    } else if (progress !== undefined) {
      this.#events.push(progressEvent(progress));
    } else {
      this.#finish(end);
    }
  }

  #takeText(text, token, replaced, bytes, logprob, topLogprobs) {
    this.#text += text;
    const event = new TextEvent(text, token, replaced, bytes, logprob, topLogprobs);
    this.#events.push(event);
    if (logprob !== undefined) this.#logprobs.push(tokenLogprob(event));
  }

  /** Nobody sees the events of a stream that is read for its reply: it goes on by itself. */
  #takeLogits(logits, position) {
    if (this.#reader === 'reply') this.resume();
    this.#events.push(logitsEvent(logits, position));
  }

  #takeCall(call) {
    const { index, id, name } = call;
    if (name === undefined) this.#toolCalls[index].arguments += call.arguments;
    else this.#toolCalls[index] = { id, name, arguments: '' };
    this.#events.push(callEvent(call));
  }

  #finish({ finishReason, usage, timings, failure, timeline, model, paths }) {
    const reply = {
      text: this.#text,
      reasoning: this.#reasoning,
      toolCalls: this.#toolCalls,
      finishReason,
      usage,
      timings,
      logprobs: this.#logprobs,
      promptLogprobs: this.#promptLogprobs,
    };
    // The end of a request that failed is thrown.
    if (failure === undefined) this.#events.push(finalEvent(reply));
    this.#end = { reply, timeline, model, paths, failure, aborted: failure?.code === 'CANCELLED' && this.#signal?.aborted };
    this.#stopListening();
    this.#ended.resolve();
    // Whoever waits for more in another call: no news of this request comes any more.
    wake(this.#request.id);
  }

  /**
   * Fails once whoever waits has been tied to it: only then the stack of the error leads there. A wake-up has nobody's
   * stack.
   */
  async #fail() {
    await undefined;
    await undefined;
    throw this.#error();
  }

  /** Made where it is thrown, so that its stack leads to whoever waits. */
  #error() {
    const { reply, failure, aborted } = this.#end;
    if (aborted) return this.#signal.reason;
    return (this.#end.error ??= errorOf(failure, this.#request.replies ? reply : undefined));
  }

  #untilReadable() {
    this.#readable ??= deferred();
    this.#listen();
    return this.#readable.promise;
  }

  /** Comes back when there may be something to read, or in the next turn of the event loop. */
  #listen() {
    if (this.#listening) return;
    this.#listening = true;
    if (this.#taken === TURN) setImmediate(this.#wake);
    else wait(this.#request.id, this.#wake);
  }

  #wake = (text, token, event) => {
    this.#listening = false;
    this.#taken = 0;
    if (typeof text === 'string') this.#takeText(text, token);
    else if (event) this.#take(event);
    const readable = this.#readable;
    this.#readable = undefined;
    this.#serve();
    readable?.resolve();
  };
}

function deferred() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Reads a stream to its end, and tells callbacks about it. One that fails, or rejects, cancels the request. */
async function collect(stream, { onText, onProgress }) {
  if (onText !== undefined || onProgress !== undefined) {
    for await (const event of stream) {
      if (event.kind === 'text' && event.text !== '') await onText?.(event.text);
      if (event.kind === 'progress') await onProgress?.(event.progress, event);
      if (event.kind === 'logits') stream.resume();
    }
  }
  return await stream.reply();
}

module.exports = { Stream, bytesOf, collect, modelOf, pathsOf };
