'use strict';

const check = require('./check.js');
const { unwrap } = require('./errors.js');
const { settings } = require('./options.js');
const { Stream, collect } = require('./stream.js');

/** Starts a request, with the options of a call: its stream. */
function start(options, begin) {
  const { signal, ...rest } = check.object(options, 'options');
  check.signal(signal)?.throwIfAborted();
  return new Stream(unwrap(begin(settings(rest))), { signal, eventQueue: rest.eventQueue });
}

/** The whole reply of a stream that is started with the options left, with callbacks on the way. */
function reply(options, stream) {
  const { onText, onProgress, ...rest } = check.object(options, 'options');
  check.callback(onText, 'onText');
  check.callback(onProgress, 'onProgress');
  return collect(stream(rest), { onText, onProgress });
}

module.exports = { reply, start };
