"""The options, as types. Generated from the table by generate_options.py. Do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

# None is the same as leaving an option out: it keeps its default.


class RequestOptions(TypedDict, total=False):
    """Options of a request."""

    max_tokens: int | None
    """Most tokens to generate; 0 = until the model ends or the window is full, and under `overflow = shift` 1048576. (0
    to 2147483647 tokens, default 0)"""
    deadline_ms: int | None
    """Time for the whole request, from the call, waiting included; given to a model, for its load as well; 0 = none;
    unset = the runtime's `default_deadline_ms`. (0 to 86400000 ms)"""
    stop: str | Sequence[str] | None
    """Texts that end the answer; they are never part of it."""
    priority: Literal["low", "normal", "high"] | None
    """Who goes first. A request that waits counts one level higher for each 10 s, so that nothing starves. (default
    normal)"""
    overload: Literal["reject", "wait", "displace"] | None
    """When `queue_limit` requests wait: refuse with `queue_full`; stand outside until there is a place, as many at
    most; or displace the youngest of the least urgent that wait, if it is less urgent, which ends with `displaced`.
    (default reject)"""
    event_queue: int | None
    """Events that may wait to be read; then the request pauses until the reader catches up. (1 to 1048576 events,
    default 256)"""
    add_special: bool | None
    """Raw prompts: let the tokenizer add the model's BOS token to the first text of the session. (default True)"""
    parse_special: bool | None
    """Raw prompts: read the names of control tokens in the text as these tokens. (default False)"""
    seed: int | None
    """Seed of the sampler; unset or 4294967295 = a new one for each request. (0 to 4294967295)"""
    choice: int | None
    """Which of several answers to the same prompt this is: added to `seed`, so that they differ. Choices of one prompt
    that are asked together share its computation. (0 to 255, default 0)"""
    temperature: float | None
    """Sharpness of the distribution; 0 = always the likeliest token. (0 to 100, else clamped, default 0.8)"""
    top_k: int | None
    """Keep the k likeliest tokens; 0 = all. (0 to 2147483647 tokens, else clamped, default 40)"""
    top_p: float | None
    """Keep the likeliest tokens that make up this probability; 1 = all. (0 to 1, else clamped, default 0.95)"""
    min_p: float | None
    """Drop tokens less likely than this fraction of the likeliest; 0 = none. (0 to 1, else clamped, default 0.05)"""
    typical_p: float | None
    """Locally typical sampling; 1 = off. (0 to 1, default 1)"""
    top_n_sigma: float | None
    """Keep logits within this many standard deviations of the highest; -1 = off. (-1 to 100, default -1)"""
    repeat_penalty: float | None
    """Penalty on repeated tokens; 1 = off. (0.01 to 100, default 1)"""
    repeat_last_n: int | None
    """How far back the penalties look; 0 = off. (0 to 1048576 tokens, default 64)"""
    presence_penalty: float | None
    """Penalty on any token that occurred; 0 = off. (-100 to 100, default 0)"""
    frequency_penalty: float | None
    """Penalty that grows with a token's count; 0 = off. (-100 to 100, default 0)"""
    dry_multiplier: float | None
    """Strength of the DRY repetition penalty; 0 = off. (0 to 100, default 0)"""
    dry_base: float | None
    """Base of the DRY penalty's growth. (0 to 100, default 1.75)"""
    dry_allowed_length: int | None
    """Repetitions up to this length are free of the DRY penalty. (0 to 1048576 tokens, default 2)"""
    dry_penalty_last_n: int | None
    """How far back DRY looks; 0 = off. (0 to 1048576 tokens, default 64)"""
    dry_sequence_breakers: str | Sequence[str] | None
    """Texts at which a repetition ends for DRY; unset = line feed, `:`, `"` and `*`. What comes before a `none` does
    not count, so that it alone means that there are none."""
    xtc_probability: float | None
    """Chance that XTC removes the likeliest tokens; 0 = off. (0 to 1, else clamped, default 0)"""
    xtc_threshold: float | None
    """Probability a token needs to be removed by XTC; above 0.5 = off. (0 to 1, else clamped, default 0.1)"""
    dynatemp_range: float | None
    """Half-width of the dynamic temperature; 0 = off. (0 to 100, default 0)"""
    dynatemp_exponent: float | None
    """How entropy maps to dynamic temperature. (0 to 100, default 1)"""
    mirostat: int | None
    """Mirostat version, instead of the other samplers; 0 = off. (0 to 2, else clamped, default 0)"""
    mirostat_lr: float | None
    """Mirostat's learning rate (eta). (0 to 100, default 0.1)"""
    mirostat_ent: float | None
    """Mirostat's target entropy (tau). (0 to 100, default 5)"""
    adaptive_target: float | None
    """Probability of the tokens that adaptive-p prefers, which follows what was chosen lately; below 0 = off. It
    chooses the token, and only where `samplers` name `adaptive_p`. (-1 to 1, default -1)"""
    adaptive_decay: float | None
    """How long adaptive-p remembers: the part that what was chosen keeps with each token. (0 to 0.99, default 0.9)"""
    samplers: str | None
    """Sampler names in order, separated by `;`; unset =
    penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature."""
    sampler_seq: str | None
    """The same with a letter for each: e = penalties, d = dry, s = top_n_sigma, k = top_k, y = typ_p, p = top_p, m =
    min_p, x = xtc, t = temperature, a = adaptive_p, i = infill. It goes before `samplers` that are set at the same
    place or below."""
    logit_bias: str | Sequence[str] | Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float] | None
    """Changes of tokens' chances, each TOKEN=BIAS. TOKEN is a token's number, or a text, each of whose tokens it
    concerns, in quotes (as in JSON) where it could be a number. BIAS is added to the logit before anything else: a
    number from -1000000 to 1000000, or `-inf` or `false`, which ban the token. Not with `typical_p` below 1."""
    logprobs: int | None
    """Tell with each token of the answer the logarithm of its probability, and of those of so many of the likeliest in
    its place; 0 = of its own alone; -1 = none. (-1 to 64 tokens, default -1)"""
    logprobs_after_sampling: bool | None
    """Which probabilities `logprobs` tells: on = of the tokens that the samplers left, as the choice was made; off =
    the model's own, of the whole vocabulary, before a constraint, `logit_bias` or a sampler changed any. (default
    False)"""
    prompt_logprobs: int | None
    """Tell of each token of the prompt, before the answer, how likely it was, as `logprobs` does of the answer's. The
    whole prompt is computed for that, whatever was computed before. -1 = no. (-1 to 64 tokens, default -1)"""
    pause_for_logits: bool | None
    """Before each token of the answer, tell the logits and stand still until the request is resumed, with these or
    others to choose from. (default False)"""
    grammar: str | None
    """GBNF grammar the answer must follow. Of `grammar`, `json_schema`, `json_object`, `regex` and `lark` at most one
    may be given, and not with `typical_p` below 1."""
    json_schema: str | dict[str, Any] | list[Any] | type[Any] | None
    """JSON Schema, as JSON, of the one JSON value that the answer must be."""
    json_object: bool | None
    """The answer must be a JSON object. (default False)"""
    regex: str | None
    """Regular expression the whole answer must match, in the syntax of Rust's regex crate without anchors."""
    lark: str | None
    """Lark grammar the answer must follow, in llguidance's dialect; its first rule is `start`."""
    ignore_eos: bool | None
    """Never let the model end its answer. (default False)"""
    tools: str | dict[str, Any] | list[Any] | None
    """Tools that the model may call, as a JSON list of OpenAI's tool definitions. Not together with a constraint."""
    tool_choice: str | None
    """Whether it calls one: auto (or unset) = as it likes, none, required, or the name of the one it must call."""
    parallel_tool_calls: bool | None
    """Let an answer have several calls. (default False)"""
    reasoning: Literal["auto", "on", "off"] | None
    """Whether the model may think before it answers, where its chat template lets one choose: auto and on = yes.
    (default auto)"""
    reasoning_format: Literal["auto", "none", "deepseek"] | None
    """What becomes of the thinking: none = it is a part of the text, which a constraint then holds from its first
    token; auto and deepseek = it has events of its own, and a constraint holds what comes after it. (default auto)"""
    reasoning_budget: int | None
    """Most tokens of thinking; -1 = no limit. (-1 to 2147483647 tokens, default -1)"""
    reasoning_budget_message: str | None
    """What the model is made to think last when `reasoning_budget` is used up. Plain text, never read as control
    tokens."""
    reasoning_effort: str | None
    """How much the model should think, for chat templates that know the variable `reasoning_effort`: minimal, low,
    medium, high or what else a template knows; unset or default = as the template has it. `chat_template_kwargs` go
    before it."""
    reasoning_preserve: bool | None
    """Show the model the thinking of all its earlier answers, not of the last one alone, where its chat template lets
    one choose: the variable `preserve_reasoning`. `chat_template_kwargs` go before it. (default True)"""
    continue_final_message: bool | None
    """Messages may end with one of the assistant, which the model then goes on with: the answer is what follows it.
    (default False)"""
    chat_template_kwargs: str | dict[str, Any] | list[Any] | None
    """Variables of the chat template, as a JSON object."""


