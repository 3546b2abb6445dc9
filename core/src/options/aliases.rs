//! llama.app's names for our options: its flags, its environment variables, and the keys of its INI files, which are
//! its flags without dashes. Where its values are written otherwise than ours, they are translated.
//!
//! Read off llama.cpp's `common/arg.cpp`. `core/tests/llama_app_defaults.rs` has what there is, with the reason for what is not here.

use super::table::{Kind, Spec, find, table};

/// llama.app's names of one option.
pub(super) struct Alias {
    key: &'static str,
    flags: &'static [&'static str],
    /// Flags of a switch that turn it off.
    negations: &'static [&'static str],
    env: &'static [&'static str],
    /// Values that are written otherwise here.
    words: &'static [(&'static str, Word)],
    /// What on and off mean of an option that is a switch there and something else here.
    switch: Option<(&'static str, &'static str)>,
}

/// What a value of llama.app's means here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Word {
    /// This.
    Is(&'static str),
    /// As if the option were not given.
    Unset,
    /// Nothing that we have: why. Only under llama.app's names, as the same value of ours means something else.
    Refused(&'static str),
}

use Word::{Is, Refused, Unset};

const fn alias(key: &'static str, flags: &'static [&'static str]) -> Alias {
    Alias { key, flags, negations: &[], env: &[], words: &[], switch: None }
}

impl Alias {
    const fn env(self, env: &'static [&'static str]) -> Self {
        Alias { env, ..self }
    }

    const fn negated_by(self, negations: &'static [&'static str]) -> Self {
        Alias { negations, ..self }
    }

    const fn reads(self, words: &'static [(&'static str, Word)]) -> Self {
        Alias { words, ..self }
    }

    const fn switches(self, on: &'static str, off: &'static str) -> Self {
        Alias { switch: Some((on, off)), ..self }
    }
}

