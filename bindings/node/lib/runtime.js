'use strict';

const check = require('./check.js');
const { disposable } = require('./dispose.js');
const { errors, unwrap } = require('./errors.js');
const { LEVELS, openLog } = require('./log.js');
const native = require('./native.js');
const { settings } = require('./options.js');

let nativeOf;

/** The owner of models, of their limits and of the log. */
class Runtime {
  #native;

  static {
    nativeOf = (runtime) => runtime.#native;
    disposable(Runtime, { dispose: Runtime.prototype.close });
  }

  constructor(options) {
    const { log, logLevel, ...rest } = check.object(options, 'options');
    this.#native = unwrap(native.newRuntime(settings(rest)));
    if (log !== undefined) this.setLog(log, logLevel);
  }

  setLog(log, level = 'info') {
    if (log === null) {
      unwrap(this.#native.closeLog());
      return;
    }
    if (typeof log !== 'function') throw check.wrongType('log', 'a function or null', log);
    if (!LEVELS.includes(level)) {
      throw new errors.InvalidArgumentError(`\`logLevel\` is one of ${LEVELS.join(', ')}, not \`${String(level)}\``, {
        reason: 'invalid_argument',
        details: { parameter: 'logLevel' },
      });
    }
    unwrap(openLog(this.#native, level, log));
  }

  close() {
    this.#native.free();
  }
}

module.exports = { Runtime, nativeOf };
