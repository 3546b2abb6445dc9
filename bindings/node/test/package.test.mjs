// What is in the package, and that it can be used as it is, from modules, from CommonJS and from TypeScript.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as chaku from 'chaku';

const require = createRequire(import.meta.url);
const source = process.env.CHAKU_SOURCE;
const installed = join(fileURLToPath(new URL('..', import.meta.url)), 'node_modules', 'chaku');
const read = (...path) => readFileSync(join(...path), 'utf8');

test('the package has these files and no other', () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(installed.length + 1));
  assert.deepEqual(files.sort(), [
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'README.md',
    'chaku_node.node',
    'index.d.mts',
    'index.d.ts',
    'index.js',
    'index.mjs',
    ...readdirSync(join(source, 'bindings', 'node', 'lib')).map((file) => join('lib', file)),
    'numbers.d.ts',
    'options.d.ts',
    'package.json',
  ].sort());
});

test('the package has the version of chaku', () => {
  assert.equal(JSON.parse(read(installed, 'package.json')).version, chaku.version);
  assert.match(read(source, 'Cargo.toml'), new RegExp(`^version = "${chaku.version}"$`, 'm'));
});

test('modules and CommonJS see the same', () => {
  const { default: _, ...names } = chaku;
  const common = require('chaku');
  assert.deepEqual(Object.keys(names).sort(), Object.keys(common).sort());
  for (const [name, value] of Object.entries(names)) assert.equal(value, common[name], name);
});

test('CommonJS loads a model too', async () => {
  const { loadModel } = require('chaku');
  const model = await loadModel(join(process.env.CHAKU_TEST_MODELS, 'tiny-script.gguf'), { threads: 1 });
  assert.equal((await model.session().chat('Hi.')).text, 'Hello there, I am a test model.');
});

test('loaded a second time into the same thread, both copies work', async () => {
  const first = require('chaku');
  for (const file of Object.keys(require.cache)) if (file.startsWith(installed)) delete require.cache[file];
  const second = require('chaku');
  assert.notEqual(first, second);
  for (const { InvalidArgumentError, Runtime, loadModel } of [first, second, first]) {
    const runtime = new Runtime();
    const model = await loadModel(join(process.env.CHAKU_TEST_MODELS, 'tiny-script.gguf'), { threads: 1, runtime });
    const session = model.session();
    assert.equal((await session.chat('Hi.')).text, 'Hello there, I am a test model.');
    await assert.rejects(session.chat('Hi.', { maxTokens: -1 }), InvalidArgumentError);
    await assert.rejects(session.chat('Hi.', { grammar: '(' }), InvalidArgumentError);
    await model.close();
  }
});

test('what is said about the build is there', () => {
  assert.match(chaku.buildInfo(), /llama/);
  assert.ok(chaku.backends().includes('cpu'));
  const [device] = chaku.devices();
  assert.equal(device.kind, 'cpu');
  assert.ok(device.memoryTotal >= device.memoryFree && device.memoryFree > 0);
});

test('options.d.ts is the generated one', () => {
  const tool = join(source, 'bindings', 'node', 'tools', 'options.mjs');
  const generated = execFileSync(process.execPath, [tool, installed], { encoding: 'utf8' });
  assert.equal(read(installed, 'options.d.ts'), generated);
});

test('the types hold: tsc --strict', { timeout: 300_000 }, () => {
  const tools = join(process.env.CHAKU_NODE_TOOLS, 'node_modules');
  const project = fileURLToPath(new URL('types/tsconfig.json', import.meta.url));
  const typeRoots = join(tools, '@types');
  const arguments_ = [join(tools, 'typescript', 'bin', 'tsc'), '-p', project, '--typeRoots', typeRoots];
  const { status, stdout, stderr } = spawnSync(process.execPath, arguments_, { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr, status], ['', '', 0]);
});

test('the library exports the C functions and its entry, stays loaded, and fits pages of 16 KiB', (context) => {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/nm')) return context.skip('needs binutils');
  const library = join(installed, 'chaku_node.node');
  const run = (...command) => execFileSync(command[0], [...command.slice(1), library], { encoding: 'utf8' });
  const exported = run('nm', '-D', '--defined-only').trim().split('\n').map((line) => line.split(' ').at(-1));
  const functions = read(source, 'capi', 'abi', 'symbols.txt').trim().split('\n');
  assert.deepEqual(exported.sort(), [...functions, 'napi_register_module_v1'].sort());
  // No static object is destroyed while a model may still work: nobody asks for it.
  assert.doesNotMatch(run('nm', '-D', '--undefined-only'), /__cxa_atexit/);
  assert.match(run('readelf', '-d'), /NODELETE/);
  assert.match(run('readelf', '-d'), /SYMBOLIC/);
  const segments = run('readelf', '-lW').split('\n').filter((line) => /^ *LOAD/.test(line));
  for (const segment of segments) assert.equal(Number(segment.trim().split(/ +/).at(-1)) % 16384, 0);
});
