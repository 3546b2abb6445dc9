// What models take of the memory, before they are loaded and after.
import { Runtime, plan as planModel } from 'chaku';

import { SCRIPT, assert, fails, load, modelPath, until } from './harness.mjs';

const SIZES = { ctxSize: 512, maxRunning: 2, promptCacheMib: 0, threads: 1 };
const MIB = 1 << 20;

export async function plan() {
  const file = modelPath(SCRIPT);
  const small = await planModel(file, SIZES);
  const large = await planModel(file, { ...SIZES, kvPool: 4096 });
  const [device] = small.devices;
  assert.equal(device.kvTotal, 512 * device.kvPerToken);
  assert.equal(large.devices[0].kvTotal, 4096 * device.kvPerToken);
  assert.ok(device.weights >= (await load(SCRIPT, SIZES)).sizeBytes);
  assert.ok(small.total >= device.weights + device.kvTotal);
  assert.ok(large.total > small.total);
  assert.deepEqual([small.fits, small.available], [true, null]);
  assert.deepEqual([small.ctxSize, large.ctxSize, large.kvPool, small.maxRunning], [512, 512, 4096, 2]);
  await fails(planModel('no/such/file.gguf'), 'NOT_FOUND', 'file_not_found');
  await fails(planModel(modelPath('truncated.gguf')), 'DATA_LOSS', 'model_corrupt');
  await fails(planModel(file, { memoryBudget: 1 }), 'INVALID_ARGUMENT', 'invalid_option');
}

/** One model fits, two do not, until the first is gone. */
export async function memory_budget() {
  const runtime = new Runtime({ memoryBudget: 20 });
  const options = { ...SIZES, runtime };
  const available = async () => (await runtime.plan(modelPath(SCRIPT), SIZES)).available;
  assert.equal(await available(), 20 * MIB);
  const first = await load(SCRIPT, options);
  assert.ok((await available()) < 20 * MIB);
  assert.equal((await planModel(modelPath(SCRIPT), options)).fits, false);
  await fails(load(SCRIPT, options), 'RESOURCE_EXHAUSTED', 'memory_budget');
  await first.close();
  await until(async () => (await available()) === 20 * MIB);
  assert.equal((await load(SCRIPT, options)).description, first.description);
}
