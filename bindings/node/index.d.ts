/// <reference types="node" />
/// <reference lib="esnext.disposable" />

import type { Metrics, Plan, Timeline } from './numbers';
import type { ModelOptions, RequestOptions, RuntimeOptions, SessionOptions } from './options';

export type { DevicePlan, Metrics, Plan, Timeline } from './numbers';
export type { ModelOptions, RequestOptions, RuntimeOptions, SessionOptions };

// ---- Loading ------------------------------------------------------------------------------------------------------

/**
 * Loads a GGUF file, or a model of the Hugging Face hub, `hf:user/repo` or `hf:user/repo:Q4_K_M`, or from a URL in a string:
 * such a model is downloaded first, unless it is in the cache, with the errors of `download`.
 *
 * Fails with NotFoundError `file_not_found`, DataLossError `model_corrupt` (no GGUF, or a broken one),
 * UnimplementedError `model_unsupported`, ResourceExhaustedError `memory_budget` and others; with the signal's reason
 * when it is aborted.
 */
export function loadModel(path: string | URL, options?: LoadOptions): Promise<Model>;

export interface LoadOptions extends ModelOptions {
  /** The runtime to load into; without one, the default runtime of the process. */
  runtime?: Runtime;
  /**
   * Called with how far the load is, from 0 to 1; when it downloads first, with how far that is before. A promise it returns
   * is waited for.
   */
  onProgress?: (progress: number, event: ProgressEvent) => unknown;
  /** Cancels the load. */
  signal?: AbortSignal;
}

/**
 * Downloads a model, and gives the paths of its files, the one to load first. `spec` is `hf:user/repo`, `hf:user/repo:tag`,
 * `hf:user/repo/file`, or a URL. What is in the cache, which other tools for the hub share, is not downloaded again, and
 * what was interrupted is resumed.
 *
 * Fails with UnauthenticatedError `hub_unauthorized`, PermissionDeniedError `hub_forbidden`, NotFoundError `hub_not_found`,
 * UnavailableError `hub_unavailable`, DataLossError `checksum_mismatch`, ResourceExhaustedError `disk_full`,
 * FailedPreconditionError `offline` and others; with the signal's reason when it is aborted.
 */
export function download(spec: string, options?: DownloadOptions): Promise<string[]>;

export interface DownloadOptions extends ModelOptions {
  /** The runtime whose options hold; without one, the default runtime of the process. */
  runtime?: Runtime;
  /** Called with how far it is, from 0 to 1, or -1 when that is not known. A promise it returns is waited for. */
  onProgress?: (progress: number, event: ProgressEvent) => unknown;
  /** Cancels the download. What came is kept for the next time. */
  signal?: AbortSignal;
}

/**
 * What memory a model would take, and with which sizes it would be loaded. Its file is read up to the weights, on
 * another thread, and nothing is loaded. Fails with the errors of `loadModel` that are about the file or its options.
 */
export function plan(path: string | URL, options?: PlanOptions): Promise<Plan>;

export interface PlanOptions extends ModelOptions {
  /** The runtime it would be loaded into; without one, the default runtime of the process. */
  runtime?: Runtime;
}

/** A loaded model. It goes when nothing refers to it any more, but better soon, with `close` or `await using`. */
export interface Model extends AsyncDisposable, Disposable {
  /** The model in a few words, for instance "llama 135M Q4_1". */
  readonly description: string;
  /** The file's metadata, as text: `metadata['general.name']`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The Jinja source of the file's chat template. */
  readonly chatTemplate: string | null;
  /** A session's context window, in tokens. */
  readonly contextSize: number;
  /** The window the model was trained for, in tokens. */
  readonly trainingContext: number;
  /** Tokens in the vocabulary. */
  readonly vocabSize: number;
  /** The size of the tensors, in bytes. */
  readonly sizeBytes: number;
  readonly parameterCount: number;
  /** The tokens that begin a text, end it, end a turn, and fill up a batch. */
  readonly tokens: Readonly<Record<'bos' | 'eos' | 'eot' | 'pad', number | null>>;

  /** A new session. Fails with ResourceExhaustedError `session_limit`. */
  session(options?: NewSessionOptions): Session;

