// The examples do what they show, and say what is wrong, as those in C.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../examples', import.meta.url));
const model = (name) => join(process.env.CHAKU_TEST_MODELS, name);

function run(example, ...arguments_) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, `${example}.mjs`), ...arguments_], {
    encoding: 'utf8',
    timeout: 120_000,
    input: '',
  });
  return { status, stdout, stderr };
}

test('chat', () => {
  const { status, stdout, stderr } = run('chat', model('tiny-script.gguf'), 'Who are you?');
  assert.deepEqual([status, stdout], [0, 'Hello there, I am a test model.\n']);
  assert.match(stderr, /^\[8 tokens, \d+\.\d tokens\/s, 0 of the prompt's \d+ tokens were computed before\]\n$/);
});

test('chat, without a question and a terminal', () => {
  const { status, stdout } = run('chat', model('tiny-script.gguf'));
  assert.deepEqual([status, stdout], [0, 'Hello there, I am a test model.\n']);
});

test('stream', () => {
  const { status, stdout, stderr } = run('stream', model('tiny-script.gguf'));
  assert.deepEqual([status, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0], /^load {5} *\d+ %$/);
  assert.ok(lines.includes('token    273  "Hello"  (5 bytes)'), stdout);
  const times = '\\d+ waiting, \\d+ preparing, \\d+ reading the prompt, \\d+ generating';
  assert.match(lines.at(-1), new RegExp(`^answer   done in \\d+ ms: ${times}$`));
});

test('cancel', () => {
  const { status, stdout, stderr } = run('cancel', model('tiny-long.gguf'));
  assert.deepEqual([status, stderr], [0, '']);
  const [first, cancelled, second, done] = stdout.split('\n');
  assert.deepEqual([first, cancelled], [' one two three four five six seven eight', '-- cancelled after 8 tokens']);
  assert.match(second, /^( one two three four five six seven eight){4}$/);
  assert.equal(done, '-- done');
});

test('deadline', () => {
  const late = run('deadline', model('tiny-long.gguf'), '30');
  assert.deepEqual([late.status, late.stderr], [0, '']);
  assert.match(late.stdout, /\n-- time is up after \d+ ms and \d+ tokens\n$/);
  const early = run('deadline', model('tiny-script.gguf'), '60000');
  assert.deepEqual([early.status, early.stderr], [0, '']);
  assert.match(early.stdout, /^Hello there, I am a test model\.\n-- done after \d+ ms and 8 tokens\n$/);
});

test('tokenize', () => {
  const { status, stdout, stderr } = run('tokenize', model('tiny-script.gguf'), 'the "Hello"');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^name {8}tiny-script\nkind {8}llama/);
  assert.match(stdout, /\nwindow {6}2048 tokens, trained for 2048\nvocabulary {2}288 tokens\n\n\d+ tokens:\n/);
  assert.match(stdout, /\n {5}273 {2}"Hello"\n/);
});

test('fork', () => {
  const { status, stdout, stderr } = run('fork', model('tiny-script.gguf'));
  assert.deepEqual([status, stderr], [0, '']);
  const answers = [...stdout.matchAll(/> .+\n(.+)\n-- (\d+) of the prompt's (\d+) tokens/g)];
  assert.equal(answers.length, 4);
  for (const [, text] of answers) assert.equal(text, 'Hello there, I am a test model.');
  const [[, , cached, prompt], ...others] = answers;
  assert.equal(cached, '0');
  for (const [, , found] of others) assert.ok(Number(found) > Number(prompt));
});

test('json', () => {
  const { status, stdout, stderr } = run('json', model('tiny-random.gguf'));
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^age: \d{1,3}$/m);
  assert.match(stdout, /^likes_llamas: (true|false)$/m);
});

test('tools', () => {
  const { status, stdout, stderr } = run('tools', model('SmolLM2-135M-Instruct.Q4_1.gguf'));
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^get_weather\('lima'\)\n.*\S/i);
});

test('logprobs', () => {
  const { status, stdout, stderr } = run('logprobs', model('tiny-script.gguf'));
  assert.deepEqual([status, stderr], [0, '']);
  const rows = stdout.trimEnd().split('\n');
  assert.match(rows.pop(), /^The whole answer: [\d.]+ %$/);
  assert.equal(rows.length, 7);
  for (const row of rows) assert.match(row, /^ *[\d.]+ % (".*")   of +[\d.]+ % \1 +[\d.]+ % ".*"$/);
});

test('top', () => {
  const { status, stdout, stderr } = run('top', model('tiny-long.gguf'), '1', '3');
  assert.deepEqual([status, stderr], [0, '']);
  const [head, ...rows] = stdout.trimEnd().split('\n');
  assert.match(head, /^ +s queue running paused prompt\/s tokens\/s +kv threads +step ms cached +evict$/);
  const [, timeline] = /^a request: (.+)$/.exec(rows.pop());
  assert.ok(JSON.parse(timeline).endedMs > 0);
  assert.equal(rows.pop(), '');
  assert.ok(rows.length >= 2);
  const numbers = /^ +[\d.]+ +[0-3] +[0-3] +\d+ +[\d.]+ +[\d.]+ +\d+\/4096 +\d+ +[\d.]+ +\d+ +\d+$/;
  for (const row of rows) assert.match(row, numbers);
});

for (const example of ['chat', 'stream', 'cancel', 'deadline', 'tokenize', 'fork', 'json', 'logprobs', 'tools', 'top']) {
  test(`${example} says what is wrong`, () => {
    const missing = run(example, 'no/such/file.gguf');
    assert.deepEqual([missing.status, missing.stdout], [1, '']);
    assert.match(missing.stderr, /^NOT_FOUND \(file_not_found\): .+\n$/);
    const usage = run(example);
    assert.deepEqual([usage.status, usage.stdout], [2, '']);
    assert.match(usage.stderr, /^usage: .*MODEL\.gguf/);
  });
}
