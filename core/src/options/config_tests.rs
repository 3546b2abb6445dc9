use super::*;
use crate::options::Layers;

fn from_text(text: &str) -> Result<Config> {
    let mut config = Config::new();
    config.add_text(text, Path::new("config.ini"))?;
    Ok(config)
}

fn load_with(system: &Path, variables: &Variables) -> Result<Config> {
    let mut config = Config::new();
    config.add_places(system, variables)?;
    Ok(config)
}

fn variables(given: &[(&str, &str)]) -> Variables {
    given.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn value(config: &Config, preset: Option<&str>, key: &str) -> Option<String> {
    config.settings(preset).unwrap().options.texts(key).map(|texts| texts.join(","))
}

/// Writes `chaku/config.ini` in this folder.
fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("chaku/config.ini");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// Each place says a value for all the keys below and its own; of two neighbours the higher one wins.
#[test]
fn each_place_goes_above_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (etc, home) = (folder.path().join("etc"), folder.path().join("home"));
    let system = write(&etc, "top_k = 2\nseed = 2\nmin_p = 0.2\ntop_p = 0.2\nmirostat = 2");
    let user = write(&home.join(".config"), "seed = 3\nmin_p = 0.3\ntop_p = 0.3");
    let environment = variables(&[("HOME", home.to_str().unwrap()), ("CHAKU_MIN_P", "0.4"), ("CHAKU_TOP_P", "0.4")]);
    let mut config = load_with(&system, &environment).unwrap();
    config.set("--top-p", "0.5").unwrap();
    let settings = config.settings(None).unwrap();

    let mut gguf = Options::new();
    gguf.set_i64("top_k", 1).unwrap();
    gguf.set_f64("xtc_threshold", 0.25).unwrap();
    let mut request = Options::new();
    request.set_i64("mirostat", 0).unwrap();
    let layers = Layers(vec![&gguf, &settings.options, &request]);
    assert_eq!(layers.f32("temperature"), 0.8, "built-in");
    assert_eq!(layers.f32("xtc_threshold"), 0.25, "built-in < GGUF");
    assert_eq!(layers.i64("top_k"), Some(2), "GGUF < system");
    assert_eq!(layers.i64("seed"), Some(3), "system < user");
    assert_eq!(layers.f32("min_p"), 0.4, "user < environment");
    assert_eq!(layers.f32("top_p"), 0.5, "environment < explicit");
    assert_eq!(layers.i64("mirostat"), Some(0), "configuration < request");

    let source = |key| settings.source(key).unwrap().to_string();
    assert_eq!(source("top_k"), format!("{}:1", system.display()));
    assert_eq!(source("seed"), format!("{}:1", user.display()));
    assert_eq!(source("min_p"), "environment variable CHAKU_MIN_P");
    assert_eq!(source("top_p"), "--top-p");
    assert_eq!(settings.source("temperature"), None);
    assert_eq!(
        settings.sources().map(|(key, _)| key).collect::<Vec<_>>(),
        ["min_p", "mirostat", "seed", "top_k", "top_p"]
    );
}

#[test]
fn what_is_said_explicitly_counts_again_and_again() {
    let mut config = from_text("seed = 1").unwrap();
    for (name, text) in [("--seed", "2"), ("-r", "a"), ("-s", "3"), ("-r", "b")] {
        config.set(name, text).unwrap();
    }
    assert_eq!(value(&config, None, "seed").as_deref(), Some("3"));
    assert_eq!(value(&config, None, "stop").as_deref(), Some("a,b"));
    let error = config.set("--sede", "4").unwrap_err();
    assert_eq!((error.reason(), error.detail("nearest")), (Reason::UnknownOption, Some("seed")));
    assert_eq!(value(&config, None, "seed").as_deref(), Some("3"));
}

#[test]
fn the_users_file_is_found_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let (home, xdg) = (folder.path().join("home"), folder.path().join("xdg"));
    write(&home.join(".config"), "seed = 1");
    write(&xdg, "seed = 2");
    let named = folder.path().join("named.ini");
    std::fs::write(&named, "seed = 3").unwrap();
    let missing = folder.path().join("missing.ini");
    let seed = |given: &[(&str, &str)]| {
        let config = load_with(&missing, &variables(given)).unwrap();
        value(&config, None, "seed")
    };
    let (home, xdg, named) = (home.to_str().unwrap(), xdg.to_str().unwrap(), named.to_str().unwrap());
    if cfg!(unix) {
        assert_eq!(seed(&[("HOME", home)]).as_deref(), Some("1"));
        assert_eq!(seed(&[("HOME", home), ("XDG_CONFIG_HOME", xdg)]).as_deref(), Some("2"));
        assert_eq!(seed(&[("HOME", home), ("XDG_CONFIG_HOME", "relative")]).as_deref(), Some("1"));
    }
    assert_eq!(seed(&[("HOME", home), ("CHAKU_CONFIG", named)]).as_deref(), Some("3"));
    assert_eq!(seed(&[("HOME", home), ("CHAKU_CONFIG", "")]), None);
    assert_eq!(seed(&[]), None);
    // A file that is named must be there, and be a file.
    for (path, reason) in [(&missing, Reason::FileNotFound), (&folder.path().into(), Reason::FileUnreadable)] {
        let error = load_with(&missing, &variables(&[("CHAKU_CONFIG", path.to_str().unwrap())])).unwrap_err();
        assert_eq!((error.reason(), error.detail("file")), (reason, path.to_str()));
    }
}