  /**
   * A session as `session.save` left it in a file, or as bytes, which are copied before this returns. None of its
   * options were saved but the system prompt, which holds unless another one is given. What was computed is taken over
   * if the model was also loaded as it was, and computed again otherwise.
   *
   * Fails with DataLossError `state_corrupt` (no saved session, or a changed one), FailedPreconditionError
   * `state_mismatch` (of another model or chat template), ResourceExhaustedError `session_limit`, NotFoundError
   * `file_not_found` and others. There is a checksum against accidents, and none against malice: take files from nobody
   * whose models you would not load.
   */
  restore(saved: string | URL | Uint8Array, options?: NewSessionOptions): Promise<Session>;

  /**
   * Answers the last message of a conversation that you keep yourself, without a session. Conversations that begin in
   * the same way share what was computed, so one that grows is not computed anew each time.
   *
   * Fails with InvalidArgumentError `invalid_messages`, with `index` in the details if one of them is wrong.
   */
  chat(messages: readonly Message[], options?: CallOptions): Promise<Reply>;
  /** The same. The answer's events can be iterated over. */
  stream(messages: readonly Message[], options?: StreamOptions): Stream;

  /**
   * Several answers to the same messages. The prompt is computed once, and the answers differ: the option `choice` counts
   * them, and is added to `seed`. If one fails the others are cancelled.
   */
  choices(messages: readonly Message[], count: number, options?: StreamOptions): Promise<Reply[]>;

  /** Its numbers at this moment. */
  metrics(): Metrics;

  /** The tokens of a text, computed on another thread. */
  tokenize(text: string, options?: TokenizeOptions): Promise<Int32Array>;

  /**
   * The bytes tokens stand for, which may begin or end inside a character; `String()` makes text of them. Control
   * tokens are left out, or with `special` written by name.
   */
  detokenize(tokens: readonly number[] | Int32Array, options?: { special?: boolean }): Promise<Buffer>;

  /** Whether an answer ends when the model makes this token. */
  isEndToken(token: number): boolean;

  /**
   * Ends all work of the model, waits until it is over, and gives its memory back. Requests under way end with
   * CancelledError `closed_while_running`; whatever is called afterwards fails with FailedPreconditionError `closed`.
   */
  close(options?: CloseOptions): Promise<void>;

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void>;

  /** Gives the model up without waiting. Its sessions go on, and keep what they need. */
  [Symbol.dispose](): void;
}

/**
 * What somebody said, in OpenAI's form. A system message comes first, and is the system prompt; the last one is a user's
 * or a tool's.
 */
export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool';
  /** May be left out or null where the assistant calls tools. */
  content?: string | readonly { type: 'text'; text: string }[] | null;
  reasoning_content?: string;
  tool_calls?: readonly { id?: string; type?: 'function'; function: { name: string; arguments: string | object } }[];
  /** Of a tool's result: the call it answers. */
  tool_call_id?: string;
  /** Of a tool's result: the tool. */
  name?: string;
}

/** A tool for `session.runTools`. */
export interface Tool {
  description?: string;
  /**
   * JSON Schema of its arguments, an object; or a validator that has `toJSONSchema()` and `parse()`, such as one of zod.
   * Without any it takes no arguments.
   */
  parameters?: object;
  /** Called with the arguments. What it returns, or the promise is of, goes to the model: as JSON unless it is a string. */
  run: (args: any) => unknown;
}

export interface RunToolsOptions extends Omit<CallOptions, 'tools'> {
  /** By name. */
  tools: Readonly<Record<string, Tool>>;
  /** Most answers with calls; then the last one is returned, its calls not made. (default 8) */
  maxRounds?: number;
}

export interface TokenizeOptions {
  /** Put the tokens around it that the model wants, such as BOS. (default false) */
  addSpecial?: boolean;
  /** Read the names of control tokens in the text as these tokens: never for text from strangers. (default false) */
  parseSpecial?: boolean;
}

export interface CloseOptions {
  /**
   * Longest wait, in milliseconds; then DeadlineExceededError `close_timeout`, and the closing goes on. (default: for
   * ever)
   */
  timeoutMs?: number;
}

// ---- Sessions -----------------------------------------------------------------------------------------------------

