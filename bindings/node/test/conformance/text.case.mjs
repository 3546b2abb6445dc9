// What the text of an answer may and may not contain.
import {
  ASSISTANT,
  RANDOM,
  SCRIPT,
  SCRIPT_REPLY,
  SMOLLM2,
  USER,
  assert,
  chat,
  countTokens,
  fails,
  generate,
  load,
} from './harness.mjs';

export async function stop_string_across_tokens() {
  const model = await load('tiny-stop.gguf');
  const session = model.session();
  const first = await chat(session, 'Go.', { stop: 'stop here' });
  assert.equal(first.ended('stop').text, 'one two ');
  assert.equal(first.bytes.length, 'one two '.length);
  assert.equal(first.usage.completionTokens, 5); // one, two, and the three the stop string is in
  // The conversation goes on with what was shown.
  const second = await chat(session, 'Again.', { stop: ['stop here'] });
  assert.equal(second.text, 'one two ');
  const prompt = `${USER('Go.')}${ASSISTANT}one two <|im_end|>\n${USER('Again.')}${ASSISTANT}`;
  assert.equal(second.usage.promptTokens, await countTokens(model, prompt, true));
}

export async function stop_string_that_never_comes() {
  const model = await load('tiny-stop.gguf');
  const reply = await chat(model.session(), 'Go.', { stop: ['stop her!', 'threesome'] });
  assert.equal(reply.ended('stop').text, 'one two stop here three');
  assert.equal(reply.tokens.length, 6);
}

export async function several_stop_strings() {
  const model = await load('tiny-stop.gguf');
  const stop = ['three', 'op h', 'stop here'];
  assert.equal((await chat(model.session(), 'Go.', { stop })).text, 'one two st');
  assert.equal((await chat(model.session(), 'Go.', { stop: ['one'] })).text, '');
  const emoji = await load('tiny-emoji.gguf');
  assert.equal((await chat(emoji.session(), 'Go.', { stop: ['🦙'] })).text, 'Hi 😀 llama ');
}

export async function emoji_split_over_tokens() {
  const reply = await chat((await load('tiny-emoji.gguf')).session(), 'Go.');
  assert.equal(reply.ended('stop').text, 'Hi 😀 llama 🦙!');
  assert.equal(reply.bytes.length, Buffer.byteLength(reply.text));
  assert.equal(reply.replaced, 0);
  assert.equal(reply.tokens.length, 9);
}

export async function unfinished_character() {
  const reply = await chat((await load('tiny-cut.gguf')).session(), 'Go.');
  assert.equal(reply.ended('stop').text, 'cut \uFFFD');
  assert.equal(reply.replaced, 1);
  assert.deepEqual(reply.bytes, [...Buffer.from('cut '), 0xf0, 0x9f, 0x98]);
}

/** Tokens drawn blindly: bytes in every order there is. */
export async function any_bytes() {
  const model = await load(RANDOM);
  const blind = { temperature: 100, topK: 0, topP: 1, minP: 0, ignoreEos: true, maxTokens: 1500, stop: ['🦙'] };
  for (let i = 0; i < 3; i++) {
    const reply = await chat(model.session(), 'Go.', blind);
    assert.equal(reply.ended('length').usage.completionTokens, 1500);
    assert.equal(reply.tokens.length, 1500);
    assert.ok(reply.replaced > 0);
  }
}

export async function max_tokens() {
  const session = (await load(RANDOM)).session();
  for (const maxTokens of [1, 3, 5]) {
    const reply = await chat(session, 'Go.', { maxTokens });
    assert.equal(reply.ended('length').usage.completionTokens, maxTokens);
    assert.equal(reply.tokens.length, maxTokens);
  }
  // An answer that is over in time ends by itself.
  (await chat((await load(SCRIPT)).session(), 'Go.', { maxTokens: 100 })).ended('stop');
}

export async function bad_grammar() {
  const session = (await load(RANDOM)).session();
  for (const grammar of ['root ::= (', 'no ::= "root"']) {
    (await chat(session, 'Go.', { grammar })).failed('error', 'INVALID_ARGUMENT', 'invalid_grammar');
  }
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'Go.', { maxTokens: 2 })).tokens.length, 2);
}

