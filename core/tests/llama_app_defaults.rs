//! llama.app's options and their defaults, row by row, held against our table: what is the same, what differs and why,
//! what is not here and why. Read off llama.cpp's `common/arg.cpp` and `common/common.h` (0c1e5709).

use std::collections::BTreeSet;

use chaku::options::{Kind, Spec, find, foreign, resolve, table};

/// Flags and environment variables, llama.app's default, and what is here.
type Row = (&'static [&'static str], &'static str, Here);

enum Here {
    /// This key has the same default.
    Same(&'static str),
    /// This key has none that is fixed: what unset means.
    Unset(&'static str, &'static str),
    /// This key has this one, for a reason.
    Differs(&'static str, &'static str, &'static str),
    /// Nothing reads it: why.
    Absent(&'static str),
}
use Here::{Absent, Differs, Same, Unset};

const SERVER: &str = "an option of an HTTP server, which is no part of the library";
const LATER: &str = "adapters, control vectors, guessing ahead and media are later stages";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Sampling.
    (&["--temp", "--temperature", "LLAMA_ARG_TEMPERATURE"], "0.8", Same("temperature")),
    (&["--top-k", "LLAMA_ARG_TOP_K"], "40", Same("top_k")),
    (&["--top-p", "LLAMA_ARG_TOP_P"], "0.95", Same("top_p")),
    (&["--min-p", "LLAMA_ARG_MIN_P"], "0.05", Same("min_p")),
    (&["--typical", "--typical-p"], "1", Same("typical_p")),
    (&["--top-nsigma", "--top-n-sigma"], "-1", Same("top_n_sigma")),
    (&["--repeat-penalty", "LLAMA_ARG_REPEAT_PENALTY"], "1", Same("repeat_penalty")),
    (&["--repeat-last-n"], "64", Same("repeat_last_n")),
    (&["--presence-penalty", "LLAMA_ARG_PRESENCE_PENALTY"], "0", Same("presence_penalty")),
    (&["--frequency-penalty", "LLAMA_ARG_FREQUENCY_PENALTY"], "0", Same("frequency_penalty")),
    (&["--dry-multiplier"], "0", Same("dry_multiplier")),
    (&["--dry-base"], "1.75", Same("dry_base")),
    (&["--dry-allowed-length"], "2", Same("dry_allowed_length")),
    (&["--dry-penalty-last-n"], "64", Same("dry_penalty_last_n")),
    (&["--dry-sequence-breaker"], "\\n : \" *", Unset("dry_sequence_breakers", "the same four")),
    (&["--xtc-probability"], "0", Same("xtc_probability")),
    (&["--xtc-threshold"], "0.1", Same("xtc_threshold")),
    (&["--dynatemp-range"], "0", Same("dynatemp_range")),
    (&["--dynatemp-exp"], "1", Same("dynatemp_exponent")),
    (&["--mirostat"], "0", Same("mirostat")),
    (&["--mirostat-lr"], "0.1", Same("mirostat_lr")),
    (&["--mirostat-ent"], "5", Same("mirostat_ent")),
    (&["--adaptive-target"], "-1", Same("adaptive_target")),
    (&["--adaptive-decay"], "0.9", Same("adaptive_decay")),
    (&["--samplers"], ORDER, Unset("samplers", "the same order, which the doc line names")),
    (&["--sampler-seq", "--sampling-seq"], "edskypmxt", Unset("sampler_seq", "the order of `samplers`, which is the same")),
    (&["-s", "--seed"], "-1", Unset("seed", "the same: a new one for each request")),
    (&["--ignore-eos"], "off", Same("ignore_eos")),
    (&["-l", "--logit-bias"], "none", Unset("logit_bias", "the same; `15043+1` is read too")),
    (&["--grammar"], "none", Unset("grammar", "the same")),
    (&["--grammar-file", "-jf", "--json-schema-file"], "none", Absent("a program reads the file and sets `grammar` or `json_schema`")),
    (&["-j", "--json-schema"], "none", Unset("json_schema", "the same")),
    (&["-r", "--reverse-prompt"], "none", Unset("stop", "the same")),
    (&["-n", "--predict", "--n-predict", "LLAMA_ARG_N_PREDICT"], "-1", Differs("max_tokens", "0", "it is how no limit is written here; -1 is read too")),
    // Context.
    (&["-c", "--ctx-size", "LLAMA_ARG_CTX_SIZE"], "0", Unset("ctx_size", "an app shares its memory with others: at most 4096, and what fits a budget; 0 is the training context here too")),
    (&["-b", "--batch-size", "LLAMA_ARG_BATCH"], "2048", Same("batch_size")),
    (&["-ub", "--ubatch-size", "LLAMA_ARG_UBATCH"], "512", Same("ubatch_size")),
    (&["--keep"], "0", Absent("`overflow = shift` keeps the system message")),
    (&["--context-shift", "--no-context-shift", "LLAMA_ARG_CONTEXT_SHIFT", "LLAMA_ARG_NO_CONTEXT_SHIFT"], "off", Differs("overflow", "error", "a cut answer must not be taken for a whole one; `stop` is what off does there")),
    (&["-t", "--threads", "LLAMA_ARG_THREADS"], "-1", Unset("threads", "the physical cores too, but at most 8: more wait for each other")),
    (&["-tb", "--threads-batch"], "-1", Unset("threads_batch", "the same: as `threads`")),
    (&["-fa", "--flash-attn", "LLAMA_ARG_FLASH_ATTN"], "auto", Same("flash_attn")),
    (&["-ctk", "--cache-type-k", "LLAMA_ARG_CACHE_TYPE_K"], "f16", Same("cache_type_k")),
    (&["-ctv", "--cache-type-v", "LLAMA_ARG_CACHE_TYPE_V"], "f16", Same("cache_type_v")),
    (&["-kvo", "--kv-offload", "-nkvo", "--no-kv-offload", "LLAMA_ARG_KV_OFFLOAD"], "on", Same("kv_offload")),
    (&["--op-offload", "--no-op-offload"], "on", Same("op_offload")),
    (&["--repack", "-nr", "--no-repack", "LLAMA_ARG_REPACK"], "on", Same("repack")),
    (&["--no-host", "LLAMA_ARG_NO_HOST"], "off", Same("no_host")),
    (&["--warmup", "--no-warmup"], "on", Absent("nothing is computed that nobody asked for")),
    (&["--swa-full", "LLAMA_ARG_SWA_FULL"], "off", Absent("always on, so that a sequence can be cut back")),
    (&["--rope-scaling", "LLAMA_ARG_ROPE_SCALING_TYPE"], "the model's", Differs("rope_scaling", "model", "a word for it")),
    (&["--rope-scale", "LLAMA_ARG_ROPE_SCALE"], "the model's", Differs("rope_scale", "0", "it is how the model's is written here")),
    (&["--rope-freq-base", "LLAMA_ARG_ROPE_FREQ_BASE"], "0", Same("rope_freq_base")),
    (&["--rope-freq-scale", "LLAMA_ARG_ROPE_FREQ_SCALE"], "0", Same("rope_freq_scale")),
    (&["--yarn-orig-ctx", "LLAMA_ARG_YARN_ORIG_CTX"], "0", Same("yarn_orig_ctx")),
    (&["--yarn-ext-factor", "LLAMA_ARG_YARN_EXT_FACTOR"], "-1", Same("yarn_ext_factor")),
    (&["--yarn-attn-factor", "LLAMA_ARG_YARN_ATTN_FACTOR"], "-1", Same("yarn_attn_factor")),
    (&["--yarn-beta-slow", "LLAMA_ARG_YARN_BETA_SLOW"], "-1", Same("yarn_beta_slow")),
    (&["--yarn-beta-fast", "LLAMA_ARG_YARN_BETA_FAST"], "-1", Same("yarn_beta_fast")),
    (&["-Cr", "--cpu-range"], "none", Unset("cpu_affinity", "the same: all processors")),
    (&["-C", "--cpu-mask", "--cpu-strict"], "none, 0", Absent("`cpu_affinity` names processors, not masks")),
    (&["--prio"], "0", Differs("cpu_priority", "normal", "0 is normal there; the words say it")),
    (&["--poll"], "50", Absent("threads that poll would take the processor from the host")),
    (&["--numa", "LLAMA_ARG_NUMA"], "none", Absent("one setting of the whole process, which is the host's")),
    // Model.
    (&["-ngl", "--gpu-layers", "--n-gpu-layers", "LLAMA_ARG_N_GPU_LAYERS"], "auto", Differs("gpu_layers", "-1", "all, unless a `memory_budget` says otherwise: then it must be unset, and gets what fits")),
    (&["-fit", "--fit", "LLAMA_ARG_FIT", "-fitt", "--fit-target", "LLAMA_ARG_FIT_TARGET", "-fitc", "--fit-ctx", "LLAMA_ARG_FIT_CTX"], "on, 1024 MiB, 4096", Absent("fitting is what a runtime's `memory_budget` does, which counts the machine's memory too")),
    (&["-sm", "--split-mode", "LLAMA_ARG_SPLIT_MODE"], "layer", Same("split_mode")),
    (&["-mg", "--main-gpu", "LLAMA_ARG_MAIN_GPU"], "0", Same("main_gpu")),
    (&["-ts", "--tensor-split", "LLAMA_ARG_TENSOR_SPLIT"], "none", Unset("tensor_split", "the same: by free memory")),
    (&["-dev", "--device", "LLAMA_ARG_DEVICE"], "none", Unset("devices", "the same: all")),
    (&["-ot", "--override-tensor", "LLAMA_ARG_OVERRIDE_TENSOR"], "none", Unset("override_tensor", "the same")),
    (&["-cmoe", "--cpu-moe", "LLAMA_ARG_CPU_MOE"], "off", Same("cpu_moe")),
    (&["-ncmoe", "--n-cpu-moe", "LLAMA_ARG_N_CPU_MOE"], "0", Same("n_cpu_moe")),
    (&["-ncffn", "--n-cpu-ffn", "LLAMA_ARG_N_CPU_FFN"], "0", Same("n_cpu_ffn")),
    (&["--rpc"], "none", Absent("a server that dies would end the host's process with it")),
    (&["-lm", "--load-mode", "LLAMA_ARG_LOAD_MODE"], "auto", Same("load_mode")),
    (&["-lzm", "--lazy-mode", "LLAMA_ARG_LAZY_MODE"], "auto", Same("lazy_mode")),
    (&["--check-tensors"], "off", Same("check_tensors")),
    (&["-hf", "-hfr", "--hf-repo", "LLAMA_ARG_HF_REPO", "-hff", "--hf-file", "LLAMA_ARG_HF_FILE", "-mu", "--model-url", "LLAMA_ARG_MODEL_URL"], "none", Absent("a model's path may be `hf:user/repo:tag`, `hf:user/repo/file` or a URL")),
    (&["-hft", "--hf-token"], "HF_TOKEN", Unset("hub_token", "the same")),
    (&["--offline", "LLAMA_ARG_OFFLINE"], "off", Same("offline")),
    (&["-dr", "--docker-repo", "LLAMA_ARG_DOCKER_REPO"], "none", Absent("the hub and plain URLs are what is downloaded from")),
    (&["--override-kv"], "none", Unset("override_kv", "the same")),
    (&["--lora", "--lora-scaled", "--control-vector"], "none", Absent(LATER)),
    // Limits, and what is kept.
    (&["-np", "--parallel", "LLAMA_ARG_N_PARALLEL"], "1, or 4 in a server", Differs("max_running", "16", "places share one cache, so that a further one costs a row of logits and no window")),
    (&["-kvu", "--kv-unified", "-no-kvu", "--no-kv-unified", "LLAMA_ARG_KV_UNIFIED"], "on, unless -np is given", Absent("always on: shared prefixes need it")),
    (&["-cb", "--cont-batching", "-nocb", "--no-cont-batching", "LLAMA_ARG_CONT_BATCHING"], "on", Absent("always on")),
    (&["--cache-prompt", "--no-cache-prompt", "LLAMA_ARG_CACHE_PROMPT", "--cache-idle-slots", "LLAMA_ARG_CACHE_IDLE_SLOTS"], "on", Absent("always on")),
    (&["-cram", "--cache-ram", "LLAMA_ARG_CACHE_RAM"], "8192", Differs("prompt_cache_mib", "512", "an app shares its memory with others")),
    (&["--cache-reuse", "LLAMA_ARG_CACHE_REUSE"], "0", Absent("always 0: moved tokens would change the answer")),
    (&["-ctxcp", "--ctx-checkpoints", "--swa-checkpoints", "LLAMA_ARG_CTX_CHECKPOINTS", "-cms", "--checkpoint-min-step"], "32, 8192", Absent("where a memory cannot be cut back, tokens are computed again")),
    (&["-sps", "--slot-prompt-similarity"], "0.1", Absent("the longest common beginning counts, of any length")),
    (&["--sleep-idle-seconds"], "off", Absent("`unload_idle` frees idle models when others need the room")),
    // Chat and reasoning.
    (&["-sys", "--system-prompt"], "none", Unset("system_prompt", "the same")),
    (&["-sysf", "--system-prompt-file"], "none", Absent("a program reads the file and sets `system_prompt`")),
    (&["--jinja", "--no-jinja", "LLAMA_ARG_JINJA"], "on", Absent("always on")),
    (&["--chat-template", "LLAMA_ARG_CHAT_TEMPLATE"], "the model's, else ChatML", Unset("chat_template", "the model's, else an error: ChatML would be a guess")),
    (&["--chat-template-file", "LLAMA_ARG_CHAT_TEMPLATE_FILE"], "none", Unset("chat_template_file", "the same")),
    (&["--chat-template-kwargs", "LLAMA_ARG_CHAT_TEMPLATE_KWARGS"], "none", Unset("chat_template_kwargs", "the same")),
    (&["--prefill-assistant", "--no-prefill-assistant", "LLAMA_ARG_PREFILL_ASSISTANT"], "on", Differs("continue_final_message", "off", "messages that end with an answer may be a slip of the host's")),
    (&["-rea", "--reasoning", "LLAMA_ARG_REASONING"], "auto", Same("reasoning")),
    (&["--reasoning-format", "LLAMA_ARG_THINK"], "deepseek", Differs("reasoning_format", "auto", "auto is what deepseek is")),
    (&["--reasoning-budget", "LLAMA_ARG_THINK_BUDGET"], "-1", Same("reasoning_budget")),
    (&["--reasoning-budget-message", "LLAMA_ARG_THINK_BUDGET_MESSAGE"], "none", Unset("reasoning_budget_message", "the same")),
    (&["--reasoning-effort", "LLAMA_ARG_REASONING_EFFORT"], "the template's", Unset("reasoning_effort", "the same")),
    (&["--reasoning-preserve", "--no-reasoning-preserve", "LLAMA_ARG_REASONING_PRESERVE"], "on", Same("reasoning_preserve")),
    (&["--spec-type", "LLAMA_ARG_SPEC_TYPE", "-md", "-hfd", "--spec-draft-n-max", "--spec-draft-n-min", "--spec-draft-p-min", "--spec-default"], "none, 3, 0, 0", Absent(LATER)),
    // A server's.
    (&["--host", "LLAMA_ARG_HOST", "--port", "LLAMA_ARG_PORT", "-to", "--timeout", "LLAMA_ARG_TIMEOUT", "--sse-ping-interval", "--api-key", "LLAMA_API_KEY", "--api-key-file", "--slots", "--no-slots", "--props", "--metrics"], "127.0.0.1, 8080, 3600 s, 30 s, none, on, off, off", Absent(SERVER)),
    (&["--models-max", "LLAMA_ARG_MODELS_MAX", "--models-autoload", "--models-dir", "--models-preset"], "4, on", Absent(SERVER)),
];

const ORDER: &str = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature";

/// The default as text; `None` = it is decided at run time, or there is none.
fn default_of(spec: &Spec) -> Option<String> {
    match spec.kind {
        Kind::I64 { default, .. } => default.map(|value| value.to_string()),
        Kind::F64 { default, .. } => Some(default.to_string()),
        Kind::Bool { default } => Some(if default { "on" } else { "off" }.to_owned()),
        Kind::Str { default, .. } => default.map(str::to_owned),
        _ => None,
    }
}

#[test]
fn every_default_is_llama_apps_or_differs_as_it_says() {
    for (names, theirs, here) in ROWS {
        let ours = |key: &str| default_of(find(key).unwrap_or_else(|| panic!("{key} is no option")));
        match here {
            Same(key) => assert_eq!(ours(key).as_deref(), Some(*theirs), "{key}"),
            Unset(key, why) => assert!(ours(key).is_none() && !why.is_empty(), "{key} has a default"),
            Differs(key, default, why) => {
                assert_eq!(ours(key).as_deref(), Some(*default), "{key}");
                assert!(default != theirs && !why.is_empty(), "{key} is the same");
            }
            Absent(why) => assert!(!why.is_empty(), "{names:?}"),
        }
    }
    assert!(find("samplers").unwrap().doc.contains(ORDER));
}

#[test]
fn every_name_leads_to_the_option_of_its_row_and_to_none_where_there_is_none() {
    for (names, _, here) in ROWS {
        let key = match here {
            Same(key) | Unset(key, _) | Differs(key, ..) => Some(*key),
            Absent(_) => None,
        };
        for name in *names {
            assert_eq!(resolve(name).map(|spec| spec.key), key, "{name}");
            assert!(key.is_some() || foreign(name).is_some(), "{name} is told apart from a typing error");
        }
    }
}

#[test]
fn no_name_is_missing_here_and_none_occurs_twice() {
    let mut seen = BTreeSet::new();
    for name in ROWS.iter().flat_map(|(names, ..)| *names) {
        assert!(seen.insert(*name), "{name} twice");
    }
    for spec in table() {
        for alias in spec.aliases() {
            assert!(seen.contains(alias), "{alias} of {} has no row", spec.key);
        }
    }
}
