// Schemas of zod, as formats of an answer and as tools.
import { test } from 'node:test';

import { z } from 'zod';

import { RANDOM, assert, load } from './conformance/harness.mjs';

const Animal = z.object({
  name: z.string().max(8),
  legs: z.int().min(0).max(9),
  home: z.enum(['Peru', 'Chile']),
  tags: z.array(z.string().max(4)).max(2),
});

test('an answer is what a schema of zod wants', async () => {
  const session = (await load(RANDOM)).session({ jsonSchema: Animal });
  for (let seed = 0; seed < 8; seed++) {
    const { text, finishReason } = await session.chat('Tell me of an animal.', { seed });
    assert.equal(finishReason, 'stop');
    const animal = Animal.parse(JSON.parse(text));
    assert.ok(['Peru', 'Chile'].includes(animal.home));
  }
});

test('a tool whose arguments zod knows', async () => {
  const seen = [];
  const add = { parameters: z.object({ a: z.int(), b: z.int() }), run: ({ a, b }) => seen.push(a + b) };
  await (await load('tiny-tools.gguf')).session().runTools('Go.', { tools: { add }, maxRounds: 2 });
  assert.deepEqual(seen, [3]);
});
