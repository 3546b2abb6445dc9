// What sessions can do besides talking: fork, rewind, and conversations without one.
import {
  ASSISTANT,
  LONG,
  LONG_WORDS,
  Reading,
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
  until,
} from './harness.mjs';

const STORY = 'Tell me.';
const NEXT = `<|im_end|>\n${USER('Two?')}${ASSISTANT}`;

function script(reading) {
  assert.equal(reading.ended('stop').text, SCRIPT_REPLY);
  return reading.usage;
}

/** What both have in common was computed once. */
export async function fork() {
  const model = await load(SCRIPT, { ctxSize: 4096, maxSessions: 11 });
  const session = model.session({ system: 'You are a parrot.' });
  const first = (await chat(session, 'word after word '.repeat(60))).usage;
  const tail = await countTokens(model, NEXT, true);
  assert.ok(first.contextUsed > 200);
  const forks = Array.from({ length: 10 }, () => session.fork());
  await fails(() => session.fork(), 'RESOURCE_EXHAUSTED', 'session_limit');
  const streams = forks.map((fork) => fork.stream('Two?'));
  for (const [number, stream] of streams.entries()) {
    const usage = script(await read(stream));
    assert.equal(usage.promptTokens, first.contextUsed + tail);
    assert.ok(usage.cachedTokens >= first.contextUsed);
    assert.equal(forks[number].messageCount, 4);
  }
  // Nothing of it is in the one they come from.
  assert.equal(session.messageCount, 2);
  const usage = script(await chat(session, 'Two?'));
  assert.equal(usage.promptTokens, first.contextUsed + tail);
  assert.ok(usage.cachedTokens >= first.contextUsed);
  await until(() => model.metrics().generatedTokensTotal >= 12 * 8);
  assert.ok(model.metrics().promptTokensTotal <= first.promptTokens + 11 * tail);
}

export async function forks_are_independent() {
  const model = await load(SCRIPT);
  const session = model.session();
  await chat(session, STORY);
  const told = USER(STORY) + ASSISTANT + SCRIPT_REPLY + '<|im_end|>\n';
  const question = (await countTokens(model, told, true)) + (await countTokens(model, USER('One?') + ASSISTANT, true));
  const one = session.fork();
  const two = session.fork({ system: 'Be brief.' });
  session[Symbol.dispose]();
  assert.equal((await chat(one, 'One?')).usage.promptTokens, question);
  // Its own options hold before those it has from there.
  assert.ok((await chat(two, 'One?')).usage.promptTokens > question);
  const three = one.fork();
  assert.equal(three.messageCount, 4);
  one.reset();
  assert.equal(three.messageCount, 4);
  script(await chat(three, 'Three?'));
  const anew = await countTokens(model, USER(STORY) + ASSISTANT, true);
  assert.equal((await chat(one, STORY)).usage.promptTokens, anew);

  // A raw text goes on in each of them.
  const raw = (await load(LONG)).session();
  await generate(raw, 'Count.\n', { maxTokens: 12 });
  const other = raw.fork();
  for (const text of [raw, other]) {
    assert.equal((await read(text.streamContinue({ maxTokens: 4 }))).text, ' five six seven eight');
  }
  await other.close();
  await fails(() => other.fork(), 'FAILED_PRECONDITION', 'closed');
}

/** It begins before the request. */
export async function fork_while_running() {
  const session = (await load(LONG)).session();
  await chat(session, 'Count.', { maxTokens: 8 });
  const running = await new Reading(session.stream('Again.', { eventQueue: 8 })).toToken(4);
  const fork = session.fork();
  assert.equal(fork.messageCount, 2);
  assert.equal((await chat(fork, 'Again.', { maxTokens: 16 })).text, LONG_WORDS.repeat(2));
  await running.toToken(24);
  assert.equal(running.text, LONG_WORDS.repeat(3));
  running.stream.cancel();
  (await running.rest()).cancelled();
  assert.equal(fork.messageCount, 4);
}

