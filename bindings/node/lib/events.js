'use strict';

const NONE = Object.freeze([]);

/** A token was generated. */
class TextEvent {
  #bytes;

  constructor(text, token, replaced, bytes, logprob, topLogprobs) {
    this.kind = 'text';
    this.text = text;
    this.token = token ?? null;
    this.replaced = replaced ?? false;
    this.logprob = logprob ?? null;
    this.topLogprobs = topLogprobs ?? NONE;
    this.#bytes = bytes;
  }

  /** Made when asked for: nearly always they are the text's. */
  get bytes() {
    return (this.#bytes ??= new TextEncoder().encode(this.text));
  }
}

/** A token of what the model thinks before it answers. */
const reasoningEvent = (reasoning, token) => ({ kind: 'reasoning', reasoning, token: token ?? null });

/** A token of the prompt, and how likely it was. */
const promptEvent = (prompt, { token, bytes, logprob, topLogprobs }) => ({
  kind: 'prompt',
  prompt,
  token: token ?? null,
  bytes,
  logprob: logprob ?? null,
  topLogprobs,
});

/** The request stands still until it is resumed. */
const logitsEvent = (logits, position) => ({ kind: 'logits', logits, position });

/** A call of a tool begins, or goes on with arguments. */
const callEvent = ({ index, id, name, arguments: piece }) =>
  name === undefined
    ? { kind: 'tool_call_arguments', index, arguments: piece }
    : { kind: 'tool_call', index, id, name };

const tokenLogprob = ({ token, logprob, bytes, topLogprobs }) => ({ token, logprob, bytes, topLogprobs });
const progressEvent = ({ progress, phase = null, done, total }) => ({ kind: 'progress', progress, phase, done, total });
const finalEvent = ({ finishReason, usage, timings }) => ({ kind: 'final', finishReason, usage, timings });

module.exports = {
  TextEvent,
  callEvent,
  finalEvent,
  logitsEvent,
  progressEvent,
  promptEvent,
  reasoningEvent,
  tokenLogprob,
};
