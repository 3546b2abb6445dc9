'use strict';

const check = require('./check.js');
const { errors } = require('./errors.js');
const { schemaOf } = require('./options.js');

const ROUNDS = 8;

/** Chats, calls what the model wants called, and tells it what came of it, until it answers without a call. */
async function runTools(session, text, options) {
  const { tools, maxRounds = ROUNDS, ...rest } = check.object(options, 'options');
  const until = rest.deadlineMs > 0 ? performance.now() + rest.deadlineMs : undefined;
  const given = Object.entries(check.object(tools, 'tools'));
  if (check.integer(maxRounds, 'maxRounds') < 1) throw new RangeError('`maxRounds` must be 1 or more');
  let settings = { ...rest, tools: given.map(([name, tool]) => definition(name, tool)) };
  let reply = await session.chat(text, settings);
  settings = { ...settings, toolChoice: undefined };
  for (let round = 1; round < maxRounds && reply.finishReason === 'tool_calls'; round++) {
    const results = await Promise.all(reply.toolCalls.map((call) => result(tools, call)));
    reply = await session.chat(results, until === undefined ? settings : { ...settings, deadlineMs: left(until) });
  }
  return reply;
}

/** Whole milliseconds until then. */
function left(until) {
  const ms = Math.floor(until - performance.now());
  if (ms >= 1) return ms;
  throw new errors.DeadlineExceededError('the deadline passed while the tools were called', { reason: 'deadline' });
}

/** A tool as OpenAI defines it. */
function definition(name, tool) {
  check.object(tool, `tools.${name}`);
  if (typeof tool.run !== 'function') throw check.wrongType(`tools.${name}.run`, 'a function', tool.run);
  const { description, parameters = { type: 'object', properties: {} } } = tool;
  return { type: 'function', function: { name, description, parameters: schemaOf(parameters) } };
}

/** What a call comes to, in words for the model. */
async function result(tools, { id, name, arguments: text }) {
  let content;
  try {
    const { parameters, run } = tools[name];
    const given = JSON.parse(text);
    const value = await run(typeof parameters?.parse === 'function' ? parameters.parse(given) : given);
    content = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  } catch (error) {
    content = String(error); // the model may do better when it hears of it
  }
  return { role: 'tool', tool_call_id: id, name, content };
}

module.exports = { runTools };