#[rustfmt::skip]
const ALIASES: &[Alias] = &[
    alias("ctx_size", &["-c", "--ctx-size"]).env(&["LLAMA_ARG_CTX_SIZE"]),
    alias("batch_size", &["-b", "--batch-size"]).env(&["LLAMA_ARG_BATCH"]),
    alias("ubatch_size", &["-ub", "--ubatch-size"]).env(&["LLAMA_ARG_UBATCH"]),
    alias("threads", &["-t", "--threads"]).env(&["LLAMA_ARG_THREADS"]).reads(&[("-1", Unset)]),
    alias("threads_batch", &["-tb", "--threads-batch"]).reads(&[("-1", Unset)]),
    alias("gpu_layers", &["-ngl", "--gpu-layers", "--n-gpu-layers"]).env(&["LLAMA_ARG_N_GPU_LAYERS"]).reads(&[("auto", Unset), ("all", Is("-1"))]),
    alias("flash_attn", &["-fa", "--flash-attn"]).env(&["LLAMA_ARG_FLASH_ATTN"]).switches("on", "off").reads(&[("-1", Is("auto"))]),
    alias("cache_type_k", &["-ctk", "--cache-type-k"]).env(&["LLAMA_ARG_CACHE_TYPE_K"]),
    alias("cache_type_v", &["-ctv", "--cache-type-v"]).env(&["LLAMA_ARG_CACHE_TYPE_V"]),
    alias("load_mode", &["-lm", "--load-mode"]).env(&["LLAMA_ARG_LOAD_MODE"]),
    alias("lazy_mode", &["-lzm", "--lazy-mode"]).env(&["LLAMA_ARG_LAZY_MODE"]),
    alias("devices", &["-dev", "--device"]).env(&["LLAMA_ARG_DEVICE"]),
    alias("split_mode", &["-sm", "--split-mode"]).env(&["LLAMA_ARG_SPLIT_MODE"])
        .reads(&[("tensor", Refused("it is an experiment of llama.cpp's, which aborts where it cannot split a tensor"))]),
    alias("main_gpu", &["-mg", "--main-gpu"]).env(&["LLAMA_ARG_MAIN_GPU"]),
    alias("tensor_split", &["-ts", "--tensor-split"]).env(&["LLAMA_ARG_TENSOR_SPLIT"]),
    alias("override_tensor", &["-ot", "--override-tensor"]).env(&["LLAMA_ARG_OVERRIDE_TENSOR"]),
    alias("cpu_moe", &["-cmoe", "--cpu-moe"]).env(&["LLAMA_ARG_CPU_MOE"]),
    alias("n_cpu_moe", &["-ncmoe", "--n-cpu-moe"]).env(&["LLAMA_ARG_N_CPU_MOE"]),
    alias("n_cpu_ffn", &["-ncffn", "--n-cpu-ffn"]).env(&["LLAMA_ARG_N_CPU_FFN"]),
    alias("kv_offload", &["-kvo", "--kv-offload"]).negated_by(&["-nkvo", "--no-kv-offload"]).env(&["LLAMA_ARG_KV_OFFLOAD"]),
    alias("op_offload", &["--op-offload"]).negated_by(&["--no-op-offload"]),
    alias("repack", &["--repack"]).negated_by(&["-nr", "--no-repack"]).env(&["LLAMA_ARG_REPACK"]),
    alias("no_host", &["--no-host"]).env(&["LLAMA_ARG_NO_HOST"]),
    alias("override_kv", &["--override-kv"]),
    alias("rope_scaling", &["--rope-scaling"]).env(&["LLAMA_ARG_ROPE_SCALING_TYPE"]),
    alias("rope_scale", &["--rope-scale"]).env(&["LLAMA_ARG_ROPE_SCALE"]),
    alias("rope_freq_base", &["--rope-freq-base"]).env(&["LLAMA_ARG_ROPE_FREQ_BASE"]),
    alias("rope_freq_scale", &["--rope-freq-scale"]).env(&["LLAMA_ARG_ROPE_FREQ_SCALE"]),
    alias("yarn_orig_ctx", &["--yarn-orig-ctx"]).env(&["LLAMA_ARG_YARN_ORIG_CTX"]),
    alias("yarn_ext_factor", &["--yarn-ext-factor"]).env(&["LLAMA_ARG_YARN_EXT_FACTOR"]),
    alias("yarn_attn_factor", &["--yarn-attn-factor"]).env(&["LLAMA_ARG_YARN_ATTN_FACTOR"]),
    alias("yarn_beta_slow", &["--yarn-beta-slow"]).env(&["LLAMA_ARG_YARN_BETA_SLOW"]),
    alias("yarn_beta_fast", &["--yarn-beta-fast"]).env(&["LLAMA_ARG_YARN_BETA_FAST"]),
    alias("check_tensors", &["--check-tensors"]),
    alias("max_running", &["-np", "--parallel"]).env(&["LLAMA_ARG_N_PARALLEL"]).reads(&[("-1", Unset)]),
    alias("prompt_cache_mib", &["-cram", "--cache-ram"]).env(&["LLAMA_ARG_CACHE_RAM"]).reads(&[("-1", Is("16777216"))]),
    alias("cpu_affinity", &["-Cr", "--cpu-range"]),
    alias("cpu_priority", &["--prio"]).reads(&[("-1", Is("low")), ("0", Is("normal")), ("2", Is("high"))]),
    alias("chat_template", &["--chat-template"]).env(&["LLAMA_ARG_CHAT_TEMPLATE"]),
    alias("chat_template_file", &["--chat-template-file"]).env(&["LLAMA_ARG_CHAT_TEMPLATE_FILE"]),
    alias("offline", &["--offline"]).env(&["LLAMA_ARG_OFFLINE"]),
    alias("hub_token", &["-hft", "--hf-token"]),
    alias("system_prompt", &["-sys", "--system-prompt"]),
    // Off means that an answer ends where the window does, with finish_reason `length`.
    alias("overflow", &["--context-shift"]).negated_by(&["--no-context-shift"]).env(&["LLAMA_ARG_CONTEXT_SHIFT"]).switches("shift", "stop"),
    alias("max_tokens", &["-n", "--predict", "--n-predict"]).env(&["LLAMA_ARG_N_PREDICT"])
        .reads(&[("-1", Is("0")), ("0", Refused("an answer without tokens is `ingest`; -1 is no limit"))]),
    alias("stop", &["-r", "--reverse-prompt"]),
    alias("seed", &["-s", "--seed"]).reads(&[("-1", Is("4294967295"))]),
    alias("temperature", &["--temp", "--temperature"]).env(&["LLAMA_ARG_TEMPERATURE"]),
    alias("top_k", &["--top-k"]).env(&["LLAMA_ARG_TOP_K"]),
    alias("top_p", &["--top-p"]).env(&["LLAMA_ARG_TOP_P"]),
    alias("min_p", &["--min-p"]).env(&["LLAMA_ARG_MIN_P"]),
    alias("typical_p", &["--typical", "--typical-p"]),
    alias("top_n_sigma", &["--top-nsigma", "--top-n-sigma"]),
    alias("repeat_penalty", &["--repeat-penalty"]).env(&["LLAMA_ARG_REPEAT_PENALTY"]),
    alias("repeat_last_n", &["--repeat-last-n"]),
    alias("presence_penalty", &["--presence-penalty"]).env(&["LLAMA_ARG_PRESENCE_PENALTY"]),
    alias("frequency_penalty", &["--frequency-penalty"]).env(&["LLAMA_ARG_FREQUENCY_PENALTY"]),
    alias("dry_multiplier", &["--dry-multiplier"]),
    alias("dry_base", &["--dry-base"]),
    alias("dry_allowed_length", &["--dry-allowed-length"]),
    alias("dry_penalty_last_n", &["--dry-penalty-last-n"]),
    alias("dry_sequence_breakers", &["--dry-sequence-breaker"]),
    alias("xtc_probability", &["--xtc-probability"]),
    alias("xtc_threshold", &["--xtc-threshold"]),
    alias("dynatemp_range", &["--dynatemp-range"]),
    alias("dynatemp_exponent", &["--dynatemp-exp"]),
    alias("mirostat", &["--mirostat"]),
    alias("mirostat_lr", &["--mirostat-lr"]),
    alias("mirostat_ent", &["--mirostat-ent"]),
    alias("adaptive_target", &["--adaptive-target"]),
    alias("adaptive_decay", &["--adaptive-decay"]),
    alias("samplers", &["--samplers"]),
    alias("sampler_seq", &["--sampler-seq", "--sampling-seq"]),
    // What is `15043+1` there is `15043=+1` here, and both are read.
    alias("logit_bias", &["-l", "--logit-bias"]),
    alias("grammar", &["--grammar"]),
    alias("json_schema", &["-j", "--json-schema"]),
    alias("ignore_eos", &["--ignore-eos"]),
    alias("reasoning", &["-rea", "--reasoning"]).env(&["LLAMA_ARG_REASONING"]).switches("on", "off").reads(&[("-1", Is("auto"))]),
    alias("reasoning_format", &["--reasoning-format"]).env(&["LLAMA_ARG_THINK"]),
    alias("reasoning_budget", &["--reasoning-budget"]).env(&["LLAMA_ARG_THINK_BUDGET"]),
    alias("reasoning_budget_message", &["--reasoning-budget-message"]).env(&["LLAMA_ARG_THINK_BUDGET_MESSAGE"]),
    alias("reasoning_effort", &["--reasoning-effort"]).env(&["LLAMA_ARG_REASONING_EFFORT"]),
    alias("reasoning_preserve", &["--reasoning-preserve"]).negated_by(&["--no-reasoning-preserve"]).env(&["LLAMA_ARG_REASONING_PRESERVE"]),
    alias("continue_final_message", &["--prefill-assistant"]).negated_by(&["--no-prefill-assistant"]).env(&["LLAMA_ARG_PREFILL_ASSISTANT"]),
    alias("chat_template_kwargs", &["--chat-template-kwargs"]).env(&["LLAMA_ARG_CHAT_TEMPLATE_KWARGS"]),
];

