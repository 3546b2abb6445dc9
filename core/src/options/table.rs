//! The one table of options. A new option is one row here plus one read of it where it takes effect.

use super::aliases::resolve;

/// What kind of value a key takes, its range and its default.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// An integer; both ends belong to the range.
    I64 {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
        /// Used when unset; `None` = decided at run time, as the doc line says.
        default: Option<i64>,
        /// Whether a value outside is clamped, and that said, instead of refused.
        soft: bool,
    },
    /// A finite number; both ends belong to the range.
    F64 {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Used when unset.
        default: f64,
        /// Whether a value outside is clamped, and that said, instead of refused.
        soft: bool,
    },
    /// A switch.
    Bool {
        /// Used when unset.
        default: bool,
    },
    /// Text.
    Str {
        /// Used when unset; `None` = nothing.
        default: Option<&'static str>,
        /// The only values allowed; empty = any text.
        choices: &'static [&'static str],
    },
    /// A list of texts, empty when unset.
    List {
        /// Most elements.
        max_items: usize,
        /// Longest element, in bytes.
        max_bytes: usize,
    },
}

impl Kind {
    /// The kind in words.
    pub fn name(self) -> &'static str {
        match self {
            Kind::I64 { .. } => "an integer",
            Kind::F64 { .. } => "a number",
            Kind::Bool { .. } => "a switch",
            Kind::Str { .. } => "text",
            Kind::List { .. } => "a list of texts",
        }
    }
}

/// The object an option belongs to. An option may be given to that object or to one above it, as a default for all below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// `Runtime::new`.
    Runtime,
    /// Loading a model.
    Model,
    /// Creating a session.
    Session,
    /// Starting a request.
    Request,
}

impl Scope {
    /// The scope in one word.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Runtime => "runtime",
            Scope::Model => "model",
            Scope::Session => "session",
            Scope::Request => "request",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Spec {
    /// The name, the same on every surface. llama.app's names are in `aliases.rs`.
    pub key: &'static str,
    /// Value kind, range and default.
    pub kind: Kind,
    /// The object it belongs to.
    pub scope: Scope,
    /// Unit of the value, empty when it has none.
    pub unit: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
}

impl Spec {
    /// Whether its value is for nobody's eyes.
    pub fn is_secret(&self) -> bool {
        self.key == "hub_token"
    }
}

/// Every option, grouped by scope.
pub fn table() -> &'static [Spec] {
    TABLE
}

/// The row of a key.
pub fn find(key: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.key == key)
}

/// The key most like a name that is none, or the key that another name stands for.
pub(super) fn nearest(key: &str) -> &'static str {
    if let Some(spec) = resolve(key).or_else(|| resolve(&key.replace('_', "-"))) {
        return spec.key;
    }
    TABLE.iter().max_by_key(|spec| likeness(key, spec.key)).map_or("", |spec| spec.key)
}

/// How much a misspelt name looks like a right one.
pub(super) fn likeness(name: &str, right: &str) -> u64 {
    (strsim::jaro_winkler(name, right) * 1e6) as u64
}

const fn int(min: i64, max: i64, default: i64) -> Kind {
    Kind::I64 { min, max, default: Some(default), soft: false }
}

const fn int_or_auto(min: i64, max: i64) -> Kind {
    Kind::I64 { min, max, default: None, soft: false }
}

const fn num(min: f64, max: f64, default: f64) -> Kind {
    Kind::F64 { min, max, default, soft: false }
}

// Where a range is soft, llama.app's server clamps too (tools/server/server-schema.cpp, `set_limits`).

const fn soft_int(min: i64, max: i64, default: i64) -> Kind {
    Kind::I64 { min, max, default: Some(default), soft: true }
}

const fn soft_num(min: f64, max: f64, default: f64) -> Kind {
    Kind::F64 { min, max, default, soft: true }
}

