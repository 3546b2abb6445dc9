// A workload through node-llama-cpp: node_side.mjs MODEL WORKLOAD SETTING (both JSON). It has no settings of its own for prompts that are shared: a sequence
// keeps what it computed, and what the next prompt has in common with that is not computed again.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [model, workload, setting] = [process.argv[2], JSON.parse(process.argv[3]), JSON.parse(process.argv[4])];
const require = createRequire(`${process.cwd()}/target/compare/node/package.json`);
const { getLlama, LlamaLogLevel, TokenBias } = await import(pathToFileURL(require.resolve("node-llama-cpp")));

const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: LlamaLogLevel.error, maxThreads: setting.threads });
const loaded = await llama.loadModel({ modelPath: model });
const context = await loaded.createContext({
    sequences: setting.slots,
    contextSize: workload.window,
    threads: { ideal: setting.threads, min: setting.threads },
    ...(setting.batch && { batchSize: setting.batch }),
});
const sequences = Array.from({ length: setting.slots }, () => context.getSequence());
const neverEnd = new TokenBias(loaded.tokenizer).set(loaded.tokens.eos, "never");
const now = () => performance.now() / 1000;

// Clients beyond the number of sequences wait for one.
const waiting = [];
const take = async () => sequences.pop() ?? new Promise((resolve) => waiting.push(resolve));
const giveBack = (sequence) => (waiting.length ? waiting.shift()(sequence) : sequences.push(sequence));

const answers = workload.prompts.map((prompt) => ({ ...prompt, asked: 0, times: [], giveUp: false }));

async function read(answer) {
    answer.asked = now();
    const sequence = await take();
    const tokens = loaded.tokenize(answer.text, true);
    answer.promptTokens = tokens.length;
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    for await (const _ of sequence.evaluate(tokens.slice(sequence.nextTokenIndex), { temperature: 0, tokenBias: neverEnd })) {
        answer.times.push(now());
        if (answer.times.length === answer.tokens || answer.giveUp) break;
    }
    giveBack(sequence);
}

await read({ text: "Hi", tokens: 8, times: [] }); // weights and threads are warm
for (const sequence of sequences) await sequence.clearHistory();
if (workload.arrival) {
    const streams = answers.slice(0, -1), newcomer = answers.at(-1);
    const running = streams.map(read);
    while (streams.some((stream) => stream.times.length < workload.arrival)) await new Promise((resolve) => setTimeout(resolve, 1));
    await read(newcomer);
    for (const stream of streams) stream.giveUp = true;
    await Promise.all(running);
} else {
    const todo = [...answers];
    const client = async () => {
        for (let answer; (answer = todo.shift()); ) await read(answer);
    };
    await Promise.all(Array.from({ length: workload.at_once }, client));
}
console.log(JSON.stringify(answers.map((answer) => ({ asked: answer.asked, times: answer.times, prompt_tokens: answer.promptTokens, generated: answer.times.length }))));
process.exit(0);
