// What an answer is made of: reasoning, content, calls of tools.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ASSISTANT, RANDOM, USER, assert, chat, countTokens, fails, load, read } from './harness.mjs';

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

const PARAMETERS = { type: 'object', properties: NUMBERS, required: ['a', 'b'] };
const adds = (run) => ({ add: { parameters: PARAMETERS, run } });

export async function run_tools() {
  const session = (await load(TOOLS)).session();
  const called = [];
  const tools = adds(({ a, b }) => {
    called.push([a, b]);
    return a + b;
  });
  const reply = await session.runTools('Go.', { tools, maxRounds: 3 });
  assert.equal(reply.finishReason, 'tool_calls');
  assert.deepEqual(called, [
    [1, 2],
    [1, 2],
  ]);
  assert.equal(session.messageCount, 6);
  await session.runTools([{ role: 'user', content: 'Go.' }], { tools, maxRounds: 1 });
  assert.equal(called.length, 2);

  await assert.rejects(session.runTools('Go.', { tools, maxRounds: 0 }), RangeError);
  await fails(() => session.runTools([{ role: 'tool' }], { tools }), 'INVALID_ARGUMENT', 'invalid_messages');
  assert.equal(called.length, 2);
}

export async function run_tools_deadline() {
  const session = (await load(TOOLS)).session();
  const tools = adds(() => new Promise((resolve) => setTimeout(resolve, 1000)));
  await fails(() => session.runTools('Go.', { tools, maxRounds: 2, deadlineMs: 900 }), 'DEADLINE_EXCEEDED', 'deadline');
}

export async function run_tools_result() {
  const model = await load(TOOLS);
  const used = async (result) => {
    const session = model.session();
    await session.runTools('Go.', { tools: adds(() => result), maxRounds: 2 });
    return session.contextUsed;
  };
  const more = (await countTokens(model, 'ab')) - (await countTokens(model, 'a'));
  assert.ok(more > 0);
  assert.equal((await used('ab')) - (await used('a')), more);
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

export async function constraint_after_thinking() {
  const model = await load(TOOLS);
  const held = [
    [{ regex: '(yes|no)!' }, ['yes!', 'no!']],
    [{ jsonSchema: { enum: ['yes!', 'no!'] } }, ['"yes!"', '"no!"']],
    [{ grammar: 'root ::= "yes!" | "no!"' }, ['yes!', 'no!']],
    [{ lark: 'start: "yes!" | "no!"' }, ['yes!', 'no!']],
  ];
  for (const [options, allowed] of held) {
    for (const [reasoning, thought] of [
      ['on', 'I think.'],
      ['off', ''],
    ]) {
      const reading = (await chat(model.session(), 'Go.', { ...options, reasoning })).ended('stop');
      assert.equal(reading.reasoning, thought);
      assert.ok(allowed.includes(reading.text), reading.text);
    }
  }
}

export async function continue_final_message() {
  const model = await load(TOOLS);
  const on = { continueFinalMessage: true };
  const ask = { role: 'user', content: 'Go.' };
  const thought = { role: 'assistant', content: '', reasoning_content: 'I' };
  let reading = (await read(model.stream([ask, thought], on))).ended('stop');
  assert.equal(reading.reasoning, ' think.');
  assert.match(reading.text, /^Wait:/);

  const session = model.session();
  const begun = { role: 'assistant', content: 'Wait' };
  await fails(() => session.stream([ask, begun]), 'INVALID_ARGUMENT', 'invalid_messages');
  for (const wrong of [
    [begun, begun],
    [ask, { role: 'assistant', content: '' }],
  ]) {
    const error = await fails(() => session.stream(wrong, on), 'INVALID_ARGUMENT', 'invalid_messages');
    assert.equal(error.details.index, '1');
  }
  reading = (await chat(session, [ask, begun], on)).ended('stop');
  assert.equal(reading.reasoning, '');
  assert.match(reading.text, /^:<tool_call>/);
  assert.equal(session.messageCount, 2);
}

export async function override_kv() {
  const model = await load(RANDOM, { overrideKv: ['llama.context_length=int:512'] });
  assert.equal(model.contextSize, 512);
  let error = await fails(load(RANDOM, { overrideKv: ['llama.context_length=float:1'] }), 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal(error.details.key, 'overrideKv');
  error = await fails(load(RANDOM, { devices: 'CUDA7' }), 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal(error.details.key, 'devices');
}

export async function chat_template_file() {
  const folder = await mkdtemp(join(tmpdir(), 'chaku-'));
  const path = join(folder, 'template.jinja');
  await writeFile(path, '{% for m in messages %}{{ m.content }}{% endfor %}:\n');
  const prompt = async (model) => (await chat(model.session(), 'Go.', { maxTokens: 1 })).usage.promptTokens;
  let model = await load(RANDOM, { chatTemplateFile: path });
  assert.equal(await prompt(model), await countTokens(model, 'Go.:', true));
  await rm(folder, { recursive: true });
  const error = await fails(load(RANDOM, { chatTemplateFile: path }), 'NOT_FOUND', 'file_not_found');
  assert.equal(error.details.path, path);
  model = await load('tiny-nochat.gguf', { chatTemplate: 'chatml' });
  assert.equal(await prompt(model), await countTokens(model, USER('Go.') + ASSISTANT, true));
  await fails(load(RANDOM, { chatTemplate: 'llama3' }), 'INVALID_ARGUMENT', 'invalid_option');
}
