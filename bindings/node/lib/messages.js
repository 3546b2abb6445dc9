'use strict';

const check = require('./check.js');

/** A conversation as the native half takes it. What a message may be is checked there. */
function messagesJson(messages) {
  if (!Array.isArray(messages)) throw check.wrongType('messages', 'an array', messages);
  messages.forEach((message, index) => {
    const content = message?.content;
    if (typeof content === 'string') check.text(content, `messages[${index}].content`);
  });
  return JSON.stringify(messages);
}

module.exports = { messagesJson };