class SessionOptions(RequestOptions, total=False):
    """Options of a session, and defaults for its requests."""

    system_prompt: str | None
    """The conversation's system message."""
    overflow: Literal["error", "stop", "shift"] | None
    """When the window is full: fail with `context_overflow`, stop with finish_reason `length`, or drop the oldest
    tokens after the system prompt. (default error)"""
    on_cancel: Literal["keep", "rollback"] | None
    """What a session keeps of a request that was cancelled, expired or failed after its first token: question and
    partial answer, or nothing. (default keep)"""


class ModelOptions(SessionOptions, total=False):
    """Options of a model, and defaults for its sessions and requests."""

    ctx_size: int | None
    """Context window of a session; 0 = the model's training context; unset = that, but at most 4096, and what fits the
    runtime's `memory_budget`. (0 to 2147483392 tokens)"""
    kv_pool: int | None
    """Tokens that the KV cache holds, of all sessions together; unset, or less than `ctx_size` = `ctx_size`. (1 to
    2147483392 tokens)"""
    batch_size: int | None
    """Upper limit of `ubatch_size`. (1 to 2147483392 tokens, default 2048)"""
    ubatch_size: int | None
    """Tokens computed at once in prefill: the unit of progress, and of cancellation on a GPU. (1 to 2147483392 tokens,
    default 512)"""
    threads: int | None
    """Compute threads for decoding; unset = the machine's physical cores, at most 8. More than the process has
    processors are not used. (1 to 512 threads)"""
    threads_batch: int | None
    """Compute threads for prefill; unset = `threads`. More than the process has processors are not used. (1 to 512
    threads)"""
    gpu_layers: int | None
    """Layers to keep on the GPU; -1 = all. Means nothing in a build without a GPU backend. (-1 to 2147483647 layers,
    default -1)"""
    devices: str | None
    """GPUs to use, by name, with commas between; none = the CPU alone; unset = all."""
    split_mode: Literal["none", "layer", "row"] | None
    """How a model is spread over several GPUs: not, so that `main_gpu` has all of it; layer by layer; or by the rows of
    each tensor, where the backend can. (default layer)"""
    main_gpu: int | None
    """The GPU that has the model under `split_mode = none`: its place among those used, from 0. (0 to 127, default
    0)"""
    tensor_split: str | None
    """How large the GPUs' parts are, as numbers in proportion, such as `3,1`; unset = as their free memory is."""
    override_tensor: str | Sequence[str] | None
    """Where tensors go, each PATTERN=BUFFER, or several with commas between. PATTERN is a regular expression
    (ECMAScript's, with at most three repetitions, and none of a group) that is found in the tensor's name, BUFFER a
    device's kind of memory, such as `CPU`. The first that fits holds."""
    cpu_moe: bool | None
    """Keep the experts of all layers in the CPU's memory. (default False)"""
    n_cpu_moe: int | None
    """Keep the experts of the first layers in the CPU's memory. (0 to 512 layers, default 0)"""
    n_cpu_ffn: int | None
    """Keep the dense feed-forward weights of the first layers in the CPU's memory. (0 to 512 layers, default 0)"""
    kv_offload: bool | None
    """Keep the KV cache of layers on a GPU there. (default True)"""
    op_offload: bool | None
    """Let a GPU compute long prompts with weights that are in the CPU's memory. (default True)"""
    repack: bool | None
    """Bring weights into the order that the processor computes fastest with. (default True)"""
    no_host: bool | None
    """Use no memory of the host that a GPU reads by itself, so that `repack` applies there. (default False)"""
    flash_attn: Literal["auto", "on", "off"] | None
    """Flash attention. (default auto)"""
    cache_type_k: Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"] | None
    """Number format of the K cache. (default f16)"""
    cache_type_v: Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"] | None
    """Number format of the V cache; a quantized one needs flash attention. (default f16)"""
    load_mode: Literal["auto", "none", "mmap", "mlock", "mmap+mlock", "dio"] | None
    """How the weights come into memory: auto = mapped, if `mmap` is on and every device can, else read; none = read;
    mmap = mapped; mlock = read, and locked there; mmap+mlock = mapped and locked; dio = read past the system's cache,
    where it can. If the system refuses to lock, the log says so. (default auto)"""
    lazy_mode: Literal["auto", "on", "off"] | None
    """Whether tensors of which a step needs few rows stay in the file until it does; auto = those of more than 4 GiB.
    Few architectures have any. (default auto)"""
    mmap: bool | None
    """Under `load_mode = auto`: map the file instead of reading it into memory. A mapped file must not be cut off or
    overwritten while the model lives: that ends the process or changes answers. Replace it by renaming another over it,
    or load without mapping. (default True)"""
    rope_scaling: Literal["model", "none", "linear", "yarn"] | None
    """How RoPE is stretched to a window longer than that of the training; model = as the file says. (default model)"""
    rope_scale: float | None
    """How many times as long the window gets by RoPE's stretching; 0 = as the file says. (0 to 1000000, default 0)"""
    rope_freq_scale: float | None
    """The same said as a factor of RoPE's frequencies: one over `rope_scale`. Where both are set at one place, this one
    counts; 0 = as the file says. (0 to 1000, default 0)"""
    rope_freq_base: float | None
    """Base of RoPE's frequencies, 2 or more; 0 = the model's. (0 to 1000000000000, default 0)"""
    yarn_orig_ctx: int | None
    """YaRN: the window of the training; 0 = as the file says. (0 to 2147483647 tokens, default 0)"""
    yarn_ext_factor: float | None
    """YaRN: how much of the low frequencies is stretched, 1 = all; below 0 = as the file says. (-1 to 1000, default
    -1)"""
    yarn_attn_factor: float | None
    """YaRN: factor of the attention where `yarn_ext_factor` is 0; below 0 = as the file says. (-1 to 1000, default
    -1)"""
    yarn_beta_fast: float | None
    """YaRN: rotations over the window above which a frequency stays as it is; below 0 = as the file says. (-1 to
    1000000, default -1)"""
    yarn_beta_slow: float | None
    """YaRN: rotations over the window below which a frequency is stretched in full; below 0 = as the file says. (-1 to
    1000000, default -1)"""
    override_kv: str | Sequence[str] | None
    """Values in the place of the file's, each KEY=TYPE:VALUE, or several with commas between; TYPE is int, float, bool
    or str, and has to be what the file has there. They are checked as if the file had them. Metadata that is told stays
    the file's."""
    check_tensors: bool | None
    """Check every tensor's numbers while loading. (default False)"""
    max_sessions: int | None
    """Sessions that may exist at once; the next one gets `session_limit`. More than `max_running` take turns. (1 to
    65536 sessions, default 256)"""
    max_running: int | None
    """Requests computed at once, and sequences in the KV cache, which running requests, idle sessions and cached
    prefixes share. Each costs memory for one row of logits: 4 bytes a token of the vocabulary. (1 to 256 requests,
    default 16)"""
    queue_limit: int | None
    """Requests that may wait to start; what happens to the next one is its `overload`. (1 to 65536 requests, default
    64)"""
    prompt_cache_mib: int | None
    """Memory for computed prompts that had to leave the KV cache, the least recently used of which goes first; 0 =
    none. (0 to 16777216 MiB, default 512)"""
    step_target_ms: int | None
    """How long a step should take while answers are being generated: longer prompts are then computed in smaller
    chunks. (1 to 60000 ms, default 50)"""
    adapt_threads: bool | None
    """Use fewer compute threads while other programs keep the processors busy; off = always `threads` and
    `threads_batch`. (default True)"""
    cpu_affinity: str | None
    """Processors that compute threads may use, such as `0-3,6`; unset = all. Linux and Android only. More threads than
    these are not used."""
    cpu_priority: Literal["low", "normal", "high"] | None
    """How urgent compute threads are, against other threads of the machine: low lets them go first, high needs a
    privilege and is else normal. Linux and Android only; elsewhere it does nothing. (default normal)"""
    fixed_shape: bool | None
    """Repeatable text: one compute thread, prefill in full chunks, one request at a time, and nothing of what other
    sessions computed is used. (default False)"""
    chat_template: str | None
    """Jinja source to use instead of the model's own chat template; `chatml` = that of ChatML."""
    chat_template_file: str | None
    """File with the Jinja source to use instead of the model's own chat template, in place of `chat_template`."""
    offline: bool | None
    """Download nothing: a model of the hub must be in the cache, else `offline` is what the error says. Unset, the
    variable HF_HUB_OFFLINE says so too. (default False)"""
    cache_dir: str | None
    """Folder of what is downloaded; unset = the first that is set of LLAMA_CACHE, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
    HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub, which other tools share."""
    hub_endpoint: str | None
    """Address of the hub; unset = MODEL_ENDPOINT, HF_ENDPOINT, else https://huggingface.co."""
    hub_token: str | None
    """Access token, sent to the hub and to no other host; unset = HF_TOKEN; an empty text = none. It is shown
    nowhere."""


class RuntimeOptions(ModelOptions, total=False):
    """Options of a runtime, and defaults for all below."""

    default_deadline_ms: int | None
    """Deadline of every request that sets none; 0 = no deadline. (0 to 86400000 ms, default 0)"""
    memory_budget: int | None
    """Memory of the machine that all models of the runtime may take together: weights, KV caches, what is computed
    with, computed prompts; 0 = no limit. A model whose `ctx_size`, `kv_pool`, `prompt_cache_mib` or `gpu_layers` are
    unset gets what fits; one that does not fit gets `memory_budget`. (0 to 16777216 MiB, default 0)"""
    unload_idle: bool | None
    """Unload models that no request asks anything, the one asked longest ago first, when another one does not fit the
    `memory_budget`. Their handles answer `unloaded`. (default False)"""
