'use strict';

const check = require('./check.js');
const { close, disposable } = require('./dispose.js');
const { unwrap } = require('./errors.js');
const { inbox } = require('./inbox.js');
const { messagesJson } = require('./messages.js');
const { sessionSettings } = require('./options.js');
const { reply, start } = require('./start.js');
const { bytesOf } = require('./stream.js');
const { runTools } = require('./tools.js');

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
    return await reply(options, (rest) => this.stream(text, rest));
  }

  async generate(text, options) {
    return await reply(options, (rest) => this.streamGenerate(text, rest));
  }

  async continueAnswer(options) {
    return await reply(options, (rest) => this.streamContinue(rest));
  }

  async ingest(text, options) {
    return await reply(options, ({ role, ...rest }) => {
      if (role !== undefined) check.text(role, 'role');
      return start(rest, (given) => this.#native.ingest(inbox, check.text(text, 'text'), role, given));
    });
  }

  async runTools(text, options) {
    return await runTools(this, text, options);
  }

  stream(text, options) {
    if (typeof text === 'object' && text !== null) {
      return start(options, (given) => this.#native.chatMessages(inbox, messagesJson(text), given));
    }
    return start(options, (given) => this.#native.chat(inbox, check.text(text, 'text'), given));
  }

  streamGenerate(text, options) {
    return start(options, (given) => this.#native.generate(inbox, check.text(text, 'text'), given));
  }

  streamContinue(options) {
    return start(options, (given) => this.#native.continueAnswer(inbox, given));
  }

  fork(options) {
    return new Session(unwrap(this.#native.fork(sessionSettings(options))));
  }

  rewind(length) {
    unwrap(this.#native.rewind(check.integer(length, 'length')));
  }

  async save(path, options) {
    const file = path === undefined ? undefined : check.path(path, 'path');
    const stream = start(options, (given) => this.#native.save(inbox, file, given));
    await stream.reply();
    return file === undefined ? unwrap(await bytesOf(stream)) : undefined;
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
}

module.exports = { Session };
