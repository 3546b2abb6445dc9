// The end of the context window.
import {
  ASSISTANT,
  LONG,
  LONG_WORDS,
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

const WINDOW = 256;
const SMALL = { ctxSize: WINDOW };
const TOO_LONG = 'word after word '.repeat(100);

const overflows = (reading) => reading.failed('error', 'OUT_OF_RANGE', 'context_overflow');

export async function overflow_error_prompt() {
  const session = (await load(SCRIPT, SMALL)).session();
  const reply = overflows(await chat(session, TOO_LONG));
  assert.match(reply.end.error.message, /256/);
  assert.equal(reply.usage.completionTokens, 0);
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
}

export async function overflow_error_details() {
  const { details } = overflows(await chat((await load(SCRIPT, SMALL)).session(), TOO_LONG)).end.error;
  assert.ok(Number(details.tokens) > WINDOW);
  assert.equal(details.ctx_size, '256');
}

export async function overflow_error_generation() {
  const session = (await load(LONG, SMALL)).session();
  const reply = overflows(await chat(session, 'Count.'));
  assert.ok(reply.usage.completionTokens > 100);
  assert.ok(reply.usage.contextUsed <= WINDOW);
  assert.ok(reply.text.startsWith(LONG_WORDS));
  assert.equal(session.messageCount, 2);
  assert.ok(session.contextUsed <= WINDOW);
  session.reset();
  (await chat(session, 'Count.', { maxTokens: 2 })).ended('length');
}

export async function overflow_stop() {
  const model = await load(LONG, SMALL);
  const reply = (await chat(model.session({ overflow: 'stop' }), 'Count.')).ended('length');
  assert.ok(reply.usage.completionTokens > 100);
  assert.ok(reply.usage.contextUsed <= model.contextSize);
  assert.ok(reply.usage.contextUsed >= model.contextSize - 1);
}

/** Ten windows of text in one go: the walk goes on word by word, whatever was dropped. */
export async function overflow_shift() {
  const options = { ...SMALL, overflow: 'shift', systemPrompt: 'Be brief.', maxTokens: 2560 };
  const reply = (await chat((await load(LONG, options)).session(), 'Count.')).ended('length');
  assert.equal(reply.text, LONG_WORDS.repeat(320));
  assert.ok(reply.usage.contextUsed <= WINDOW);
}

export async function overflow_shift_raw() {
  const session = (await load(LONG, { ...SMALL, overflow: 'shift' })).session();
  const reply = (await generate(session, 'Count.\n', { maxTokens: 1280 })).ended('length');
  assert.equal(reply.text, LONG_WORDS.repeat(160));
  assert.ok(reply.usage.contextUsed <= WINDOW);
  assert.equal((await read(session.streamContinue({ maxTokens: 800 }))).text, LONG_WORDS.repeat(100));
}

/** A conversation goes on for ever: the oldest turns are left out, the system prompt stays. */
export async function overflow_shift_turns() {
  const model = await load(SCRIPT, { ...SMALL, overflow: 'shift' });
  const session = model.session({ system: 'You are a parrot.' });
  let most = 0;
  let least = 0;
  for (let i = 0; i < 40; i++) {
    const reply = await chat(session, 'What do you say now?');
    assert.equal(reply.ended('stop').text, SCRIPT_REPLY);
    const { promptTokens } = reply.usage;
    assert.ok(promptTokens < WINDOW);
    if (promptTokens < most) least = promptTokens;
    most = Math.max(most, promptTokens);
  }
  const alone = `<|im_start|>system\nYou are a parrot.<|im_end|>\n${USER('What do you say now?')}${ASSISTANT}`;
  assert.ok(least > 0); // turns were left out
  assert.ok(least > (await countTokens(model, alone, true)));
}

/** After a shift inside an answer the next turn has a conversation that fits again. */
export async function overflow_shift_then_chat() {
  const session = (await load(LONG, { ...SMALL, overflow: 'shift' })).session();
  (await chat(session, 'Count.', { maxTokens: 600 })).ended('length');
  for (let i = 0; i < 3; i++) {
    assert.equal((await chat(session, 'Again.', { maxTokens: 8 })).ended('length').text, LONG_WORDS);
  }
}

export async function overflow_shift_unsupported() {
  const session = (await load('tiny-mamba.gguf', { ...SMALL, overflow: 'shift' })).session();
  (await chat(session, 'Go.', { maxTokens: 600 })).failed('error', 'UNIMPLEMENTED', 'shift_unsupported');
  session.reset();
  assert.equal((await chat(session, 'Go.', { maxTokens: 5 })).tokens.length, 5);
}

export async function prompt_longer_than_context() {
  const model = await load(SCRIPT, SMALL);
  for (const overflow of ['error', 'stop', 'shift']) {
    const session = model.session({ overflow });
    overflows(await chat(session, TOO_LONG));
    overflows(await generate(session, TOO_LONG));
    await fails(session.ingest(TOO_LONG), 'OUT_OF_RANGE', 'context_overflow');
    assert.equal((await chat(session, 'Go.')).text, SCRIPT_REPLY);
  }
}

/** A turn that does not fit any more leaves the conversation before it alone. */
export async function overflow_later_turn() {
  const session = (await load(SCRIPT, SMALL)).session();
  const first = await chat(session, 'Go.');
  overflows(await chat(session, TOO_LONG));
  assert.equal(session.messageCount, 2);
  const third = await chat(session, 'Go.');
  assert.equal(third.text, SCRIPT_REPLY);
  assert.equal(third.usage.cachedTokens, first.usage.contextUsed);
}
