'use strict';

const native = require('./native.js');

/** What other threads have for this one: the native inbox, emptied whenever it wakes us. */
const inbox = new native.Inbox(() => {
  for (const id of inbox.take()) wake(id);
  if (logs.size > 0) takeLogs();
});

function takeLogs() {
  const { lines, ended } = inbox.takeLogs();
  for (const { log, ...line } of lines) write(logs.get(log), { ...line, level: LEVELS[line.level] });
  for (const log of ended) logs.delete(log);
}

/** Who waits for which request. While somebody does, the process stays alive. */
const waiting = new Map();

/** Calls back, once, when a request may have something to read after it had nothing. */
function wait(id, callback) {
  if (waiting.size === 0) inbox.keepAlive(true);
  waiting.set(id, callback);
}

/** Calls back whoever waits for a request. */
function wake(id) {
  const callback = waiting.get(id);
  if (callback === undefined) return;
  waiting.delete(id);
  if (waiting.size === 0) inbox.keepAlive(false);
  callback();
}

const LEVELS = [undefined, 'error', 'warn', 'info', 'debug', 'trace'];
const logs = new Map();

/** Sends the log of a native runtime to a function. */
function openLog(runtime, level, callback) {
  const log = runtime.openLog(inbox, LEVELS.indexOf(level));
  if (typeof log === 'number') logs.set(log, callback);
  return log;
}

function write(callback, line) {
  try {
    callback(line);
  } catch (error) {
    // An uncaught exception, as that of any event handler, but not in the way of the other mail.
    process.nextTick(() => {
      throw error;
    });
  }
}

module.exports = { LEVELS: LEVELS.slice(1), inbox, openLog, wait, wake };
