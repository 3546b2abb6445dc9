// How likely tokens are: those of the prompt, those of several answers, and those a host chooses by itself.
import { ASSISTANT, RANDOM, SCRIPT, SCRIPT_REPLY, USER, assert, fails, load } from './harness.mjs';

const MESSAGES = [{ role: 'user', content: 'Tell me something about llamas, and then about alpacas.' }];

/** The events of a prompt's tokens, and the reply. */
async function prompt(stream) {
  const events = [];
  for await (const event of stream) if (event.kind !== 'progress') events.push(event);
  const told = events.filter(({ kind }) => kind === 'prompt');
  assert.ok(events.slice(0, told.length).every(({ kind }) => kind === 'prompt'), 'before the answer');
  const reply = await stream.reply();
  const scores = told.map(({ token, logprob, bytes, topLogprobs }) => ({ token, logprob, bytes, topLogprobs }));
  assert.deepEqual(reply.promptLogprobs, scores);
  return { told, reply };
}

export async function prompt_logprobs() {
  const session = (await load(SCRIPT)).session();
  for (let turn = 0; turn < 2; turn++) {
    const { told, reply } = await prompt(session.stream('Go.', { promptLogprobs: 2 }));
    assert.deepEqual([told.length, reply.usage.cachedTokens], [reply.usage.promptTokens, 0]);
    assert.deepEqual([told[0].logprob, told[0].topLogprobs], [null, []]);
    for (const { logprob, topLogprobs } of told.slice(1)) assert.ok(logprob <= 0 && topLogprobs.length === 2);
    assert.ok(told.map((event) => event.prompt).join('').includes(USER('Go.') + ASSISTANT));
    assert.equal(reply.text, SCRIPT_REPLY);
  }
  const ahead = await (await load(RANDOM)).session().ingest('abc', { promptLogprobs: 0 });
  assert.deepEqual([ahead.promptLogprobs.length, ahead.text], [ahead.usage.promptTokens, '']);
  assert.equal(Buffer.concat(ahead.promptLogprobs.map(({ bytes }) => bytes)).toString(), 'abc');
  assert.equal((await prompt(session.stream('Go.'))).told.length, 0);
}

export async function choices() {
  const model = await load(RANDOM);
  const options = { temperature: 2, maxTokens: 12, ignoreEos: true };
  const replies = await model.choices(MESSAGES, 3, { seed: 7, ...options });
  assert.equal(new Set(replies.map(({ text }) => text)).size, 3);
  for (const { usage } of replies.slice(1)) assert.equal(usage.cachedTokens, usage.promptTokens - 1);
  assert.equal((await model.chat(MESSAGES, { seed: 7, choice: 1, ...options })).text, replies[1].text);
  assert.equal((await model.chat(MESSAGES, { seed: 8, ...options })).text, replies[1].text);
  await fails(model.choices([], 2), 'INVALID_ARGUMENT', 'invalid_messages');
  await assert.rejects(model.choices(MESSAGES, 0), RangeError);
}

export async function pause_for_logits() {
  const model = await load(SCRIPT);
  const stream = model.session().stream('Go.', { pauseForLogits: true });
  let last;
  let text = '';
  for await (const event of stream) {
    if (event.kind === 'text') text += event.text;
    if (event.kind !== 'logits') continue;
    const { logits, position } = event;
    assert.ok(logits instanceof Float32Array && logits.length === model.vocabSize);
    assert.ok(last === undefined || position === last + 1);
    if (last === undefined) {
      for (const wrong of [logits.subarray(1), [], new Float32Array(logits.length).fill(NaN)]) {
        await fails(() => stream.resume(wrong), 'INVALID_ARGUMENT', 'invalid_argument');
      }
      assert.throws(() => stream.resume('all'), TypeError);
      stream.resume();
    } else {
      stream.resume(logits);
    }
    last = position;
  }
  assert.equal(text, SCRIPT_REPLY);
  const plain = model.session().stream('Go.');
  await fails(() => plain.resume(), 'FAILED_PRECONDITION', 'not_paused');
  await plain.return();

  // One token left: it comes.
  const random = await load(RANDOM);
  const [z] = await random.tokenize('z');
  const edited = Array.from({ length: random.vocabSize }, (_, token) => (token === z ? 0 : -Infinity));
  const chosen = random.session().stream('Go.', { pauseForLogits: true, maxTokens: 3 });
  for await (const event of chosen) if (event.kind === 'logits') chosen.resume(edited);
  assert.equal((await chosen.reply()).text, 'zzz');

  // Nobody looks; nobody answers.
  assert.equal((await model.session().chat('Go.', { pauseForLogits: true })).text, SCRIPT_REPLY);
  const seen = [];
  const onText = (piece) => seen.push(piece);
  assert.equal((await model.session().chat('Go.', { pauseForLogits: true, onText })).text, SCRIPT_REPLY);
  assert.equal(seen.join(''), SCRIPT_REPLY);
  const waiting = model.session().stream('Go.', { pauseForLogits: true });
  while ((await waiting.next()).value.kind !== 'logits');
  await waiting.return();
}