export interface NewSessionOptions extends SessionOptions {
  /** Short for `systemPrompt`. */
  system?: string;
}

/**
 * A conversation, or a raw text that grows.
 *
 * It runs one request at a time: a second one fails with FailedPreconditionError `concurrent_use`. What was computed is
 * kept for the next.
 */
export interface Session extends AsyncDisposable, Disposable {
  /** Tokens of the context window in use. */
  readonly contextUsed: number;
  /** Messages in the conversation, the system prompt not counted. */
  readonly messageCount: number;

  /** Says something as the user, or several messages such as results of tools, and waits for the whole answer. */
  chat(text: string | readonly Message[], options?: CallOptions): Promise<Reply>;
  /** The same. The answer's events can be iterated over. */
  stream(text: string | readonly Message[], options?: StreamOptions): Stream;

  /**
   * As `chat`, and calls the tools that the model wants called, until it answers without. An exception of a tool goes to
   * the model. `toolChoice` is for the first answer, `deadlineMs` for all of it.
   */
  runTools(text: string | readonly Message[], options: RunToolsOptions): Promise<Reply>;

  /** Appends raw text, without any template, and generates after it. */
  generate(text: string, options?: CallOptions): Promise<Reply>;
  streamGenerate(text: string, options?: StreamOptions): Stream;

  /** Goes on where the last answer ended: after `maxTokens`, an abort or a deadline. */
  continueAnswer(options?: CallOptions): Promise<Reply>;
  streamContinue(options?: StreamOptions): Stream;

  /** Computes text ahead, a message with a role or raw text without: a later answer then starts sooner. */
  ingest(text: string, options?: IngestOptions): Promise<Reply>;

  /**
   * A session that goes on from here by itself, with the options of this one, or those given. While a request runs, it
   * begins before that request. What both have in common is computed and kept once. Fails with ResourceExhaustedError
   * `session_limit`.
   */
  fork(options?: NewSessionOptions): Session;

  /**
   * Goes back: keeps so many messages of the conversation, the system prompt not counted, or tokens of the raw text.
   * Fails with InvalidArgumentError `invalid_argument` when there are fewer: `most` in the details says how many.
   */
  rewind(length: number): void;

  /**
   * Saves the conversation or raw text, and what was computed of it, for `model.restore`: to a file, or to the bytes
   * that the promise is of. The session is busy until then. A file appears under its name when it is complete, in place
   * of what was there, and only the user may read it. Fails with UnavailableError `file_unwritable`,
   * ResourceExhaustedError `disk_full`.
   */
  save(path: string | URL, options?: SaveOptions): Promise<void>;
  save(path?: undefined, options?: SaveOptions): Promise<Buffer>;

  /** Forgets the conversation, but not the system prompt. */
  reset(): void;

  /** Cancels the request under way, if any. */
  cancel(): void;

  /** Cancels the request under way, waits for its end, and refuses new ones with FailedPreconditionError `closed`. */
  close(options?: CloseOptions): Promise<void>;

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void>;

  /** Gives the session up without waiting. A request under way goes on. */
  [Symbol.dispose](): void;
}

export interface SaveOptions extends Pick<RequestOptions, 'deadlineMs'> {
  /** Cancels the save: no part of a file is left. */
  signal?: AbortSignal;
}

export interface StreamOptions extends RequestOptions {
  /**
   * Cancels the request. The reason of the signal is what it then fails with, as with `fetch`, once it has ended; what
   * was computed and not read is dropped.
   */
  signal?: AbortSignal;
}

export interface CallOptions extends StreamOptions {
  /** Called with the text of each token. A promise it returns is waited for; if it throws, the request is cancelled. */
  onText?: (text: string) => unknown;
  /** Called with how much of the prompt is computed, from 0 to 1; else as `onText`. */
  onProgress?: (progress: number, event: ProgressEvent) => unknown;
}

export interface IngestOptions extends CallOptions {
  role?: 'user' | 'assistant' | 'system' | 'tool';
}

// ---- Requests -----------------------------------------------------------------------------------------------------