export async function rewind() {
  const model = await load(SCRIPT);
  const session = model.session({ system: 'You are a parrot.' });
  const first = (await chat(session, 'One?')).usage;
  const second = (await chat(session, 'Two?')).usage;
  const tooFar = (length) => fails(() => session.rewind(length), 'INVALID_ARGUMENT', 'invalid_argument');
  assert.equal((await tooFar(5)).details.most, '4');
  await tooFar(-1);
  await tooFar(Number.MAX_SAFE_INTEGER);
  await tooFar(1e300);
  const used = session.contextUsed;
  session.rewind(4);
  assert.equal(session.contextUsed, used);
  session.rewind(2);
  assert.deepEqual([session.messageCount, session.contextUsed], [2, first.contextUsed]);
  const again = script(await chat(session, 'Two?'));
  assert.equal(again.promptTokens, second.promptTokens);
  assert.ok(again.cachedTokens >= first.contextUsed);
  // To the beginning: the system prompt stays.
  session.rewind(0);
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'One?')).usage.promptTokens, first.promptTokens);

  // A raw text is taken back by tokens.
  const raw = (await load(LONG)).session();
  await generate(raw, 'Count.\n', { maxTokens: 16 });
  const tokens = raw.contextUsed - 4;
  raw.rewind(tokens);
  assert.equal(raw.contextUsed, tokens);
  const text = ' five six seven eight one two three four';
  assert.equal((await read(raw.streamContinue({ maxTokens: 8 }))).text, text);

  const running = raw.streamGenerate('\n', { eventQueue: 1 });
  await fails(() => raw.rewind(1), 'FAILED_PRECONDITION', 'concurrent_use');
  await raw.close();
  assert.ok(running.finished);
  await fails(() => raw.rewind(1), 'FAILED_PRECONDITION', 'closed');
}

// ---- Without a session ----

const say = (role, content) => ({ role, content });

export async function stateless_chat() {
  const model = await load(SCRIPT, { maxSessions: 1 });
  const only = model.session(); // these need none
  const answer = (messages, options) => read(model.stream(messages, options));
  const tokens = (text) => countTokens(model, text, true);
  const first = script(await answer([say('user', 'One?')]));
  assert.equal(first.promptTokens, await tokens(USER('One?') + ASSISTANT));
  assert.equal(first.cachedTokens, 0);
  // The conversation grows, and what there was is not computed again.
  const longer = [say('user', 'One?'), say('assistant', SCRIPT_REPLY), say('user', 'Two?')];
  const second = script(await answer(longer));
  assert.equal(second.promptTokens, await tokens(USER('One?') + ASSISTANT + SCRIPT_REPLY + NEXT));
  assert.ok(second.cachedTokens >= first.promptTokens);
  assert.equal(only.messageCount, 0);

  // A system message first is the system prompt, and options hold.
  const brief = await answer([say('system', 'Be brief.'), say('user', 'One?')], { maxTokens: 3 });
  const { usage } = await answer([say('user', 'One?')], { systemPrompt: 'Be brief.' });
  assert.equal(brief.ended('length').usage.promptTokens, usage.promptTokens);
  assert.ok(brief.usage.promptTokens > first.promptTokens);
  // Names of control tokens are text here too.
  const name = '<|im_end|>';
  const parts = [tokens('<|im_start|>user\n'), countTokens(model, name), tokens(`${name}\n${ASSISTANT}`)];
  const sum = (await Promise.all(parts)).reduce((sum, part) => sum + part);
  assert.equal((await answer([say('user', name)])).usage.promptTokens, sum);
  await model.close();
  await fails(() => model.stream([say('user', 'One?')]), 'FAILED_PRECONDITION', 'closed');
}

/** A list that is none is a TypeError here: see errors.test.mjs. */
export async function invalid_messages() {
  const model = await load(SCRIPT);
  for (const [messages, index] of [
    [[], undefined],
    [[say('user', 'x'), 7], '1'],
    [[undefined], '0'],
    [[say('robot', 'x')], '0'],
    [[{ role: 'user' }], '0'],
    [[say('user', 5)], '0'],
    [[{ ...say('user', 'x'), name: 'y' }], '0'],
    [[say('user', 'x'), say('assistant', 'y')], '1'],
    [[say('user', '')], '0'],
  ]) {
    const error = await fails(() => model.stream(messages), 'INVALID_ARGUMENT', 'invalid_messages');
    assert.equal(error.details.index, index, error);
  }
  const half = await fails(model.chat([say('user', 'a\ud800')]), 'INVALID_ARGUMENT', 'invalid_utf8');
  assert.deepEqual([half.details.parameter, half.details.offset], ['messages[0].content', '1']);
  const silent = await load('tiny-nochat.gguf');
  await fails(() => silent.stream([say('user', 'x')]), 'FAILED_PRECONDITION', 'no_chat_template');
  script(await read(model.stream([say('user', 'x')])));
}
