'use strict';

const check = require('./check.js');
const { errors } = require('./errors.js');
const { camelCase, snakeCase } = require('./names.js');
const native = require('./native.js');

const rows = native.optionTable();
/** From the name of an option in JavaScript to its key. */
const keys = new Map(rows.map(({ key }) => [camelCase(key), key]));

/** Options that are JSON: an object will do as well as its text. */
const JSON_KEYS = new Set(['json_schema', 'tools', 'chat_template_kwargs']);

/** All options there are, as they are in JavaScript. */
const table = rows.map(({ key, doc, default: standard, min, max, ...row }) => ({
  ...row,
  key: camelCase(key),
  doc: doc.replace(/`(\w+)/g, (quoted, word) => (keys.has(camelCase(word)) ? `\`${camelCase(word)}` : quoted)),
  default: valueOf(row.type, standard),
  min: valueOf(row.type, min),
  max: valueOf(row.type, max),
}));

function valueOf(type, text) {
  if (text === undefined) return null;
  if (type === 'boolean') return text === '1';
  return type === 'string' ? text : Number(text);
}

/** The options of a call as the native half takes them. Their types, ranges and scopes are checked there. */
function settings(options) {
  const given = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const key = keys.get(name);
    if (key === undefined) throw unknown(name);
    given[key] = converted(key, value, name);
  }
  return given;
}

/** The same for a new session, whose system prompt has a short name too. */
function sessionSettings(options) {
  const { system, ...rest } = check.object(options, 'options');
  if (system === undefined) return settings(rest);
  if (rest.systemPrompt !== undefined) {
    throw new TypeError('`system` is short for `systemPrompt`: give one of them');
  }
  return settings({ ...rest, systemPrompt: check.text(system, 'system') });
}

/** A value as its option takes it: some take more in JavaScript. */
function converted(key, value, name) {
  if (JSON_KEYS.has(key) && typeof value === 'object') return json(schemaOf(value), name);
  return checked(key === 'logit_bias' ? entries(value) : value, name);
}

/** A JSON Schema; validators such as zod's know their own. */
function schemaOf(value) {
  return typeof value?.toJSONSchema === 'function' ? value.toJSONSchema() : value;
}

/** A value of an option that is JSON. */
function json(value, name) {
  const text = JSON.stringify(value);
  if (value === null || text === undefined) throw check.wrongType(name, 'a string, an object or an array', value);
  return check.text(text, name);
}

function checked(value, name) {
  if (typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'string') return check.text(value, name);
  if (Array.isArray(value)) return value.map((element, index) => check.text(element, `${name}[${index}]`));
  throw check.wrongType(name, 'a boolean, a number, a string or an array of strings', value);
}

/** An object of biases as the list it stands for: each `TOKEN=BIAS`, the texts in quotes. */
function entries(biases) {
  if (typeof biases !== 'object' || biases === null || Array.isArray(biases)) return biases;
  return Object.entries(biases).map(([token, bias]) => {
    if (typeof bias !== 'number' && bias !== false) {
      throw check.wrongType(`logitBias[${JSON.stringify(token)}]`, 'a number, or false for a ban', bias);
    }
    return `${/^\d+$/.test(token) ? token : JSON.stringify(check.text(token, 'logitBias'))}=${bias}`;
  });
}

function unknown(name) {
  const key = snakeCase(name);
  const nearest = camelCase(native.nearestOption(key) ?? key);
  return new errors.InvalidArgumentError(`there is no option \`${name}\`; did you mean \`${nearest}\`?`, {
    reason: 'unknown_option',
    details: { key: name, nearest },
  });
}

module.exports = { schemaOf, sessionSettings, settings, table };
