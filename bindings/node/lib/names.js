'use strict';

/** max_tokens -> maxTokens */
const camelCase = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** maxTokens -> max_tokens */
const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

module.exports = { camelCase, snakeCase };