const fn choice(default: &'static str, choices: &'static [&'static str]) -> Kind {
    Kind::Str { default: Some(default), choices }
}

const SWITCH_OFF: Kind = Kind::Bool { default: false };
const SWITCH_ON: Kind = Kind::Bool { default: true };
const TEXT: Kind = Kind::Str { default: None, choices: &[] };
const CACHE_TYPES: &[&str] = &["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"];
const I32_MAX: i64 = i32::MAX as i64;
/// llama.cpp rounds up to multiples of 256, within 32 bits.
const LARGEST_SIZE: i64 = I32_MAX - 255;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The samplers keep that many tokens for each request.
const PENALTY_WINDOW: i64 = 1 << 20;

macro_rules! rows {
    ($($scope:ident { $($key:literal, $kind:expr, $unit:literal, $doc:literal;)+ })+) => {
        &[$($(Spec { key: $key, kind: $kind, scope: Scope::$scope, unit: $unit, doc: $doc },)+)+]
    };
}

// Sampling defaults are llama.app's (llama.cpp common/common.h, common_params_sampling).
const TABLE: &[Spec] = rows! {
    Runtime {
        "default_deadline_ms", int(0, DAY_MS, 0), "ms", "Deadline of every request that sets none; 0 = no deadline.";
        "memory_budget", int(0, 1 << 24, 0), "MiB", "Memory of the machine that all models of the runtime may take together: weights, KV caches, what is computed with, computed prompts; 0 = no limit. A model whose `ctx_size`, `kv_pool`, `prompt_cache_mib` or `gpu_layers` are unset gets what fits; one that does not fit gets `memory_budget`.";
        "unload_idle", SWITCH_OFF, "", "Unload models that no request asks anything, the one asked longest ago first, when another one does not fit the `memory_budget`. Their handles answer `unloaded`.";
    }
    Model {
        "ctx_size", int_or_auto(0, LARGEST_SIZE), "tokens", "Context window of a session; 0 = the model's training context; unset = that, but at most 4096, and what fits the runtime's `memory_budget`.";
        "kv_pool", int_or_auto(1, LARGEST_SIZE), "tokens", "Tokens that the KV cache holds, of all sessions together; unset, or less than `ctx_size` = `ctx_size`.";
        "batch_size", int(1, LARGEST_SIZE, 2048), "tokens", "Upper limit of `ubatch_size`.";
        "ubatch_size", int(1, LARGEST_SIZE, 512), "tokens", "Tokens computed at once in prefill: the unit of progress, and of cancellation on a GPU.";
        "threads", int_or_auto(1, 512), "threads", "Compute threads for decoding; unset = the machine's physical cores, at most 8. More than the process has processors are not used.";
        "threads_batch", int_or_auto(1, 512), "threads", "Compute threads for prefill; unset = `threads`. More than the process has processors are not used.";
        "gpu_layers", int(-1, I32_MAX, -1), "layers", "Layers to keep on the GPU; -1 = all. Means nothing in a build without a GPU backend.";
        "devices", TEXT, "", "GPUs to use, by name, with commas between; none = the CPU alone; unset = all.";
        "split_mode", choice("layer", &["none", "layer", "row"]), "", "How a model is spread over several GPUs: not, so that `main_gpu` has all of it; layer by layer; or by the rows of each tensor, where the backend can.";
        "main_gpu", int(0, 127, 0), "", "The GPU that has the model under `split_mode = none`: its place among those used, from 0.";
        "tensor_split", TEXT, "", "How large the GPUs' parts are, as numbers in proportion, such as `3,1`; unset = as their free memory is.";
        "override_tensor", Kind::List { max_items: 256, max_bytes: 512 }, "", "Where tensors go, each PATTERN=BUFFER, or several with commas between. PATTERN is a regular expression (ECMAScript's, with at most three repetitions, and none of a group) that is found in the tensor's name, BUFFER a device's kind of memory, such as `CPU`. The first that fits holds.";
        "cpu_moe", SWITCH_OFF, "", "Keep the experts of all layers in the CPU's memory.";
        "n_cpu_moe", int(0, 512, 0), "layers", "Keep the experts of the first layers in the CPU's memory.";
        "n_cpu_ffn", int(0, 512, 0), "layers", "Keep the dense feed-forward weights of the first layers in the CPU's memory.";
        "kv_offload", SWITCH_ON, "", "Keep the KV cache of layers on a GPU there.";
        "op_offload", SWITCH_ON, "", "Let a GPU compute long prompts with weights that are in the CPU's memory.";
        "repack", SWITCH_ON, "", "Bring weights into the order that the processor computes fastest with.";
        "no_host", SWITCH_OFF, "", "Use no memory of the host that a GPU reads by itself, so that `repack` applies there.";
        "flash_attn", choice("auto", &["auto", "on", "off"]), "", "Flash attention.";
        "cache_type_k", choice("f16", CACHE_TYPES), "", "Number format of the K cache.";
        "cache_type_v", choice("f16", CACHE_TYPES), "", "Number format of the V cache; a quantized one needs flash attention.";
        "load_mode", choice("auto", &["auto", "none", "mmap", "mlock", "mmap+mlock", "dio"]), "", "How the weights come into memory: auto = mapped, if `mmap` is on and every device can, else read; none = read; mmap = mapped; mlock = read, and locked there; mmap+mlock = mapped and locked; dio = read past the system's cache, where it can. If the system refuses to lock, the log says so.";
        "lazy_mode", choice("auto", &["auto", "on", "off"]), "", "Whether tensors of which a step needs few rows stay in the file until it does; auto = those of more than 4 GiB. Few architectures have any.";
        "mmap", SWITCH_ON, "", "Under `load_mode = auto`: map the file instead of reading it into memory. A mapped file must not be cut off or overwritten while the model lives: that ends the process or changes answers. Replace it by renaming another over it, or load without mapping.";
        "rope_scaling", choice("model", &["model", "none", "linear", "yarn"]), "", "How RoPE is stretched to a window longer than that of the training; model = as the file says.";
        "rope_scale", num(0.0, 1e6, 0.0), "", "How many times as long the window gets by RoPE's stretching; 0 = as the file says.";
        "rope_freq_scale", num(0.0, 1000.0, 0.0), "", "The same said as a factor of RoPE's frequencies: one over `rope_scale`. Where both are set at one place, this one counts; 0 = as the file says.";
        "rope_freq_base", num(0.0, 1e12, 0.0), "", "Base of RoPE's frequencies, 2 or more; 0 = the model's.";
        "yarn_orig_ctx", int(0, I32_MAX, 0), "tokens", "YaRN: the window of the training; 0 = as the file says.";
        "yarn_ext_factor", num(-1.0, 1000.0, -1.0), "", "YaRN: how much of the low frequencies is stretched, 1 = all; below 0 = as the file says.";
        "yarn_attn_factor", num(-1.0, 1000.0, -1.0), "", "YaRN: factor of the attention where `yarn_ext_factor` is 0; below 0 = as the file says.";
        "yarn_beta_fast", num(-1.0, 1e6, -1.0), "", "YaRN: rotations over the window above which a frequency stays as it is; below 0 = as the file says.";
        "yarn_beta_slow", num(-1.0, 1e6, -1.0), "", "YaRN: rotations over the window below which a frequency is stretched in full; below 0 = as the file says.";
        "override_kv", Kind::List { max_items: 64, max_bytes: 512 }, "", "Values in the place of the file's, each KEY=TYPE:VALUE, or several with commas between; TYPE is int, float, bool or str, and has to be what the file has there. They are checked as if the file had them. Metadata that is told stays the file's.";
        "check_tensors", SWITCH_OFF, "", "Check every tensor's numbers while loading.";
        "max_sessions", int(1, 65536, 256), "sessions", "Sessions that may exist at once; the next one gets `session_limit`. More than `max_running` take turns.";
        "max_running", int(1, 256, 16), "requests", "Requests computed at once, and sequences in the KV cache, which running requests, idle sessions and cached prefixes share. Each costs memory for one row of logits: 4 bytes a token of the vocabulary.";
        "queue_limit", int(1, 65536, 64), "requests", "Requests that may wait to start; what happens to the next one is its `overload`.";
        "prompt_cache_mib", int(0, 1 << 24, 512), "MiB", "Memory for computed prompts that had to leave the KV cache, the least recently used of which goes first; 0 = none.";
        "step_target_ms", int(1, 60_000, 50), "ms", "How long a step should take while answers are being generated: longer prompts are then computed in smaller chunks.";
        "adapt_threads", SWITCH_ON, "", "Use fewer compute threads while other programs keep the processors busy; off = always `threads` and `threads_batch`.";
        "cpu_affinity", TEXT, "", "Processors that compute threads may use, such as `0-3,6`; unset = all. Linux and Android only. More threads than these are not used.";
        "cpu_priority", choice("normal", &["low", "normal", "high"]), "", "How urgent compute threads are, against other threads of the machine: low lets them go first, high needs a privilege and is else normal. Linux and Android only; elsewhere it does nothing.";
        "fixed_shape", SWITCH_OFF, "", "Repeatable text: one compute thread, prefill in full chunks, one request at a time, and nothing of what other sessions computed is used.";
        "chat_template", TEXT, "", "Jinja source to use instead of the model's own chat template; `chatml` = that of ChatML.";
        "chat_template_file", TEXT, "", "File with the Jinja source to use instead of the model's own chat template, in place of `chat_template`.";
        "offline", SWITCH_OFF, "", "Download nothing: a model of the hub must be in the cache, else `offline` is what the error says. Unset, the variable HF_HUB_OFFLINE says so too.";
        "cache_dir", TEXT, "", "Folder of what is downloaded; unset = the first that is set of LLAMA_CACHE, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub, which other tools share.";
        "hub_endpoint", TEXT, "", "Address of the hub; unset = MODEL_ENDPOINT, HF_ENDPOINT, else https://huggingface.co.";
        "hub_token", TEXT, "", "Access token, sent to the hub and to no other host; unset = HF_TOKEN; an empty text = none. It is shown nowhere.";
    }
    Session {
        "system_prompt", TEXT, "", "The conversation's system message.";
        "overflow", choice("error", &["error", "stop", "shift"]), "", "When the window is full: fail with `context_overflow`, stop with finish_reason `length`, or drop the oldest tokens after the system prompt.";
        "on_cancel", choice("keep", &["keep", "rollback"]), "", "What a session keeps of a request that was cancelled, expired or failed after its first token: question and partial answer, or nothing.";
    }
    Request {
        "max_tokens", int(0, I32_MAX, 0), "tokens", "Most tokens to generate; 0 = until the model ends or the window is full, and under `overflow = shift` 1048576.";
        "deadline_ms", int_or_auto(0, DAY_MS), "ms", "Time for the whole request, from the call, waiting included; given to a model, for its load as well; 0 = none; unset = the runtime's `default_deadline_ms`.";
        "stop", Kind::List { max_items: 64, max_bytes: 1024 }, "", "Texts that end the answer; they are never part of it.";
        "priority", choice("normal", &["low", "normal", "high"]), "", "Who goes first. A request that waits counts one level higher for each 10 s, so that nothing starves.";
        "overload", choice("reject", &["reject", "wait", "displace"]), "", "When `queue_limit` requests wait: refuse with `queue_full`; stand outside until there is a place, as many at most; or displace the youngest of the least urgent that wait, if it is less urgent, which ends with `displaced`.";
        "event_queue", int(1, 1_048_576, 256), "events", "Events that may wait to be read; then the request pauses until the reader catches up.";
        "add_special", SWITCH_ON, "", "Raw prompts: let the tokenizer add the model's BOS token to the first text of the session.";
        "parse_special", SWITCH_OFF, "", "Raw prompts: read the names of control tokens in the text as these tokens.";
        "seed", int_or_auto(0, u32::MAX as i64), "", "Seed of the sampler; unset or 4294967295 = a new one for each request.";
        "choice", int(0, 255, 0), "", "Which of several answers to the same prompt this is: added to `seed`, so that they differ. Choices of one prompt that are asked together share its computation.";
        "temperature", soft_num(0.0, 100.0, 0.8), "", "Sharpness of the distribution; 0 = always the likeliest token.";
        "top_k", soft_int(0, I32_MAX, 40), "tokens", "Keep the k likeliest tokens; 0 = all.";
        "top_p", soft_num(0.0, 1.0, 0.95), "", "Keep the likeliest tokens that make up this probability; 1 = all.";
        "min_p", soft_num(0.0, 1.0, 0.05), "", "Drop tokens less likely than this fraction of the likeliest; 0 = none.";
        "typical_p", num(0.0, 1.0, 1.0), "", "Locally typical sampling; 1 = off.";
        "top_n_sigma", num(-1.0, 100.0, -1.0), "", "Keep logits within this many standard deviations of the highest; -1 = off.";
        "repeat_penalty", num(0.01, 100.0, 1.0), "", "Penalty on repeated tokens; 1 = off.";
        "repeat_last_n", int(0, PENALTY_WINDOW, 64), "tokens", "How far back the penalties look; 0 = off.";
        "presence_penalty", num(-100.0, 100.0, 0.0), "", "Penalty on any token that occurred; 0 = off.";
        "frequency_penalty", num(-100.0, 100.0, 0.0), "", "Penalty that grows with a token's count; 0 = off.";
        "dry_multiplier", num(0.0, 100.0, 0.0), "", "Strength of the DRY repetition penalty; 0 = off.";
        "dry_base", num(0.0, 100.0, 1.75), "", "Base of the DRY penalty's growth.";
        "dry_allowed_length", int(0, PENALTY_WINDOW, 2), "tokens", "Repetitions up to this length are free of the DRY penalty.";
        "dry_penalty_last_n", int(0, PENALTY_WINDOW, 64), "tokens", "How far back DRY looks; 0 = off.";
        "dry_sequence_breakers", Kind::List { max_items: 64, max_bytes: 40 }, "", "Texts at which a repetition ends for DRY; unset = line feed, `:`, `\"` and `*`. What comes before a `none` does not count, so that it alone means that there are none.";
        "xtc_probability", soft_num(0.0, 1.0, 0.0), "", "Chance that XTC removes the likeliest tokens; 0 = off.";
        "xtc_threshold", soft_num(0.0, 1.0, 0.1), "", "Probability a token needs to be removed by XTC; above 0.5 = off.";
        "dynatemp_range", num(0.0, 100.0, 0.0), "", "Half-width of the dynamic temperature; 0 = off.";
        "dynatemp_exponent", num(0.0, 100.0, 1.0), "", "How entropy maps to dynamic temperature.";
        "mirostat", soft_int(0, 2, 0), "", "Mirostat version, instead of the other samplers; 0 = off.";
        "mirostat_lr", num(0.0, 100.0, 0.1), "", "Mirostat's learning rate (eta).";
        "mirostat_ent", num(0.0, 100.0, 5.0), "", "Mirostat's target entropy (tau).";
        "adaptive_target", num(-1.0, 1.0, -1.0), "", "Probability of the tokens that adaptive-p prefers, which follows what was chosen lately; below 0 = off. It chooses the token, and only where `samplers` name `adaptive_p`.";
        "adaptive_decay", num(0.0, 0.99, 0.9), "", "How long adaptive-p remembers: the part that what was chosen keeps with each token.";
        "samplers", TEXT, "", "Sampler names in order, separated by `;`; unset = penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature.";
        "sampler_seq", TEXT, "", "The same with a letter for each: e = penalties, d = dry, s = top_n_sigma, k = top_k, y = typ_p, p = top_p, m = min_p, x = xtc, t = temperature, a = adaptive_p, i = infill. It goes before `samplers` that are set at the same place or below.";
        "logit_bias", Kind::List { max_items: 16_384, max_bytes: 256 }, "", "Changes of tokens' chances, each TOKEN=BIAS. TOKEN is a token's number, or a text, each of whose tokens it concerns, in quotes (as in JSON) where it could be a number. BIAS is added to the logit before anything else: a number from -1000000 to 1000000, or `-inf` or `false`, which ban the token. Not with `typical_p` below 1.";
        "logprobs", int(-1, 64, -1), "tokens", "Tell with each token of the answer the logarithm of its probability, and of those of so many of the likeliest in its place; 0 = of its own alone; -1 = none.";
        "logprobs_after_sampling", SWITCH_OFF, "", "Which probabilities `logprobs` tells: on = of the tokens that the samplers left, as the choice was made; off = the model's own, of the whole vocabulary, before a constraint, `logit_bias` or a sampler changed any.";
        "prompt_logprobs", int(-1, 64, -1), "tokens", "Tell of each token of the prompt, before the answer, how likely it was, as `logprobs` does of the answer's. The whole prompt is computed for that, whatever was computed before. -1 = no.";
        "pause_for_logits", SWITCH_OFF, "", "Before each token of the answer, tell the logits and stand still until the request is resumed, with these or others to choose from.";
        "grammar", TEXT, "", "GBNF grammar the answer must follow. Of `grammar`, `json_schema`, `json_object`, `regex` and `lark` at most one may be given, and not with `typical_p` below 1.";
        "json_schema", TEXT, "", "JSON Schema, as JSON, of the one JSON value that the answer must be.";
        "json_object", SWITCH_OFF, "", "The answer must be a JSON object.";
        "regex", TEXT, "", "Regular expression the whole answer must match, in the syntax of Rust's regex crate without anchors.";
        "lark", TEXT, "", "Lark grammar the answer must follow, in llguidance's dialect; its first rule is `start`.";
        "ignore_eos", SWITCH_OFF, "", "Never let the model end its answer.";
        "tools", TEXT, "", "Tools that the model may call, as a JSON list of OpenAI's tool definitions. Not together with a constraint.";
        "tool_choice", TEXT, "", "Whether it calls one: auto (or unset) = as it likes, none, required, or the name of the one it must call.";
        "parallel_tool_calls", SWITCH_OFF, "", "Let an answer have several calls.";
        "reasoning", choice("auto", &["auto", "on", "off"]), "", "Whether the model may think before it answers, where its chat template lets one choose: auto and on = yes.";
        "reasoning_format", choice("auto", &["auto", "none", "deepseek"]), "", "What becomes of the thinking: none = it is a part of the text, which a constraint then holds from its first token; auto and deepseek = it has events of its own, and a constraint holds what comes after it.";
        "reasoning_budget", int(-1, I32_MAX, -1), "tokens", "Most tokens of thinking; -1 = no limit.";
        "reasoning_budget_message", TEXT, "", "What the model is made to think last when `reasoning_budget` is used up. Plain text, never read as control tokens.";
        "reasoning_effort", TEXT, "", "How much the model should think, for chat templates that know the variable `reasoning_effort`: minimal, low, medium, high or what else a template knows; unset or default = as the template has it. `chat_template_kwargs` go before it.";
        "reasoning_preserve", SWITCH_ON, "", "Show the model the thinking of all its earlier answers, not of the last one alone, where its chat template lets one choose: the variable `preserve_reasoning`. `chat_template_kwargs` go before it.";
        "continue_final_message", SWITCH_OFF, "", "Messages may end with one of the assistant, which the model then goes on with: the answer is what follows it.";
        "chat_template_kwargs", TEXT, "", "Variables of the chat template, as a JSON object.";
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_defaults_lie_in_their_ranges() {
        for (i, spec) in TABLE.iter().enumerate() {
            assert!(TABLE[..i].iter().all(|other| other.key != spec.key), "{} twice", spec.key);
            assert!(spec.doc.ends_with('.'), "{}: a doc line is a sentence", spec.key);
            match spec.kind {
                Kind::I64 { min, max, default: Some(default), .. } => {
                    assert!((min..=max).contains(&default), "{}", spec.key)
                }
                Kind::F64 { min, max, default, .. } => assert!((min..=max).contains(&default), "{}", spec.key),
                Kind::Str { default: Some(default), choices } => assert!(choices.contains(&default), "{}", spec.key),
                _ => {}
            }
        }
    }
}
