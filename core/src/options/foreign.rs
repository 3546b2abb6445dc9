//! Names of llama.app that are no options here, and why. A file or a command line that was written for it may have them: they
//! are told apart from misspelt names.
//!
//! `core/tests/llama_app_defaults.rs` holds this against the aliases.

/// A name of llama.app that nothing here reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// Whether what it asks for is what happens anyway, so that it may be passed over.
    pub always_so: bool,
    /// What there is instead, or why there is nothing.
    pub why: &'static str,
}

type Row = (&'static [&'static str], &'static str);

const ADAPTERS: &str =
    "adapters and control vectors are not here yet: what is computed with one must not be shared with who has another";
const DRAFTS: &str = "guessing tokens ahead (speculative decoding) is not here yet";
const MEDIA: &str = "pictures and sounds are not here yet";
const SERVER: &str = "it belongs to an HTTP server";
const PROGRAM: &str = "it belongs to a program, not to a model";
const DOWNLOAD: &str = "it says where a program gets a model from";

/// What they ask for is always so.
#[rustfmt::skip]
const ALWAYS: &[Row] = &[
    (&["--jinja", "LLAMA_ARG_JINJA"], "templates are always read as Jinja"),
    (&["--no-warmup"], "nothing is computed that nobody asked for"),
    (&["--swa-full", "LLAMA_ARG_SWA_FULL"], "always on, so that a sequence can be cut back"),
    (&["-kvu", "--kv-unified", "LLAMA_ARG_KV_UNIFIED"], "always on: shared prefixes need it"),
    (&["-cb", "--cont-batching", "LLAMA_ARG_CONT_BATCHING"], "always on"),
    (&["--cache-prompt", "LLAMA_ARG_CACHE_PROMPT", "--cache-idle-slots", "LLAMA_ARG_CACHE_IDLE_SLOTS"], "always on"),
    (&["-no-cnv", "--no-conversation"], "raw text is what `complete` is for"),
    (&["--no-mmproj", "LLAMA_ARG_NO_MMPROJ"], MEDIA),
];

