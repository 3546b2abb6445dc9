'use strict';

const check = require('./check.js');
const { isFailure, unwrap } = require('./errors.js');

/** Closes a native model or session, which waits on another thread, and frees its handle. Again is fine. */
async function close(handle, options) {
  const { timeoutMs } = check.object(options, 'options');
  const outcome = await handle.close(check.timeout(timeoutMs, 'timeoutMs'));
  if (isFailure(outcome) && outcome.reason === 'closed') return;
  unwrap(outcome);
  handle.free();
}

/** Makes a class usable with `using` and `await using`, where Node knows these symbols. */
function disposable({ prototype }, { dispose, asyncDispose }) {
  const define = (symbol, value) =>
    Object.defineProperty(prototype, symbol, { value, writable: true, configurable: true });
  if (Symbol.dispose && dispose) define(Symbol.dispose, dispose);
  if (Symbol.asyncDispose && asyncDispose) define(Symbol.asyncDispose, asyncDispose);
}

module.exports = { close, disposable };