#[test]
fn a_preset_goes_above_what_its_file_says_for_all_and_below_the_next_file() {
    let mut config = from_text(
        "version = 1\n\
         [coder]\ntemp = 0.1\nn = -1\n\
         [*]\ntemp = 0.5\nseed = 5\n\
         [user/repo:UD-q4_k_m]\nctx-size = 512\n\
         [coder]\nmin-p = 0.2",
    )
    .unwrap();
    assert_eq!(config.presets(), ["coder", "user/repo:Q4_K_M"]);
    assert_eq!(value(&config, None, "temperature").as_deref(), Some("0.5"));
    assert_eq!(value(&config, None, "min_p"), None);
    assert_eq!(value(&config, Some("coder"), "temperature").as_deref(), Some("0.1"));
    assert_eq!(value(&config, Some("coder"), "max_tokens").as_deref(), Some("0"));
    assert_eq!(value(&config, Some("coder"), "min_p").as_deref(), Some("0.2"));
    assert_eq!(value(&config, Some("coder"), "seed").as_deref(), Some("5"));
    assert_eq!(value(&config, Some("user/repo:q4_k_m"), "ctx_size").as_deref(), Some("512"));
    let settings = config.settings(Some("coder")).unwrap();
    let from =
        |line, preset: Option<&str>| Source::File { path: "config.ini".into(), line, preset: preset.map(Into::into) };
    assert_eq!(settings.source("temperature"), Some(&from(3, Some("coder"))));
    assert_eq!(settings.source("seed"), Some(&from(7, None)));

    config.add_text("temp = 0.9", Path::new("next.ini")).unwrap();
    assert_eq!(value(&config, Some("coder"), "temperature").as_deref(), Some("0.9"));
    let error = config.settings(Some("codre")).unwrap_err();
    assert_eq!((error.reason(), error.detail("nearest")), (Reason::InvalidArgument, Some("coder")));
    assert_eq!(Config::new().settings(Some("any")).unwrap_err().detail("nearest"), None);
}

#[test]
fn values_keep_what_is_quoted_and_lists_grow_within_a_place() {
    let config = from_text(
        "samplers = \"top_k;temperature\" ; in this order\n\
         grammar = 'root ::= \"a\" # b'\n\
         json-schema = {\"type\": \"string\"}\n\
         stop = \" # \"\nstop = ;\nreverse-prompt = end",
    );
    let config = config.unwrap();
    assert_eq!(value(&config, None, "samplers").as_deref(), Some("top_k;temperature"));
    assert_eq!(value(&config, None, "grammar").as_deref(), Some("root ::= \"a\" # b"));
    assert_eq!(value(&config, None, "json_schema").as_deref(), Some("{\"type\": \"string\"}"));
    // The second line, of nothing but a comment, emptied the list.
    assert_eq!(value(&config, None, "stop").as_deref(), Some("end"));
    let mut config = from_text("stop = a\nstop = \";\"").unwrap();
    assert_eq!(value(&config, None, "stop").as_deref(), Some("a,;"));
    config.add_text("stop = b", Path::new("next.ini")).unwrap();
    assert_eq!(value(&config, None, "stop").as_deref(), Some("b"));
}

#[test]
fn what_is_reset_counts_as_if_it_had_not_been_said() {
    let mut config = from_text("threads = 4\ntemperature = -1").unwrap();
    assert_eq!(config.settings(None).unwrap().options.clamped().count(), 1);
    config.add_text("threads = -1\ntemperature = 1", Path::new("next.ini")).unwrap();
    let settings = config.settings(None).unwrap();
    assert_eq!((settings.options.texts("threads"), settings.source("threads")), (None, None));
    assert_eq!(settings.options.clamped().count(), 0);
}