#[rustfmt::skip]
const ABSENT: &[Row] = &[
    (&["--grammar-file", "-jf", "--json-schema-file"], "a program reads the file and sets `grammar` or `json_schema`"),
    (&["-sysf", "--system-prompt-file"], "a program reads the file and sets `system_prompt`"),
    (&["--keep"], "`overflow = shift` keeps the system message"),
    (&["--no-jinja", "LLAMA_ARG_NO_JINJA"], "templates are always read as Jinja"),
    (&["--warmup"], "nothing is computed that nobody asked for"),
    (&["-no-kvu", "--no-kv-unified", "LLAMA_ARG_NO_KV_UNIFIED", "-nocb", "--no-cont-batching", "LLAMA_ARG_NO_CONT_BATCHING", "--no-cache-prompt", "--no-cache-idle-slots", "LLAMA_ARG_NO_CACHE_PROMPT"], "always on"),
    (&["-C", "--cpu-mask", "--cpu-strict"], "`cpu_affinity` names processors, not masks"),
    (&["--poll"], "threads that poll would take the processor from the host"),
    (&["--numa", "LLAMA_ARG_NUMA"], "it is one setting of the whole process, which is the host's; `cpu_affinity` keeps a model's threads on the processors of a node"),
    (&["-fit", "--fit", "LLAMA_ARG_FIT", "-fitt", "--fit-target", "LLAMA_ARG_FIT_TARGET", "-fitc", "--fit-ctx", "LLAMA_ARG_FIT_CTX"], "fitting is what a `memory_budget` does, which counts the machine's memory too"),
    (&["--rpc"], "a server that dies would end the host's process with it"),
    (&["--mlock", "-dio", "--direct-io"], "`load_mode` says it: mlock, mmap+mlock or dio"),
    (&["--lora", "--lora-scaled", "--control-vector", "--control-vector-scaled"], ADAPTERS),
    (&["--cache-reuse", "LLAMA_ARG_CACHE_REUSE"], "always 0: moved tokens would change the answer"),
    (&["-ctxcp", "--ctx-checkpoints", "--swa-checkpoints", "LLAMA_ARG_CTX_CHECKPOINTS", "-cms", "--checkpoint-min-step"], "where a memory cannot be cut back, tokens are computed again"),
    (&["-sps", "--slot-prompt-similarity"], "the longest common beginning counts, of any length"),
    (&["--sleep-idle-seconds"], "`unload_idle` frees idle models when others need the room"),
    (&["--spec-type", "LLAMA_ARG_SPEC_TYPE", "-md", "--model-draft", "LLAMA_ARG_MODEL_DRAFT", "-hfd", "--hf-repo-draft", "--spec-draft-n-max", "--spec-draft-n-min", "--spec-draft-p-min", "--spec-default", "-cd", "-ngld"], DRAFTS),
    (&["-mm", "--mmproj", "LLAMA_ARG_MMPROJ", "-mmu", "--mmproj-url", "LLAMA_ARG_MMPROJ_URL", "--mmproj-offload", "--no-mmproj-offload", "--image", "--audio", "--video"], MEDIA),
    (&["--host", "LLAMA_ARG_HOST", "--port", "LLAMA_ARG_PORT", "-to", "--timeout", "LLAMA_ARG_TIMEOUT", "--sse-ping-interval", "LLAMA_ARG_SSE_PING_INTERVAL", "--api-key", "LLAMA_API_KEY", "--api-key-file", "LLAMA_ARG_API_KEY_FILE",
       "--slots", "--no-slots", "LLAMA_ARG_ENDPOINT_SLOTS", "--props", "LLAMA_ARG_ENDPOINT_PROPS", "--metrics", "LLAMA_ARG_ENDPOINT_METRICS", "--path", "--api-prefix", "--ui", "--no-ui", "--threads-http",
       "--ssl-key-file", "--ssl-cert-file", "-a", "--alias", "LLAMA_ARG_ALIAS", "--tags", "--slot-save-path", "--media-path", "--agent", "--embedding", "--embeddings", "--reranking", "--pooling", "--server-base",
       "--cors-origins", "--mcp-servers-config", "--ui-mcp-proxy"], SERVER),
    (&["--models-max", "LLAMA_ARG_MODELS_MAX", "--models-autoload", "--no-models-autoload", "LLAMA_ARG_MODELS_AUTOLOAD", "--models-dir", "LLAMA_ARG_MODELS_DIR", "--models-preset", "LLAMA_ARG_MODELS_PRESET",
       "--load-on-startup", "--stop-timeout", "--dedup-cache-models"], SERVER),
    (&["-m", "--model", "LLAMA_ARG_MODEL", "-mu", "--model-url", "LLAMA_ARG_MODEL_URL", "-hf", "-hfr", "--hf-repo", "LLAMA_ARG_HF_REPO", "-hff", "--hf-file", "LLAMA_ARG_HF_FILE", "HF_TOKEN",
       "-dr", "--docker-repo", "LLAMA_ARG_DOCKER_REPO", "-cl", "--cache-list"], DOWNLOAD),
    (&["-p", "--prompt", "-f", "--file", "-bf", "--binary-file", "-e", "--escape", "--no-escape", "-st", "--single-turn", "-o", "--output", "--output-file", "-co", "--color", "--simple-io", "-mli", "--multiline-input",
       "--show-timings", "--no-show-timings", "LLAMA_ARG_SHOW_TIMINGS", "-v", "--verbose", "-lv", "--verbosity", "--log-verbosity", "LLAMA_ARG_LOG_VERBOSITY", "--log-file", "LLAMA_ARG_LOG_FILE", "--log-disable", "--log-colors", "--log-prefix", "--log-timestamps",
       "--display-prompt", "--no-display-prompt", "-cnv", "--conversation", "-i", "--interactive", "-if", "--interactive-first", "--in-prefix", "--in-suffix", "--in-prefix-bos", "--prompt-cache", "--prompt-cache-all", "--prompt-cache-ro",
       "-sp", "--special", "--perf", "--no-perf"], PROGRAM),
];

/// What llama.app's name stands for, if it is one of those that are no options here: with or without dashes, or an
/// environment variable.
pub fn foreign(name: &str) -> Option<Foreign> {
    let bare = name.trim_start_matches('-');
    let row = |rows: &'static [Row]| {
        rows.iter().find(|(names, _)| names.iter().any(|known| known.trim_start_matches('-') == bare))
    };
    let always = row(ALWAYS).map(|(_, why)| Foreign { always_so: true, why });
    always.or_else(|| row(ABSENT).map(|(_, why)| Foreign { always_so: false, why }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::resolve;

    #[test]
    fn no_name_is_an_option_too_or_stands_twice() {
        let rows: Vec<_> = ALWAYS.iter().chain(ABSENT).collect();
        for (i, (names, _)) in rows.iter().enumerate() {
            for name in *names {
                let same = |other: &&str| other.trim_start_matches('-') == name.trim_start_matches('-');
                assert!(!rows[..i].iter().any(|(others, _)| others.iter().any(same)), "{name} twice");
                assert!(resolve(name).is_none(), "{name} is an option");
            }
        }
    }

    #[test]
    fn names_are_found_with_and_without_dashes() {
        assert!(foreign("--host").is_some_and(|it| !it.always_so));
        assert!(foreign("host").is_some() && foreign("LLAMA_ARG_HOST").is_some());
        assert!(foreign("no-warmup").is_some_and(|it| it.always_so));
        assert_eq!((foreign("temp"), foreign("hots"), foreign("")), (None, None, None));
    }
}
