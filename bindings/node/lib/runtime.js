'use strict';

const check = require('./check.js');
const { disposable } = require('./dispose.js');
const { errors, unwrap } = require('./errors.js');
const { LEVELS, openLog } = require('./log.js');
const { parsed } = require('./names.js');
const native = require('./native.js');
const { settings } = require('./options.js');

/** The native half of a runtime; undefined, which is the default runtime, stays what it is. */
let nativeRuntime;

/** The owner of models, of their limits and of the log. */
class Runtime {
  #native;

  static {
    nativeRuntime = (runtime) => {
      if (runtime === undefined) return undefined;
      if (!(runtime instanceof Runtime)) throw check.wrongType('runtime', 'a Runtime', runtime);
      return runtime.#native;
    };
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

  async plan(path, options) {
    return await planFor(this.#native, path, check.object(options, 'options'));
  }

  metrics() {
    return parsed(unwrap(native.metrics(this.#native)));
  }

  close() {
    this.#native.free();
  }
}

/** What a model would take. */
async function plan(path, options) {
  const { runtime, ...rest } = check.object(options, 'options');
  return await planFor(nativeRuntime(runtime), path, rest);
}

async function planFor(runtime, path, options) {
  return parsed(unwrap(await native.plan(runtime, check.path(path, 'path'), settings(options))));
}

/** The numbers of the default runtime. */
const metrics = () => parsed(unwrap(native.metrics()));

module.exports = { Runtime, metrics, nativeRuntime, plan };