impl Spec {
    /// llama.app's flags for it, with their dashes, the short ones first.
    pub fn flags(&self) -> &'static [&'static str] {
        self.alias().map_or(&[], |alias| alias.flags)
    }

    /// llama.app's flags that turn it off.
    pub fn negations(&self) -> &'static [&'static str] {
        self.alias().map_or(&[], |alias| alias.negations)
    }

    /// llama.app's environment variables for it. Ours is `CHAKU_` and the key in capitals.
    pub fn env(&self) -> &'static [&'static str] {
        self.alias().map_or(&[], |alias| alias.env)
    }

    /// Whether a flag of it stands alone on a command line, as those of switches do: `--ignore-eos`, and `--load-mode mmap` not.
    pub fn stands_alone(&self, flag: &str) -> bool {
        let bare = flag.trim_start_matches('-');
        if bare.replace('-', "_") == self.key {
            return matches!(self.kind, Kind::Bool { .. });
        }
        let is = |flag: &&str| flag.trim_start_matches('-') == bare;
        let switch = |alias: &Alias| match self.kind {
            Kind::Bool { .. } => alias.words.is_empty(),
            _ => !alias.negations.is_empty(),
        };
        self.negations().iter().any(is) || (self.flags().iter().any(is) && self.alias().is_some_and(switch))
    }

    /// All of llama.app's names for it.
    pub fn aliases(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.flags().iter().chain(self.negations()).chain(self.env()).copied()
    }

    fn alias(&self) -> Option<&'static Alias> {
        ALIASES.iter().find(|alias| alias.key == self.key)
    }

    /// What a value of llama.app's means, if it is written otherwise here.
    pub(super) fn word(&self, text: &str) -> Option<Word> {
        self.alias()?.words.iter().find(|(word, _)| *word == text).map(|(_, means)| *means)
    }

    /// What on and off mean, if it is a switch for llama.app only.
    pub(super) fn switch(&self) -> Option<(&'static str, &'static str)> {
        self.alias()?.switch
    }
}