#[test]
fn a_mistake_in_a_file_names_file_line_key_and_the_nearest_name_and_nothing_is_taken() {
    let mut config = Config::new();
    for (text, reason, key, nearest) in [
        ("seed = 1\ntemprature = 1", Reason::UnknownOption, Some("temprature"), Some("temperature")),
        ("[a]\ntypical-p = 2", Reason::InvalidOption, Some("typical_p"), None),
        ("[a]\nmmap = perhaps", Reason::InvalidOption, Some("mmap"), None),
        ("seed = 1\nnonsense", Reason::InvalidConfig, None, None),
    ] {
        let error = config.add_text(text, Path::new("config.ini")).unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
        assert_eq!((error.detail("file"), error.detail("line")), (Some("config.ini"), Some("2")), "{error}");
        assert_eq!((error.detail("key"), error.detail("nearest")), (key, nearest));
        assert!(error.message().starts_with("config.ini:2: "), "{error}");
    }
    assert_eq!(config.settings(None).unwrap().options, Options::new());
    assert!(config.presets().is_empty());
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.ini");
    for (bytes, reason) in
        [(vec![b'#'; LARGEST_FILE as usize + 1], Reason::InvalidConfig), (b"seed = \xff".to_vec(), Reason::InvalidUtf8)]
    {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Config::from_files([&path]).unwrap_err().reason(), reason);
    }
}

#[test]
fn the_environment_has_our_names_above_llama_apps_and_those_of_others_in_peace() {
    let config = Config::from_env(variables(&[
        ("CHAKU_CTX_SIZE", "512"),
        ("LLAMA_ARG_CTX_SIZE", "1024"),
        ("LLAMA_ARG_N_PREDICT", "-1"),
        ("LLAMA_ARG_NO_CONTEXT_SHIFT", ""),
        ("LLAMA_ARG_HOST", "0.0.0.0"),
        ("CHAKU_CONFIG", "elsewhere"),
        ("CHAKU_TEST_MODELS", "target/models"),
        ("TEMPERATURE", "1"),
    ]))
    .unwrap();
    let settings = config.settings(None).unwrap();
    assert_eq!(settings.sources().map(|(key, _)| key).collect::<Vec<_>>(), ["ctx_size", "max_tokens", "overflow"]);
    assert_eq!(value(&config, None, "ctx_size").as_deref(), Some("512"));
    assert_eq!(value(&config, None, "overflow").as_deref(), Some("stop"));
    let error = Config::from_env(variables(&[("CHAKU_TYPICAL_P", "2")])).unwrap_err();
    assert_eq!((error.reason(), error.detail("variable")), (Reason::InvalidOption, Some("CHAKU_TYPICAL_P")));
    assert!(error.message().starts_with("environment variable CHAKU_TYPICAL_P: "), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_an_error_only_if_it_is_ours() {
    use std::os::unix::ffi::OsStringExt;
    let broken = || OsString::from_vec(vec![0xff]);
    assert!(Config::from_env([("PATH".into(), broken()), (broken(), "x".into())]).is_ok());
    let error = Config::from_env([("CHAKU_SEED".into(), broken())]).unwrap_err();
    assert_eq!((error.reason(), error.detail("variable")), (Reason::InvalidUtf8, Some("CHAKU_SEED")));
}

const KEYS: &[HostKey] = &[
    HostKey { name: "model", aliases: &["m"], env: &["LLAMA_ARG_MODEL"], value: HostValue::Text },
    HostKey { name: "show-timings", aliases: &[], env: &["LLAMA_ARG_SHOW_TIMINGS"], value: HostValue::Switch },
];

#[test]
fn a_hosts_own_keys_come_from_the_same_places_in_the_same_order() {
    let mut config = Config::for_host(KEYS);
    let text = "m = a.gguf\nshow-timings = off\n[big]\nmodel = b.gguf\nno-show-timings = off\ntemp = 0.5";
    config.add_text(text, Path::new("models.ini")).unwrap();
    let host = |config: &Config, preset, name| config.settings(preset).unwrap().host(name).map(str::to_owned);
    assert_eq!(host(&config, None, "model").as_deref(), Some("a.gguf"));
    assert_eq!(host(&config, None, "show-timings").as_deref(), Some("off"));
    assert_eq!(host(&config, Some("big"), "model").as_deref(), Some("b.gguf"));
    assert_eq!(host(&config, Some("big"), "show-timings").as_deref(), Some("on"));
    let environment = [("LLAMA_ARG_MODEL", "c.gguf"), ("LLAMA_ARG_NO_SHOW_TIMINGS", ""), ("LLAMA_ARG_HOST", "x")];
    config.add_env(variables(&environment)).unwrap();
    assert_eq!(host(&config, Some("big"), "model").as_deref(), Some("c.gguf"));
    assert_eq!(host(&config, Some("big"), "show-timings").as_deref(), Some("off"));
    config.add_env(variables(&[("CHAKU_SHOW_TIMINGS", "on")])).unwrap();
    config.set("-m", "d.gguf").unwrap();
    let settings = config.settings(Some("big")).unwrap();
    assert_eq!((settings.host("model"), settings.host("show-timings")), (Some("d.gguf"), Some("on")));
    assert_eq!(settings.source("model"), Some(&Source::Explicit { name: "-m".into() }));
    assert_eq!(settings.options().texts("temperature"), Some(vec!["0.5".to_owned()]));
    let error = config.set("show-timings", "perhaps").unwrap_err();
    assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some("show-timings")));
    // Without the host, its keys are llama.app's and mean nothing.
    let plain = from_text("model = a.gguf\nhost = 0.0.0.0").unwrap();
    assert_eq!(plain.settings(None).unwrap().host("model"), None);
    let names: Vec<_> = plain.ignored().iter().map(|ignored| ignored.name.as_str()).collect();
    assert_eq!(names, ["model", "host"]);
}

