'use strict';

const { fileURLToPath } = require('node:url');

const { errors } = require('./errors.js');

/** Arguments of a wrong type are mistakes of the program: a TypeError, as Node's own functions throw. */
function wrongType(name, expected, value) {
  const error = new TypeError(`\`${name}\` must be ${expected}, not ${describe(value)}`);
  error.code = 'ERR_INVALID_ARG_TYPE';
  return error;
}

function describe(value) {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? `an instance of ${value.constructor?.name ?? 'Object'}` : `a ${typeof value}`;
}

/** A text that is whole: half a surrogate pair has no UTF-8 form, and would silently become another character. */
function text(value, name) {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  const at = value.search(/\p{Surrogate}/u);
  if (at >= 0) {
    const offset = Buffer.byteLength(value.slice(0, at));
    const message = `\`${name}\` is no valid Unicode: half a surrogate pair at byte ${offset}`;
    throw new errors.InvalidArgumentError(message, {
      reason: 'invalid_utf8',
      details: { parameter: name, offset: String(offset) },
    });
  }
  return value;
}

/** The path of a file. */
function path(value, name) {
  return text(value instanceof URL ? fileURLToPath(value) : value, name);
}

function integer(value, name) {
  if (!Number.isInteger(value)) throw wrongType(name, 'an integer', value);
  return value;
}

function callback(value, name) {
  if (value !== undefined && typeof value !== 'function') throw wrongType(name, 'a function', value);
  return value;
}

function boolean(value, name) {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
}

/** Milliseconds to wait at most; undefined = for ever. */
function timeout(value, name) {
  if (value !== undefined && !(typeof value === 'number' && value >= 0)) {
    throw wrongType(name, 'a number that is not negative', value);
  }
  return value;
}

function signal(value) {
  const isSignal = typeof value === 'object' && value !== null && 'aborted' in value;
  if (value !== undefined && !isSignal) throw wrongType('signal', 'an AbortSignal', value);
  return value;
}

function object(value, name) {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) throw wrongType(name, 'an object', value);
  return value;
}

/** Logits, as the native half takes them. */
function floats(value, name) {
  if (!(value instanceof Float32Array || Array.isArray(value))) {
    throw wrongType(name, 'a Float32Array or an array of numbers', value);
  }
  if (value.length === 0) {
    throw new errors.InvalidArgumentError(`\`${name}\` is empty: give one number for each token, or nothing`, {
      reason: 'invalid_argument',
    });
  }
  return value instanceof Float32Array ? value : Float32Array.from(value);
}

module.exports = { boolean, callback, floats, integer, object, path, signal, text, timeout, wrongType };
