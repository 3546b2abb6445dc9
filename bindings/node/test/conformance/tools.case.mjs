// What an answer is made of: reasoning, content, calls of tools.
import { RANDOM, assert, chat, fails, load } from './harness.mjs';

/** Thinks "I think.", says "Wait:", and calls add with {"a": 1, "b": 2}. */
const TOOLS = 'tiny-tools.gguf';
const NUMBERS = { a: { type: 'integer' }, b: { type: 'integer' } };
const ADD = [
  {
    type: 'function',
    function: { name: 'add', parameters: { type: 'object', properties: NUMBERS, required: ['a', 'b'] } },
  },
  { type: 'function', function: { name: 'now' } },
];

export async function tool_calls() {
  const session = (await load(TOOLS)).session();
  const reading = (await chat(session, 'Go.', { tools: ADD })).ended('tool_calls');
  assert.equal(reading.reasoning, 'I think.');
  assert.match(reading.text, /^Wait:/);
  assert.deepEqual(
    reading.calls.map(({ id, ...call }) => call),
    [{ name: 'add', arguments: '{"a": 1, "b": 2}' }],
  );
  assert.equal(session.messageCount, 2);
}

export async function tool_results() {
  const session = (await load(TOOLS)).session();
  const [{ id }] = (await chat(session, 'Go.', { tools: ADD })).calls;
  const results = [{ role: 'tool', tool_call_id: id, content: '3' }];
  (await chat(session, results, { tools: ADD })).ended('tool_calls');
  assert.equal(session.messageCount, 4);
  const error = await fails(() => session.stream([{ role: 'tool' }]), 'INVALID_ARGUMENT', 'invalid_messages');
  assert.equal(error.details.index, '0');
  assert.equal(session.messageCount, 4);
}

export async function tool_choice() {
  const model = await load(RANDOM);
  for (let i = 0; i < 4; i++) {
    const reading = (await chat(model.session(), 'Go.', { tools: ADD, toolChoice: 'now' })).ended('tool_calls');
    assert.deepEqual(
      reading.calls.map((call) => call.name),
      ['now'],
    );
  }
  const reading = await chat((await load(TOOLS)).session(), 'Go.', { tools: ADD, toolChoice: 'none' });
  assert.deepEqual(reading.ended('stop').calls, []);
  assert.match(reading.text, /^Wait:<tool_call>/);
}

export async function bad_tools() {
  const session = (await load(RANDOM)).session();
  const bad = [
    ['{}', 'auto'],
    [[{ function: { name: '<|im_end|>' } }], 'auto'],
    [[], 'required'],
  ];
  for (const [tools, toolChoice] of bad) {
    (await chat(session, 'Go.', { tools, toolChoice })).failed('error', 'INVALID_ARGUMENT', 'invalid_tools');
  }
  const both = await chat(session, 'Go.', { tools: ADD, jsonObject: true });
  both.failed('error', 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal(session.messageCount, 0);
}

export async function reasoning() {
  const model = await load(TOOLS);
  let reading = (await chat(model.session(), 'Go.')).ended('stop');
  assert.equal(reading.reasoning, 'I think.');
  assert.match(reading.text, /^Wait:/);
  reading = await chat(model.session(), 'Go.', { reasoningFormat: 'none' });
  assert.equal(reading.reasoning, '');
  assert.match(reading.text, /^<think>I think\.<\/think>Wait:/);
}
