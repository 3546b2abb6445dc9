'use strict';

/** max_tokens -> maxTokens */
const camelCase = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** maxTokens -> max_tokens */
const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What the native half says in JSON, with names as they are in JavaScript. */
const parsed = (json) => JSON.parse(json, (_, value) => (isObject(value) ? renamed(value) : value));

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const renamed = (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [camelCase(name), value]));

module.exports = { camelCase, parsed, snakeCase };