/// The row that a name stands for: its key (with `_` or `-`), a flag of llama.app with or without its dashes, or an
/// environment variable of ours or of llama.app.
pub fn resolve(name: &str) -> Option<&'static Spec> {
    lookup(name).map(|name| name.spec)
}

/// A name that was understood.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) spec: &'static Spec,
    /// It turns off what the others turn on.
    pub(super) negated: bool,
    /// It is llama.app's and not also ours.
    pub(super) foreign: bool,
}

pub(super) fn lookup(name: &str) -> Option<Name> {
    let bare = name.trim_start_matches('-');
    let ours = bare.strip_prefix("CHAKU_").map_or_else(|| bare.replace('-', "_"), str::to_ascii_lowercase);
    if let Some(spec) = find(&ours) {
        return Some(Name { spec, negated: false, foreign: false });
    }
    let is = |flag: &&str| flag.trim_start_matches('-') == bare;
    table().iter().find_map(|spec| {
        let named = spec.flags().iter().any(is) || spec.env().contains(&bare);
        let negated = spec.negations().iter().any(is) || is_negated_env(spec, bare);
        (named || negated).then_some(Name { spec, negated, foreign: true })
    })
}

/// Of a switch with two flags there are two variables, the second with `NO_`.
fn is_negated_env(spec: &Spec, name: &str) -> bool {
    let positive = name.strip_prefix("LLAMA_ARG_NO_").map(|rest| format!("LLAMA_ARG_{rest}"));
    !spec.negations().is_empty() && positive.is_some_and(|name| spec.env().contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_belongs_to_a_row_and_no_name_stands_for_two() {
        let mut all: Vec<(String, &str)> = table().iter().map(|spec| (spec.key.replace('_', "-"), spec.key)).collect();
        for (i, alias) in ALIASES.iter().enumerate() {
            assert!(find(alias.key).is_some(), "{} is no option", alias.key);
            assert!(ALIASES[..i].iter().all(|other| other.key != alias.key), "{} twice", alias.key);
            let names = alias.flags.iter().chain(alias.negations).chain(alias.env);
            all.extend(names.map(|name| (name.trim_start_matches('-').to_owned(), alias.key)));
        }
        for (name, key) in &all {
            assert_eq!(resolve(name).map(|spec| spec.key), Some(*key), "{name}");
        }
        let within = |flags: &[&str]| flags.iter().enumerate().all(|(i, flag)| !flags[..i].contains(flag));
        assert!(ALIASES.iter().all(|alias| within(alias.flags) && within(alias.negations) && within(alias.env)));
    }

    #[test]
    fn flags_have_dashes_and_variables_have_the_prefix() {
        for alias in ALIASES {
            assert!(!alias.flags.is_empty() && alias.flags.iter().chain(alias.negations).all(|f| f.starts_with('-')));
            assert!(alias.env.iter().all(|name| name.starts_with("LLAMA_ARG_")), "{}", alias.key);
        }
    }

    #[test]
    fn flags_of_switches_stand_alone() {
        let alone = |name: &str| resolve(name).unwrap().stands_alone(name);
        for name in
            ["--ignore-eos", "--check-tensors", "--context-shift", "--no-context-shift", "--mmap", "--parse-special"]
        {
            assert!(alone(name), "{name}");
        }
        for name in ["-n", "-fa", "--reasoning", "--load-mode", "-lm", "--overflow", "-r", "--temp", "--max-tokens"] {
            assert!(!alone(name), "{name}");
        }
    }

    #[test]
    fn names_of_every_kind_are_found() {
        let key = |name: &str| resolve(name).map(|spec| spec.key);
        for name in ["max_tokens", "max-tokens", "--max-tokens", "n", "-n", "n-predict", "LLAMA_ARG_N_PREDICT"] {
            assert_eq!(key(name), Some("max_tokens"), "{name}");
        }
        assert_eq!(key("CHAKU_MAX_TOKENS"), Some("max_tokens"));
        assert_eq!(key("no-context-shift"), Some("overflow"));
        assert_eq!(key("LLAMA_ARG_NO_CONTEXT_SHIFT"), Some("overflow"));
        // It folds no case, and a switch of ours without a second flag has no negation.
        assert_eq!([key("N"), key("LLAMA_ARG_NO_CTX_SIZE"), key("no-mmap"), key("")], [None; 4]);
    }
}
