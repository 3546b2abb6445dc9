// Options: checked where they are given, in force where they belong and nowhere else.
import { Runtime, loadModel, optionTable } from 'chaku';

import { RANDOM, SCRIPT, SCRIPT_REPLY, assert, chat, fails, load, modelPath, read, until } from './harness.mjs';

export async function bad_option() {
  const session = (await load(RANDOM)).session();
  const refused = (options) => fails(() => session.stream('Go.', options), 'INVALID_ARGUMENT', 'invalid_option');
  const { message, details } = await refused({ maxTokens: -5 });
  assert.match(message, /`maxTokens`/);
  assert.deepEqual([details.key, details.min, details.max], ['maxTokens', '0', '2147483647']);
  assert.equal((await refused({ typicalP: 1.5 })).details.key, 'typicalP');
  await refused({ temperature: NaN });
  await refused({ temperature: Infinity });
  await refused({ maxTokens: 'many' });
  await refused({ maxTokens: 1.5 });
  await refused({ ignoreEos: 1 });
  await refused({ grammar: ['root ::= "a"'] });
  await refused({ stop: [''] });
  const overflow = await fails(() => load(RANDOM, { overflow: 'explode' }), 'INVALID_ARGUMENT', 'invalid_option');
  assert.match(overflow.message, /shift/);
  // A call that fails changes nothing.
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'Go.', { maxTokens: 7 })).tokens.length, 7);
}

export async function unknown_option() {
  const session = (await load(RANDOM)).session();
  const unknown = (options) => fails(() => session.stream('Go.', options), 'INVALID_ARGUMENT', 'unknown_option');
  const error = await unknown({ temprature: 1 });
  assert.equal(error.details.nearest, 'temperature');
  assert.match(error.message, /temperature/);
  assert.equal((await unknown({ maxToken: 1 })).details.nearest, 'maxTokens');
  assert.equal((await unknown({ max_tokens: 1 })).details.nearest, 'maxTokens');
  await fails(() => load(RANDOM, { noSuchKey: 1 }), 'INVALID_ARGUMENT', 'unknown_option');
  await fails(() => new Runtime({ noSuchKey: 1 }), 'INVALID_ARGUMENT', 'unknown_option');
  // What is undefined is not given.
  assert.equal((await chat(session, 'Go.', { maxTokens: 1, noSuchKey: undefined })).tokens.length, 1);
}

export async function option_wrong_scope() {
  const model = await load(SCRIPT);
  const session = model.session();
  const refused = (call) => fails(call, 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal((await refused(() => session.stream('Go.', { ctxSize: 256 }))).details.key, 'ctxSize');
  await refused(() => session.stream('Go.', { overflow: 'shift' }));
  await refused(() => model.session({ threads: 1 }));
  await refused(loadModel(modelPath(SCRIPT), { defaultDeadlineMs: 1 }));
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}

export async function options_isolation() {
  const model = await load(SCRIPT);
  const [one, other] = [model.session(), model.session()];
  const options = { maxTokens: 2, stop: ['there'], seed: 1, eventQueue: 1 };
  const stream = one.stream('Go.', options);
  // Copied: what happens to the object afterwards is of no effect.
  options.maxTokens = 100;
  options.stop.pop();
  assert.equal((await chat(other, 'Go.')).text, SCRIPT_REPLY);
  const reply = await read(stream);
  assert.equal(reply.text, 'Hello ');
  assert.equal(reply.usage.completionTokens, 2);
  assert.equal((await chat(one, 'Go.')).text, SCRIPT_REPLY);
}

/** The request's own value wins, then the session's, the model's, the runtime's. */
export async function option_defaults() {
  const runtime = new Runtime({ maxTokens: 1, ctxSize: 512, threads: 1 });
  const tokens = async (session, options) => (await chat(session, 'Go.', options)).tokens.length;
  const model = await loadModel(modelPath(RANDOM), { runtime });
  assert.equal(model.contextSize, 512);
  assert.equal(await tokens(model.session()), 1);
  const second = await loadModel(modelPath(RANDOM), { runtime, maxTokens: 2 });
  const [plain, other] = [second.session(), second.session({ maxTokens: 3 })];
  assert.equal(await tokens(plain), 2);
  assert.equal(await tokens(other), 3);
  assert.equal(await tokens(other, { maxTokens: 4 }), 4);
  assert.equal(await tokens(other, { temperature: 0 }), 3);
}

export async function option_table() {
  const table = optionTable();
  assert.ok(table.length > 40);
  for (const { key, type, scope, doc, min, max } of table) {
    assert.match(key, /^[a-z][A-Za-z]*$/);
    assert.ok(['integer', 'number', 'boolean', 'string', 'string[]'].includes(type));
    assert.ok(['runtime', 'model', 'session', 'request'].includes(scope));
    assert.ok(doc.length > 5);
    assert.equal(typeof min === 'number' && typeof max === 'number', ['integer', 'number'].includes(type), key);
  }
  const option = (key) => table.find((row) => row.key === key);
  assert.equal(option('temperature').default, 0.8);
  assert.equal(option('topP').max, 1);
  assert.deepEqual(option('overflow').choices, ['error', 'stop', 'shift']);
  assert.equal(option('deadlineMs').unit, 'ms');
  assert.equal(option('noSuchKey'), undefined);
  assert.deepEqual(option('temperature').aliases, ['--temp', '--temperature', 'LLAMA_ARG_TEMPERATURE']);
  assert.deepEqual([option('topP').soft, option('typicalP').soft], [true, false]);
}

export async function soft_range() {
  const lines = [];
  const log = ({ level, message }) => level === 'warn' && message.includes('clamped') && lines.push(message);
  const runtime = new Runtime({ log, logLevel: 'warn' });
  const session = (await load(RANDOM, { runtime, fixedShape: true })).session();
  const { text } = await chat(session, 'Go.', { temperature: -1, topK: -5, topP: 1.5, maxTokens: 16 });
  await until(() => lines.length === 3);
  for (const key of ['temperature', 'top_k', 'top_p']) assert.ok(lines.some((line) => line.includes(key)), key);
  session.reset();
  assert.equal((await chat(session, 'Go.', { temperature: 0, topK: 0, topP: 1, maxTokens: 16 })).text, text);
  assert.equal(lines.length, 3);
}

/** A string of JavaScript may have half a surrogate pair, which has no UTF-8 form. */
export async function invalid_utf8() {
  const model = await load(SCRIPT);
  const session = model.session();
  const refused = async (call, offset) =>
    assert.equal((await fails(call, 'INVALID_ARGUMENT', 'invalid_utf8')).details.offset, String(offset));
  await refused(() => session.stream('ab\uD83Ec'), 2);
  await refused(() => session.streamGenerate('caf\uDE99'), 3);
  await refused(session.ingest('\uD800'), 0);
  await refused(model.tokenize('ä\uD83E'), 2);
  await refused(() => session.stream('Go.', { stop: ['🦙\uD83E'] }), 4);
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}

export async function empty_prompt() {
  const session = (await load(SCRIPT)).session();
  const refused = (call) => fails(call, 'INVALID_ARGUMENT', 'empty_prompt');
  await refused(() => session.stream(''));
  await refused(() => session.streamGenerate(''));
  await refused(session.ingest(''));
  await refused(session.ingest('', { role: 'user' }));
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}