/**
 * A request under way. A stream has one reader: a loop, or `reply`.
 *
 * A loop that is left, by `break` or an exception, cancels the request and waits for its end. A consumer that stops
 * reading pauses its request and no other: `eventQueue` events are computed ahead of it, and a batch of as many, at
 * most 64. A stream that nobody refers to any more is cancelled.
 */
export interface Stream extends AsyncIterableIterator<Event>, AsyncDisposable {
  /** The next event. A request that failed throws its error in place of the final event. */
  next(): Promise<IteratorResult<Event, undefined>>;

  /** Cancels, and waits for the end. */
  return(value?: unknown): Promise<IteratorResult<Event, any>>;

  /** Whether it has ended: the final event exists, read or not. */
  readonly finished: boolean;

  /** How many waiting requests go before this one: 0 = it is the next to start; null = it does not wait. */
  readonly queuePosition: number | null;

  /** When it got how far. */
  timeline(): Timeline;

  /** The whole reply: waits for the loop that reads the stream, or reads it itself when there is none. */
  reply(): Promise<Reply>;

  /** Cancels, and returns at once. The end follows promptly: CancelledError `cancelled`. */
  cancel(): void;

  /**
   * Lets a request with `pauseForLogits` go on after a `logits` event: a token is chosen from `logits`, one for each token of
   * the vocabulary, -Infinity for one that must not come; undefined = from those of the event. Where nobody sees the
   * events, in `chat` and `reply()`, the request goes on by itself.
   */
  resume(logits?: Float32Array | readonly number[]): void;

