'use strict';

const native = require('./native.js');

const LEVELS = [undefined, 'error', 'warn', 'info', 'debug', 'trace'];
const callbacks = new Map();

/** The logs of this environment. Made when they are asked for. */
let logs;

/** Sends the log of a native runtime to a function. */
function openLog(runtime, level, callback) {
  logs ??= new native.Logs(take);
  const log = runtime.openLog(logs, LEVELS.indexOf(level));
  if (typeof log === 'number') callbacks.set(log, callback);
  return log;
}

function take() {
  const { lines, ended } = logs.take();
  for (const { log, ...line } of lines) write(callbacks.get(log), { ...line, level: LEVELS[line.level] });
  for (const log of ended) callbacks.delete(log);
}

function write(callback, line) {
  try {
    callback(line);
  } catch (error) {
    // An uncaught exception, as that of any event handler, but not in the way of the other lines.
    process.nextTick(() => {
      throw error;
    });
  }
}

module.exports = { LEVELS: LEVELS.slice(1), openLog };
