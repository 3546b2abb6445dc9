// Tools, and the loop that calls them.
import { test } from 'node:test';

import { assert, load } from './conformance/harness.mjs';

/** Calls add with {"a": 1, "b": 2} whatever it is asked. */
const TOOLS = 'tiny-tools.gguf';
const NUMBERS = { a: { type: 'integer' }, b: { type: 'integer' } };
const parameters = { type: 'object', properties: NUMBERS, required: ['a', 'b'] };

test('calls are made and answered until the rounds are over', async () => {
  const asked = [];
  const add = { parameters, run: async ({ a, b }) => (asked.push([a, b]), a + b) };
  const session = (await load(TOOLS)).session();
  const reply = await session.runTools('Go.', { tools: { add }, maxRounds: 3 });
  // The third answer's call is not made: it is for the caller to see.
  assert.deepEqual(asked, [[1, 2], [1, 2]]);
  assert.deepEqual(reply.toolCalls.map(({ name, arguments: text }) => [name, JSON.parse(text)]), [['add', { a: 1, b: 2 }]]);
  assert.equal(session.messageCount, 6);
});

test('a validator gives the schema and checks the arguments', async () => {
  const seen = [];
  const validator = { toJSONSchema: () => parameters, parse: (value) => (seen.push(value), { sum: value.a + value.b }) };
  const add = { parameters: validator, run: ({ sum }) => seen.push(sum) };
  await (await load(TOOLS)).session().runTools('Go.', { tools: { add }, maxRounds: 2 });
  assert.deepEqual(seen, [{ a: 1, b: 2 }, 3]);
});

test('an exception of a tool goes to the model, a mistake to the caller', async () => {
  const add = { parameters, run: () => { throw new Error('no numbers today'); } };
  const session = (await load(TOOLS)).session();
  assert.equal((await session.runTools('Go.', { tools: { add }, maxRounds: 2 })).finishReason, 'tool_calls');
  await assert.rejects(session.runTools('Go.', { tools: { add: {} } }), TypeError);
  await assert.rejects(session.runTools('Go.', { tools: { add }, maxRounds: 0 }), RangeError);
  const badly = session.runTools('Go.', { tools: { 'a b': add } });
  await assert.rejects(badly, { code: 'INVALID_ARGUMENT', reason: 'invalid_tools' });
});