  /** As `return`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a request tells its reader. Ignore kinds you do not know. */
export type Event =
  | ProgressEvent
  | PromptEvent
  | TextEvent
  | ReasoningEvent
  | ToolCallEvent
  | ToolCallArgumentsEvent
  | LogitsEvent
  | FinalEvent;

/** Work was done that yields no text: part of a prompt. */
export interface ProgressEvent {
  readonly kind: 'progress';
  /** How far the work is, from 0 to 1; -1 = that is not known. */
  readonly progress: number;
  /** What it is about. */
  readonly phase: 'load' | 'prefill' | 'download' | null;
  /** How much of it is done: tokens, bytes, or thousandths of a load. */
  readonly done: number;
  /** How much there is in all; 0 = that is not known. */
  readonly total: number;
}

/** A token was generated. */
export interface TextEvent {
  readonly kind: 'text';
  /** Whole characters. Empty when the token ends inside a character: the rest comes with a later token. */
  readonly text: string;
  /** The token; null for text without a token of its own. */
  readonly token: number | null;
  /** The bytes as the model made them: perhaps a part of a character. */
  readonly bytes: Uint8Array;
  /** Whether the text ends in a character that never became whole, shown as U+FFFD. */
  readonly replaced: boolean;
  /** Natural logarithm of the token's probability; null unless the request asked for `logprobs`. */
  readonly logprob: number | null;
  /** The likeliest tokens in its place, the likeliest first: as many as `logprobs` says, or all that were possible. */
  readonly topLogprobs: readonly TopLogprob[];
}

/** A token that could have been chosen. */
export interface TopLogprob {
  readonly token: number;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
  /** What it would add to the answer: perhaps a part of a character, and nothing for a control token. */
  readonly bytes: Uint8Array;
}

/** A token of an answer, and how likely it was. */
export interface TokenLogprob extends TopLogprob {
  readonly topLogprobs: readonly TopLogprob[];
}

/** A token of a prompt, and how likely it was. */
export interface PromptLogprob {
  readonly token: number;
  /** Natural logarithm of its probability; null for the first one, before which nothing comes. */
  readonly logprob: number | null;
  readonly bytes: Uint8Array;
  /** The likeliest tokens in its place, the likeliest first: as many as `promptLogprobs` asked for. */
  readonly topLogprobs: readonly TopLogprob[];
}

/** A token of the prompt, under `promptLogprobs`, before the answer. */
export interface PromptEvent extends Omit<PromptLogprob, 'token'> {
  readonly kind: 'prompt';
  /** Whole characters. Empty when the token ends inside a character. */
  readonly prompt: string;
  readonly token: number | null;
}

/** The request stands still, under `pauseForLogits`, until `Stream.resume`. */
export interface LogitsEvent {
  readonly kind: 'logits';
  /** By token: the model's own, before a constraint, `logitBias` or a sampler changes any. */
  readonly logits: Float32Array;
  /** Tokens before the one to be chosen: prompt and answer so far. */
  readonly position: number;
}

/** A token of what the model thinks before it answers. */
export interface ReasoningEvent {
  readonly kind: 'reasoning';
  readonly reasoning: string;
  /** The token; null for text without a token of its own. */
  readonly token: number | null;
}

/** The model begins to call a tool. */
export interface ToolCallEvent {
  readonly kind: 'tool_call';
  /** Which call of the answer, from 0 on. */
  readonly index: number;
  /** What the result has to name it by. */
  readonly id: string;
  /** The tool. */
  readonly name: string;
}

/** More of a call's arguments: all pieces of one call together are JSON. */
export interface ToolCallArgumentsEvent {
  readonly kind: 'tool_call_arguments';
  readonly index: number;
  readonly arguments: string;
}

/** The request succeeded; nothing follows. */
export interface FinalEvent extends Outcome {
  readonly kind: 'final';
}

export interface Outcome {
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
}

/** An answer. */
export interface Reply extends Outcome {
  readonly text: string;
  /** What the model thought before it answered. */
  readonly reasoning: string;
  /** What the model calls: see `runTools`. */
  readonly toolCalls: readonly ToolCall[];
  /** How likely each token of the text was; empty unless the option `logprobs` asked for it. */
  readonly logprobs: readonly TokenLogprob[];
  /** How likely the tokens of the prompt were; empty unless the option `promptLogprobs` asked for it. */
  readonly promptLogprobs: readonly PromptLogprob[];
}

/** A call of a tool by the model. */
export interface ToolCall {
  /** What its result has to name it by. */
  readonly id: string;
  /** The tool. */
  readonly name: string;
  /** Its arguments, as JSON; cut short if the answer was. */
  readonly arguments: string;
}

/**
 * Why a request ended: the answer was complete (`stop`), or a limit was reached (`length`). The reply of an error has
 * `cancelled`, `deadline` or `error`.
 */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'cancelled' | 'deadline' | 'error';

/** Tokens a request used. */
export interface Usage {
  /** Of the whole prompt. */
  readonly promptTokens: number;
  /** Of the prompt, computed before. */
  readonly cachedTokens: number;
  /** Generated, those of a stop text included. */
  readonly completionTokens: number;
  /** Of the window, when the request ended. */
  readonly contextUsed: number;
}

/** Where the time went, in milliseconds. */
export interface Timings {
  /** Waiting for the engine. */
  readonly queueMs: number;
  /** Template and tokenizer. */
  readonly prepareMs: number;
  /** From the start of compute to the first token. */
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  /** From the call to the end. */
  readonly totalMs: number;
}

// ---- Runtimes and logs --------------------------------------------------------------------------------------------

/** The owner of models, of their limits and of the log. Most programs need none of their own. */
export class Runtime implements Disposable {
  constructor(options?: NewRuntimeOptions);

  /**
   * Sends the log of models loaded from now on to a function, or nowhere with null. A model keeps the log it was loaded
   * with. Prompt text is logged at level `trace` only.
   */
  setLog(log: ((line: LogLine) => void) | null, level?: LogLevel): void;

  /** What a model would take in this runtime: see the function `plan`. */
  plan(path: string | URL, options?: ModelOptions): Promise<Plan>;

  /** The numbers of all its models together. What models did that are gone stays counted. */
  metrics(): Metrics;

  /** Gives the runtime up. Its models go on. */
  close(): void;

