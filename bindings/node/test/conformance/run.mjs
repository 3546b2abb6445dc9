// Runs one case:   run.mjs NAME
// Without a name it prints the names of all.
import { readdirSync } from 'node:fs';

const files = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.case.mjs'));
const cases = Object.assign({}, ...(await Promise.all(files.map((file) => import(`./${file}`)))));

if (process.argv[2] === undefined) {
  console.log(Object.keys(cases).join('\n'));
} else {
  await cases[process.argv[2]]();
  // The process now ends by itself: whatever the case left open does not keep it.
}
