'use strict';

const { isUint8Array } = require('node:util').types;

const check = require('./check.js');
const { close, disposable } = require('./dispose.js');
const { errors, unwrap } = require('./errors.js');
const { inbox } = require('./inbox.js');
const { messagesJson } = require('./messages.js');
const { parsed } = require('./names.js');
const native = require('./native.js');
const { sessionSettings, settings } = require('./options.js');
const { nativeRuntime } = require('./runtime.js');
const { Session } = require('./session.js');
const { reply, start } = require('./start.js');
const { Stream, collect, modelOf, pathsOf } = require('./stream.js');

/** Loads a file. */
async function loadModel(path, options) {
  const { runtime, onProgress, signal, ...rest } = check.object(options, 'options');
  const owner = nativeRuntime(runtime);
  const file = check.path(path, 'path');
  check.callback(onProgress, 'onProgress');
  check.signal(signal)?.throwIfAborted();
  const request = unwrap(native.load(inbox, owner, file, settings(rest)));
  const stream = new Stream(request, { signal });
  await collect(stream, { onProgress });
  return new Model(modelOf(stream));
}

/** Downloads a model: the paths of its files. */
async function download(spec, options) {
  const { runtime, onProgress, signal, ...rest } = check.object(options, 'options');
  const owner = nativeRuntime(runtime);
  check.text(spec, 'spec');
  check.callback(onProgress, 'onProgress');
  check.signal(signal)?.throwIfAborted();
  const stream = new Stream(unwrap(native.download(inbox, owner, spec, settings(rest))), { signal });
  await collect(stream, { onProgress });
  return pathsOf(stream);
}

/** A loaded model. */
class Model {
  #native;
  #metadata;
  #chatTemplate;

  static {
    disposable(Model, {
      dispose() {
        this.#native.release();
      },
      asyncDispose() {
        return this.close();
      },
    });
  }

  constructor(loaded) {
    this.#native = loaded;
    const { bos = null, eos = null, eot = null, pad = null, ...facts } = unwrap(loaded.facts());
    this.#metadata = Object.fromEntries(facts.metadata);
    this.#chatTemplate = facts.chatTemplate ?? null;
    this.description = facts.description;
    this.contextSize = facts.contextSize;
    this.trainingContext = facts.trainingContext;
    this.vocabSize = facts.vocabSize;
    this.sizeBytes = facts.sizeBytes;
    this.parameterCount = facts.parameterCount;
    this.tokens = { bos, eos, eot, pad };
  }

  get metadata() {
    return this.#metadata;
  }

  get chatTemplate() {
    return this.#chatTemplate;
  }

  session(options) {
    return new Session(unwrap(this.#native.session(sessionSettings(options))));
  }

  async restore(saved, options) {
    const given = sessionSettings(options);
    if (isUint8Array(saved)) return new Session(unwrap(await this.#native.restoreBytes(saved, given)));
    if (typeof saved !== 'string' && !(saved instanceof URL)) {
      throw check.wrongType('saved', 'a path or a Uint8Array', saved);
    }
    return new Session(unwrap(await this.#native.restore(check.path(saved, 'path'), given)));
  }

  async chat(messages, options) {
    return await reply(options, (rest) => this.stream(messages, rest));
  }

  stream(messages, options) {
    return start(options, (given) => this.#native.chat(inbox, messagesJson(messages), given));
  }

  async choices(messages, count, options) {
    if (check.integer(count, 'count') < 1) throw new RangeError('`count` must be 1 or more');
    const streams = [];
    try {
      for (let choice = 0; choice < count; choice++) streams.push(this.stream(messages, { ...options, choice }));
      return await Promise.all(streams.map((stream) => stream.reply()));
    } catch (error) {
      await Promise.allSettled(streams.map((stream) => stream.return()));
      throw error;
    }
  }

  metrics() {
    return parsed(unwrap(this.#native.metrics()));
  }

  async tokenize(text, options) {
    const { addSpecial = false, parseSpecial = false } = check.object(options, 'options');
    check.boolean(addSpecial, 'addSpecial');
    check.boolean(parseSpecial, 'parseSpecial');
    return unwrap(await this.#native.tokenize(check.text(text, 'text'), addSpecial, parseSpecial));
  }

  async detokenize(tokens, options) {
    const { special = false } = check.object(options, 'options');
    check.boolean(special, 'special');
    return unwrap(await this.#native.detokenize(tokenList(tokens), special));
  }

  isEndToken(token) {
    return unwrap(this.#native.isEndToken(tokenList([token])[0]));
  }

  async close(options) {
    await close(this.#native, options);
  }
}

/** Tokens as the native half takes them. */
function tokenList(tokens) {
  if (!Array.isArray(tokens) && !(tokens instanceof Int32Array)) {
    throw check.wrongType('tokens', 'an array of integers or an Int32Array', tokens);
  }
  const list = Array.from(tokens);
  for (const token of list) {
    if (!Number.isInteger(token)) throw check.wrongType('a token', 'an integer', token);
    if (token !== (token | 0)) {
      throw new errors.InvalidArgumentError(`${token} is no token`, { reason: 'invalid_token' });
    }
  }
  return list;
}

module.exports = { download, loadModel };
