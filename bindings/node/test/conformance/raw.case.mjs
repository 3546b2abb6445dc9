// Raw text, and text that is computed ahead.
import {
  ASSISTANT,
  RANDOM,
  SCRIPT,
  SCRIPT_REPLY,
  USER,
  assert,
  chat,
  countTokens,
  fails,
  generate,
  load,
  read,
} from './harness.mjs';

export async function generate_raw() {
  const model = await load(SCRIPT);
  const session = model.session();
  const first = await generate(session, 'Text.\n', { maxTokens: 2 });
  assert.equal(first.ended('length').text, 'Hello there,');
  assert.equal(first.usage.promptTokens, await countTokens(model, 'Text.\n'));
  assert.equal(session.messageCount, 0);
  const second = await generate(session, ' More.\n');
  assert.equal(second.ended('stop').text, SCRIPT_REPLY);
  assert.equal(second.usage.promptTokens, first.usage.contextUsed + (await countTokens(model, ' More.\n')));
  assert.ok(second.usage.cachedTokens >= first.usage.contextUsed - 1);
}

export async function continue_raw() {
  const session = (await load(SCRIPT)).session();
  assert.equal((await generate(session, 'Text.\n', { maxTokens: 3 })).text, 'Hello there, I');
  assert.equal((await read(session.streamContinue())).ended('stop').text, ' am a test model.');
}

export async function special_tokens_in_raw_text() {
  const model = await load(RANDOM);
  const promptTokens = async (options) =>
    (await generate(model.session(), '<|im_end|>', { maxTokens: 1, ...options })).usage.promptTokens;
  assert.equal(await promptTokens(), await countTokens(model, '<|im_end|>'));
  assert.equal(await promptTokens({ parseSpecial: true }), 1);
}

export async function ingest() {
  const model = await load(SCRIPT);
  const session = model.session();
  const { text, finishReason, usage } = await session.ingest('A long text to come back to.');
  assert.deepEqual([text, finishReason, usage.completionTokens], ['', 'stop', 0]);
  assert.equal(usage.contextUsed, await countTokens(model, 'A long text to come back to.'));
  assert.equal(session.contextUsed, usage.contextUsed);
  const reply = await generate(session, '\n');
  assert.equal(reply.text, SCRIPT_REPLY);
  assert.equal(reply.usage.cachedTokens, usage.contextUsed);
}

export async function ingest_messages() {
  const model = await load(SCRIPT);
  const session = model.session();
  assert.equal((await session.ingest('Are you there?', { role: 'user' })).finishReason, 'stop');
  assert.equal(session.messageCount, 1);
  assert.equal((await session.ingest('Yes.', { role: 'assistant' })).finishReason, 'stop');
  const reply = await chat(session, 'Good.');
  assert.equal(reply.text, SCRIPT_REPLY);
  const prompt = `${USER('Are you there?')}${ASSISTANT}Yes.<|im_end|>\n${USER('Good.')}${ASSISTANT}`;
  assert.equal(reply.usage.promptTokens, await countTokens(model, prompt, true));
  assert.ok(reply.usage.cachedTokens > 0);
  assert.equal(session.messageCount, 4);
  await fails(session.ingest('Hm.', { role: 'bystander' }), 'INVALID_ARGUMENT', 'invalid_argument');
}

export async function session_mode() {
  const model = await load(SCRIPT);
  const [talk, raw] = [model.session(), model.session()];
  await chat(talk, 'Hi.');
  await generate(raw, 'Hi.\n');
  await fails(() => talk.streamGenerate('Hi.'), 'FAILED_PRECONDITION', 'session_mode');
  await fails(talk.ingest('Hi.'), 'FAILED_PRECONDITION', 'session_mode');
  await fails(() => raw.stream('Hi.'), 'FAILED_PRECONDITION', 'session_mode');
  await fails(raw.ingest('Hi.', { role: 'user' }), 'FAILED_PRECONDITION', 'session_mode');
  assert.equal((await chat(talk, 'Hi.')).text, SCRIPT_REPLY);
  assert.equal((await generate(raw, '\n')).text, SCRIPT_REPLY);
  raw.reset();
  assert.equal((await chat(raw, 'Hi.')).text, SCRIPT_REPLY);
}
