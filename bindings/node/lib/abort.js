'use strict';

/** The requests of each signal. One listener serves them all: many would draw a warning of Node's. */
const followers = new WeakMap();

/** Cancels a request when the signal is aborted. Returns how to stop that. */
function cancelOnAbort(request, signal) {
  if (signal === undefined) return () => {};
  const { requests } = followers.get(signal) ?? follow(signal);
  // The signal may live longer than a stream that nobody reads, and shall not keep it.
  const weak = new WeakRef(request);
  requests.add(weak);
  return () => {
    requests.delete(weak);
    if (requests.size === 0) unfollow(signal);
  };
}

function follow(signal) {
  const requests = new Set();
  const follower = { requests, abort: () => requests.forEach((weak) => weak.deref()?.cancel()) };
  signal.addEventListener('abort', follower.abort, { once: true });
  followers.set(signal, follower);
  return follower;
}

function unfollow(signal) {
  signal.removeEventListener('abort', followers.get(signal)?.abort);
  followers.delete(signal);
}

module.exports = { cancelOnAbort };
