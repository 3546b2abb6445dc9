//! What llama.app has a flag for, and this program another way.

const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["-cl", "--cache-list"], "`chaku models` lists what was downloaded"),
    (&["--list-devices"], "`chaku devices` lists them"),
    (&["--completion-bash"], "`chaku completions bash` prints the script"),
    (&["--license"], "`chaku licenses` prints them"),
    (&["-dr", "--docker-repo"], "models come from the Hugging Face hub (-hf USER/REPO) or from a URL (-mu URL)"),
    (&["-bf", "--binary-file"], "a prompt is UTF-8, from -f FILE, -p TEXT or a pipe"),
    (
        &["--prompt-cache", "--prompt-cache-all", "--prompt-cache-ro"],
        "`chaku cli --session FILE` goes on with what is saved there",
    ),
    (
        &["-i", "--interactive", "-if", "--interactive-first", "-cnv", "--conversation"],
        "`chaku cli` on a terminal is the conversation, `chaku complete` the raw text",
    ),
    (
        &["--in-prefix", "--in-suffix", "--in-prefix-bos"],
        "the model's template frames what is said; raw text in any frame is `chaku complete -p TEXT`",
    ),
    (
        &["--log-disable", "--log-colors", "--log-prefix", "--log-timestamps"],
        "nothing is logged unless -lv, -v or --log-file ask for it, and then in plain lines",
    ),
    (&["--verbose-prompt"], "`chaku complete --display-prompt` prints the prompt, `chaku tokenize` its tokens"),
    (&["--server-base"], "this program asks no server; the model runs in it (-m FILE or -hf USER/REPO)"),
];

/// The other way, for one who writes llama.app's flag.
pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(names, _)| names.contains(&name)).map(|(_, way)| *way)
}

#[cfg(test)]
mod tests {
    use super::super::flags::flags_of;
    use super::*;

    #[test]
    fn what_is_elsewhere_is_not_here_and_the_other_way_exists() {
        let here = |command: &str, name: &str| flags_of(command).iter().any(|flag| flag.names().any(|own| own == name));
        for (names, _) in ELSEWHERE {
            for name in *names {
                assert!(!here("cli", name) && elsewhere(name).is_some(), "{name}");
            }
        }
        assert!(here("complete", "--display-prompt") && here("cli", "--session") && here("cli", "-lv"));
    }
}