#[test]
fn a_preset_from_elsewhere_sets_how_a_model_writes_and_nothing_else() {
    assert!(MAY_BE_REMOTE.iter().all(|key| table::find(key).is_some()));
    let text = "version = 1\n[small]\nm = a.gguf\nshow-timings = off\ntemp = 0.5\nprio = 2\nhost = x\nno-such-key = 1";
    let mut config = Config::for_host(KEYS);
    config.add_remote_text(text, Path::new("preset.ini"), &["model"]).unwrap();
    let settings = config.settings(Some("small")).unwrap();
    assert_eq!((settings.host("model"), settings.host("show-timings")), (Some("a.gguf"), None));
    assert_eq!(settings.sources().map(|(key, _)| key).collect::<Vec<_>>(), ["model", "temperature"]);
    let names: Vec<_> = config.ignored().iter().map(|ignored| ignored.name.as_str()).collect();
    assert_eq!(names, ["show-timings", "prio", "host", "no-such-key"]);
    assert!(config.add_remote_text("temp = hot", Path::new("preset.ini"), &[]).is_err());
}

#[test]
fn what_is_recommended_lies_below_and_calls_up_no_preset_of_the_same_name() {
    let mut remote = Config::for_host(KEYS);
    remote.add_remote_text("[small]\ntemp = 0.5\ntop-k = 7", Path::new("preset.ini"), &[]).unwrap();
    let mut config = from_text("[*]\ntemp = 0.25\n[small]\nmin-p = 0.5").unwrap();
    config.add_below(&remote.settings(Some("small")).unwrap());
    assert_eq!(value(&config, None, "temperature").as_deref(), Some("0.25"));
    assert_eq!(value(&config, None, "top_k").as_deref(), Some("7"));
    assert_eq!(value(&config, None, "min_p"), None);
    let settings = config.settings(None).unwrap();
    assert_eq!(settings.source("top_k").unwrap().to_string(), "preset.ini:3");
}

#[test]
fn what_llama_app_wrote_for_its_server_is_read_over_and_told() {
    let text = "version = 1\n[*]\nhost = 127.0.0.1\nport = 9931\ntemp = 0.25\n[user/repo:Q4_0]\nload-on-startup = true\nLLAMA_ARG_MODELS_MAX = 1";
    let config = from_text(text).unwrap();
    assert_eq!(value(&config, Some("user/repo:Q4_0"), "temperature").as_deref(), Some("0.25"));
    let ignored: Vec<_> = config.ignored().iter().map(|it| (it.name.as_str(), it.source.to_string())).collect();
    let at = |line: u32| format!("config.ini:{line}");
    assert_eq!(
        ignored,
        [("host", at(3)), ("port", at(4)), ("load-on-startup", at(7)), ("LLAMA_ARG_MODELS_MAX", at(8))]
    );
    assert!(from_text("hots = 1").is_err());
    // On purpose it cannot be set at all.
    let error = Config::new().set("--host", "0.0.0.0").unwrap_err();
    assert_eq!(error.reason(), Reason::UnknownOption);
    assert!(error.message().contains("HTTP server"), "{error}");
}

#[test]
fn the_example_in_the_docs_reads_as_it_says() {
    let page = include_str!("../../../docs/options.md");
    let example = page.split("```ini\n").nth(1).unwrap().split("```").next().unwrap();
    let config = from_text(example).unwrap();
    assert_eq!(value(&config, None, "threads").as_deref(), Some("4"));
    assert_eq!(value(&config, None, "samplers").as_deref(), Some("top_k;temperature"));
    assert_eq!(value(&config, None, "temperature"), None);
    let coder = config.settings(Some("coder")).unwrap();
    assert_eq!(coder.options().texts("temperature"), Some(vec!["0.2".to_owned()]));
    assert_eq!(coder.options().texts("stop"), Some(vec!["\n\n".to_owned(), "# end".to_owned()]));
}
