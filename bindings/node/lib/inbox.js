'use strict';

const native = require('./native.js');

/** Who waits for which request. While somebody does, the process stays alive: the native half sees to that. */
const waiting = new Map();

/** What other threads have for this one: events of requests that had nothing to read when they were last asked. */
const inbox = new native.Inbox(wake);

/**
 * Calls back, once, when a request has something to read after it had nothing: with its next event, unless that is yet
 * to be read.
 */
function wait(id, callback) {
  waiting.set(id, callback);
}

/** Calls back whoever waits for a request. Flat: an object would have to be made, for each token. */
function wake(id, text, token, event) {
  const callback = waiting.get(id);
  if (callback === undefined) return;
  waiting.delete(id);
  callback(text, token, event);
}

module.exports = { inbox, wait, wake };