  /** As `close`. */
  [Symbol.dispose](): void;
}

/** The numbers of all models of the default runtime. */
export function metrics(): Metrics;

export interface NewRuntimeOptions extends RuntimeOptions {
  /** As `setLog`. */
  log?: (line: LogLine) => void;
  /** Lines up to this level are wanted. (default info) */
  logLevel?: LogLevel;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogLine {
  readonly level: LogLevel;
  /** The part of chaku that speaks, for instance "chaku::engine". */
  readonly target: string;
  readonly message: string;
}

// ---- Errors -------------------------------------------------------------------------------------------------------

/** What chaku throws. Arguments of a wrong type are a TypeError instead. */
export class ChakuError extends Error {
  constructor(
    message: string,
    more?: { reason?: string; details?: Record<string, string>; reply?: Reply; cause?: unknown },
  );
  /** The code, which has the name of one of gRPC's; each subclass has its own. */
  readonly code: string;
  /** Why, more exactly than the code says: one stable word such as `queue_full`, which programs may compare. */
  readonly reason: string;
  /** For programs: for instance `limit` of `queue_full`. */
  readonly details: Readonly<Record<string, string>>;
  /** What there is of an answer that was cut short. */
  readonly reply?: Reply;
}

/** The caller cancelled the work, or closed the object that did it. */
export class CancelledError extends ChakuError {
  readonly code: 'CANCELLED';
}
/** The cause is not known. */
export class UnknownError extends ChakuError {
  readonly code: 'UNKNOWN';
}
/** An argument is wrong, whatever the state of the system is. */
export class InvalidArgumentError extends ChakuError {
  readonly code: 'INVALID_ARGUMENT';
}
/** The deadline passed before the work was done. */
export class DeadlineExceededError extends ChakuError {
  readonly code: 'DEADLINE_EXCEEDED';
}
/** There is no such file. */
export class NotFoundError extends ChakuError {
  readonly code: 'NOT_FOUND';
}
/** The thing to create exists already. */
export class AlreadyExistsError extends ChakuError {
  readonly code: 'ALREADY_EXISTS';
}
/** The operating system refused access. */
export class PermissionDeniedError extends ChakuError {
  readonly code: 'PERMISSION_DENIED';
}
/** A limit was reached: queue, sessions, memory. */
export class ResourceExhaustedError extends ChakuError {
  readonly code: 'RESOURCE_EXHAUSTED';
}
/** The object is not in the state this call needs. */
export class FailedPreconditionError extends ChakuError {
  readonly code: 'FAILED_PRECONDITION';
}
/** The work was aborted by a conflict. */
export class AbortedError extends ChakuError {
  readonly code: 'ABORTED';
}
/** Past the end: of the context window. */
export class OutOfRangeError extends ChakuError {
  readonly code: 'OUT_OF_RANGE';
}
/** Not in this build, or not possible with this model. */
export class UnimplementedError extends ChakuError {
  readonly code: 'UNIMPLEMENTED';
}
/** A bug of chaku or of llama.cpp. */
export class InternalError extends ChakuError {
  readonly code: 'INTERNAL';
}
/** Not now: try again later. */
export class UnavailableError extends ChakuError {
  readonly code: 'UNAVAILABLE';
}
/** Stored data is broken. */
export class DataLossError extends ChakuError {
  readonly code: 'DATA_LOSS';
}
/** Credentials are missing or wrong. */
export class UnauthenticatedError extends ChakuError {
  readonly code: 'UNAUTHENTICATED';
}

// ---- The build ----------------------------------------------------------------------------------------------------

/** The version of chaku. */
export const version: string;

/** Versions and build settings of chaku and llama.cpp, for bug reports. */
export function buildInfo(): string;

/** The names of the backends that are compiled in. */
export function backends(): string[];

/** The devices of this machine. */
export function devices(): Device[];

/** Something that computes. */
export interface Device {
  name: string;
  description: string;
  backend: string;
  kind: 'cpu' | 'gpu' | 'integrated_gpu' | 'accelerator';
  /** In bytes; 0 = not known. */
  memoryTotal: number;
  memoryFree: number;
}

/** All options there are. */
export function optionTable(): OptionInfo[];

export interface OptionInfo {
  key: string;
  type: 'integer' | 'number' | 'boolean' | 'string' | 'string[]';
  /** The object it belongs to. It may also be given to those around it, as a default. */
  scope: 'runtime' | 'model' | 'session' | 'request';
  unit: string;
  doc: string;
  default: number | boolean | string | null;
  min: number | null;
  max: number | null;
  /** The values it may have; empty = any. */
  choices: string[];
  /** A value outside the range is taken as the nearest one inside, and a warning logged; else it is refused. */
  soft: boolean;
  /** What llama.app calls it: flags and environment variables. */
  aliases: string[];
}