export async function grammar_constrains() {
  const model = await load(RANDOM);
  for (let i = 0; i < 4; i++) {
    const reply = await chat(model.session(), 'Go.', { grammar: 'root ::= "yes!" | "no!"' });
    assert.match(reply.ended('stop').text, /^(yes|no)!$/);
  }
}

export async function constraint_holds() {
  const jsonSchema = JSON.stringify({
    type: 'object', properties: { a: { type: 'boolean' }, b: { enum: [1, 2] } }, required: ['a', 'b'], additionalProperties: false,
  });
  const model = await load(RANDOM);
  const say = async (options) => (await chat(model.session(), 'Go.', options)).ended('stop').text;
  for (let i = 0; i < 4; i++) {
    const answer = JSON.parse(await say({ jsonSchema }));
    assert.equal(typeof answer.a, 'boolean');
    assert.ok([1, 2].includes(answer.b) && Object.keys(answer).length === 2);
    assert.match(await say({ regex: '(yes|no), [0-9]{3}' }), /^(yes|no), [0-9]{3}$/);
    assert.match(await say({ lark: 'start: "yes" | "no"' }), /^(yes|no)$/);
  }
  assert.match((await chat(model.session(), 'Go.', { jsonObject: true, maxTokens: 4 })).text, /^{/);
}

export async function bad_constraint() {
  const session = (await load(RANDOM)).session();
  const bad = [{ jsonSchema: '{' }, { jsonSchema: '{"type": "nonsense"}' }, { regex: '(' }, { lark: 'start: nowhere' }];
  for (const options of bad) {
    (await chat(session, 'Go.', options)).failed('error', 'INVALID_ARGUMENT', 'invalid_grammar');
  }
  const two = await chat(session, 'Go.', { regex: 'a', grammar: 'root ::= "a"' });
  two.failed('error', 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'Go.', { regex: 'yes' })).text, 'yes');
}

/** The text events; the others have no log probabilities. */
async function scores(session, options) {
  const stream = session.stream('Go.', options);
  const events = [];
  for await (const event of stream) {
    if (event.kind !== 'text') {
      assert.equal(event.topLogprobs, undefined);
      continue;
    }
    for (const [i, { logprob }] of event.topLogprobs.entries()) assert.ok(i === 0 || logprob <= event.topLogprobs[i - 1].logprob);
    events.push(event);
  }
  const told = events.filter(({ logprob }) => logprob !== null);
  const { logprobs } = await stream.reply();
  assert.deepEqual(logprobs, told.map(({ token, logprob, bytes, topLogprobs }) => ({ token, logprob, bytes, topLogprobs })));
  return events;
}

export async function logprobs() {
  const events = await scores((await load(SCRIPT)).session(), { logprobs: 3, temperature: 0 });
  assert.equal(events.length, 7);
  for (const { token, logprob, bytes, topLogprobs } of events) {
    assert.equal(topLogprobs.length, 3);
    assert.deepEqual([topLogprobs[0].token, topLogprobs[0].logprob], [token, logprob]);
    assert.deepEqual([...topLogprobs[0].bytes], [...bytes]);
  }
  const session = (await load(RANDOM)).session();
  for (const { logprob, topLogprobs } of await scores(session, { logprobs: 0, maxTokens: 4 })) {
    assert.ok(logprob !== null && logprob <= 0 && topLogprobs.length === 0);
  }
  for (const { logprob, topLogprobs } of await scores(session, { maxTokens: 4 })) {
    assert.deepEqual([logprob, topLogprobs.length], [null, 0]);
  }
  const two = { temperature: 1, topK: 2, topP: 1, minP: 0, maxTokens: 4 };
  for (const { token, topLogprobs } of await scores(session, { logprobs: 5, logprobsAfterSampling: true, ...two })) {
    assert.ok(topLogprobs.length === 2 && topLogprobs.some((top) => top.token === token));
    const sum = topLogprobs.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    assert.ok(Math.abs(sum - 1) < 1e-4, String(sum));
  }
  await fails(() => session.chat('Go.', { logprobs: 65 }), 'INVALID_ARGUMENT', 'invalid_option');
}

