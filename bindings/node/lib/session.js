'use strict';

const check = require('./check.js');
const { close, disposable } = require('./dispose.js');
const { unwrap } = require('./errors.js');
const { inbox } = require('./inbox.js');
const { settings } = require('./options.js');
const { Stream, collect } = require('./stream.js');

/** A conversation, or a raw text that grows. */
class Session {
  #native;

  static {
    disposable(Session, {
      dispose() {
        this.#native.free();
      },
      asyncDispose() {
        return this.close();
      },
    });
  }

  constructor(native) {
    this.#native = native;
  }

  get contextUsed() {
    return unwrap(this.#native.contextUsed());
  }

  get messageCount() {
    return unwrap(this.#native.messageCount());
  }

  // `await`, for then the stack of an error has who called.

  async chat(text, options) {
    return await this.#reply(options, (rest) => this.stream(text, rest));
  }

  async generate(text, options) {
    return await this.#reply(options, (rest) => this.streamGenerate(text, rest));
  }

  async continueAnswer(options) {
    return await this.#reply(options, (rest) => this.streamContinue(rest));
  }

  async ingest(text, options) {
    return await this.#reply(options, ({ role, ...rest }) => {
      if (role !== undefined) check.text(role, 'role');
      return this.#start(rest, (given) => this.#native.ingest(inbox, check.text(text, 'text'), role, given));
    });
  }

  stream(text, options) {
    return this.#start(options, (given) => this.#native.chat(inbox, check.text(text, 'text'), given));
  }

  streamGenerate(text, options) {
    return this.#start(options, (given) => this.#native.generate(inbox, check.text(text, 'text'), given));
  }

  streamContinue(options) {
    return this.#start(options, (given) => this.#native.continueAnswer(inbox, given));
  }

  reset() {
    unwrap(this.#native.reset());
  }

  cancel() {
    this.#native.cancel();
  }

  async close(options) {
    await close(this.#native, options);
  }

  /** The whole answer of a request, with callbacks on the way. */
  #reply(options, start) {
    const { onText, onProgress, ...rest } = check.object(options, 'options');
    check.callback(onText, 'onText');
    check.callback(onProgress, 'onProgress');
    return collect(start(rest), { onText, onProgress });
  }

  #start(options, start) {
    const { signal, ...rest } = check.object(options, 'options');
    check.signal(signal)?.throwIfAborted();
    return new Stream(unwrap(start(settings(rest))), { signal, eventQueue: rest.eventQueue });
  }
}

module.exports = { Session };