export async function logit_bias() {
  const model = await load(RANDOM);
  const say = (options) => chat(model.session(), 'Go.', options);
  const text = async (options) => (await say({ maxTokens: 3, ...options })).text;
  assert.equal(await text({ logitBias: 'a=1000' }), 'aaa');
  assert.equal(await text({ logitBias: { a: 1000 } }), 'aaa');
  const [b] = await model.tokenize('b');
  assert.equal(await text({ logitBias: { [b]: 1e3 } }), 'bbb');
  assert.equal(await text({ logitBias: ['"7"=1000'] }), '777');
  for (const odd of ['"', '\\', '=']) assert.equal(await text({ logitBias: { [odd]: 1000 } }), odd.repeat(3));
  assert.equal(await text({ logitBias: ['a=1000', 'b=500', 'a=false'] }), 'bbb');
  assert.equal(await text({ logitBias: { a: false, b: 500.5 } }), 'bbb');
  assert.equal(await text({ logitBias: { a: -Infinity }, regex: 'a|b' }), 'b');
  assert.equal(await text({ logitBias: { a: 1000 }, regex: 'a|b' }), 'a');
  (await say({ logitBias: { a: false }, regex: 'a' })).failed('error', 'INVALID_ARGUMENT', 'invalid_option');
}

export async function bad_logit_bias() {
  const session = (await load(RANDOM)).session();
  for (const bad of ['a', 'a=much', 'a=nan', 'a=inf', 'a=1e7', '-1=1', '999999=1', '=1']) {
    const reply = await chat(session, 'Go.', { logitBias: bad });
    reply.failed('error', 'INVALID_ARGUMENT', 'invalid_option');
    assert.ok(reply.end.error.message.includes(`\`${bad}\``), reply.end.error.message);
  }
  const nan = await chat(session, 'Go.', { logitBias: { a: NaN } });
  nan.failed('error', 'INVALID_ARGUMENT', 'invalid_option');
  for (const bias of [true, '3', null]) assert.throws(() => session.stream('Go.', { logitBias: { a: bias } }), TypeError);
  assert.equal(session.messageCount, 0);
  assert.equal((await chat(session, 'Go.', { logitBias: 'a=1000', maxTokens: 2 })).text, 'aa');
}

export async function unknown_sampler() {
  const session = (await load(RANDOM)).session();
  const reply = await chat(session, 'Go.', { samplers: 'top_k;no_such_sampler' });
  reply.failed('error', 'INVALID_ARGUMENT', 'invalid_option');
  assert.equal((await chat(session, 'Go.', { samplers: 'top_k;temperature', maxTokens: 2 })).tokens.length, 2);
}

export async function ignore_eos() {
  const reply = await chat((await load(SCRIPT)).session(), 'Go.', { ignoreEos: true, maxTokens: 20 });
  assert.equal(reply.ended('length').usage.completionTokens, 20);
  assert.ok(reply.text.startsWith(SCRIPT_REPLY));
}

export async function seed_repeats() {
  const session = (await load(RANDOM, { fixedShape: true })).session();
  const answer = async (seed) => {
    session.reset();
    return (await chat(session, 'Go.', { seed, temperature: 2, maxTokens: 32 })).text;
  };
  const first = await answer(7);
  assert.equal(await answer(7), first);
  assert.notEqual(await answer(8), first);
}

export async function unset_seed_differs() {
  const model = await load(RANDOM);
  const hot = { temperature: 20, topK: 20, minP: 0, topP: 1, maxTokens: 32 };
  const first = await chat(model.session(), 'Go.', hot);
  assert.notEqual((await chat(model.session(), 'Go.', hot)).text, first.text);
}

export async function greedy_repeats_in_fixed_shape() {
  const replies = [];
  for (let i = 0; i < 2; i++) {
    const model = await load(SMOLLM2, { fixedShape: true, ctxSize: 1024 });
    const greedy = { temperature: 0, maxTokens: 48 };
    replies.push(await chat(model.session(), 'Write a sentence about a llama.', greedy));
    assert.ok(replies[i].tokens.length > 4);
    await model.close();
  }
  assert.equal(replies[1].text, replies[0].text);
  assert.deepEqual(replies[1].tokens, replies[0].tokens);
}

/** Raw text has its length in JavaScript too, whatever is in it. */
export async function text_length() {
  const model = await load(SCRIPT);
  const reply = await generate(model.session(), 'a\0b\n');
  assert.equal(reply.usage.promptTokens, 4);
  assert.equal(reply.text, SCRIPT_REPLY);
  const part = await chat(model.session(), 'Go. And not this.'.slice(0, 3));
  assert.equal(part.usage.promptTokens, await countTokens(model, USER('Go.') + ASSISTANT, true));
}
