//! Where models come from and where they are kept: options, and what they leave unset from the environment.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Reason, Result};
use crate::options::Layers;

const HUB: &str = "https://huggingface.co";

/// A variable that names a folder, and what is added to it. The first one that is set counts.
const FOLDERS: [(&str, &str); 5] = [
    ("LLAMA_CACHE", ""),
    ("HF_HUB_CACHE", ""),
    ("HUGGINGFACE_HUB_CACHE", ""),
    ("HF_HOME", "hub"),
    ("XDG_CACHE_HOME", "huggingface/hub"),
];

pub(super) struct Place {
    /// The cache, in the layout that all tools for the hub share.
    pub(super) root: PathBuf,
    /// Where files from other URLs are kept.
    pub(super) urls: PathBuf,
    /// The hub's address, without a slash at its end.
    pub(super) endpoint: String,
    pub(super) token: Option<Token>,
    pub(super) offline: bool,
}

/// A secret: not shown, not logged.
#[derive(Clone)]
pub(super) struct Token(String);

impl Place {
    pub(super) fn read(layers: &Layers<'_>) -> Result<Self> {
        Self::read_with(layers, &|name| env::var_os(name).filter(|value| !value.is_empty()), env::home_dir())
    }

    fn read_with(
        layers: &Layers<'_>,
        variable: &dyn Fn(&str) -> Option<OsString>,
        home: Option<PathBuf>,
    ) -> Result<Self> {
        let text = |name| variable(name).map(|value| readable(name, value)).transpose();
        let given = layers.str("cache_dir").map(PathBuf::from);
        let named = || FOLDERS.iter().find_map(|(name, below)| Some(below_of(&PathBuf::from(variable(name)?), below)));
        let own = || home.as_ref().map(|home| home.join(".cache/huggingface/hub"));
        let root = given.clone().or_else(named).or_else(own).ok_or_else(|| {
            let message = "there is no home folder to keep downloads in; set `cache_dir`";
            Error::new(Reason::InvalidOption, message).with("key", "cache_dir")
        })?;
        // Beside those of llama.app, in the same two cases.
        let urls = given.or_else(|| variable("LLAMA_CACHE").map(PathBuf::from));
        let urls =
            urls.or_else(|| home.map(|home| home.join(CACHES).join("llama.cpp"))).unwrap_or_else(|| root.clone());
        let endpoint = match layers.str("hub_endpoint") {
            Some(endpoint) => endpoint.to_owned(),
            None => text("MODEL_ENDPOINT")?.or(text("HF_ENDPOINT")?).unwrap_or_else(|| HUB.to_owned()),
        };
        let token = match layers.str("hub_token") {
            Some(token) => Some(Token::new("the option `hub_token`", token)?),
            None if layers.is_set("hub_token") => None,
            None => text("HF_TOKEN")?.map(|token| Token::new("the variable HF_TOKEN", &token)).transpose()?,
        };
        let offline = match layers.is_set("offline") {
            true => layers.bool("offline"),
            false => text("HF_HUB_OFFLINE")?.is_some_and(|value| is_yes(&value)),
        };
        Ok(Place { root, urls: urls.join("urls"), endpoint: endpoint.trim_end_matches('/').to_owned(), token, offline })
    }
}

const CACHES: &str = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };

fn below_of(folder: &Path, below: &str) -> PathBuf {
    if below.is_empty() { folder.to_owned() } else { folder.join(below) }
}

fn readable(name: &str, value: OsString) -> Result<String> {
    value.into_string().map_err(|_| Error::new(Reason::InvalidUtf8, format!("the value of {name} is not UTF-8")))
}

/// As the hub's own library reads it.
fn is_yes(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str())
}

impl Token {
    fn new(place: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        if !text.is_empty() && text.len() <= 4096 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Token(text.to_owned()));
        }
        let message = format!("{place} is no token: one is of letters and digits, without spaces");
        Err(Error::new(Reason::InvalidOption, message).with("key", "hub_token"))
    }

    /// What a request carries.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn place(options: &Options, variables: &[(&str, &str)]) -> Result<Place> {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
        Place::read_with(&Layers(vec![options]), &variable, Some("/home/me".into()))
    }

    #[test]
    fn the_first_folder_that_is_set_wins_and_the_option_before_all() {
        let variables = [
            ("LLAMA_CACHE", "/a"),
            ("HF_HUB_CACHE", "/b"),
            ("HUGGINGFACE_HUB_CACHE", "/c"),
            ("HF_HOME", "/d"),
            ("XDG_CACHE_HOME", "/e"),
        ];
        let roots = ["/a", "/b", "/c", "/d/hub", "/e/huggingface/hub", "/home/me/.cache/huggingface/hub"];
        for (set, root) in roots.iter().enumerate() {
            assert_eq!(place(&Options::new(), &variables[set..]).unwrap().root, Path::new(root));
        }
        let mut options = Options::new();
        options.set_str("cache_dir", "/x").unwrap();
        let place = place(&options, &variables).unwrap();
        assert_eq!((place.root, place.urls), ("/x".into(), "/x/urls".into()));
    }

    #[test]
    fn options_go_before_variables() {
        let variables = [("HF_TOKEN", "hf_b\n"), ("HF_ENDPOINT", "http://b/"), ("HF_HUB_OFFLINE", "true")];
        let read = place(&Options::new(), &variables).unwrap();
        assert_eq!((read.endpoint.as_str(), read.offline), ("http://b", true));
        assert_eq!(read.token.unwrap().header(), "Bearer hf_b");
        let mut options = Options::new();
        options.set_str("hub_token", "hf_a").unwrap();
        options.set_str("hub_endpoint", "http://a").unwrap();
        options.set_bool("offline", false).unwrap();
        let read = place(&options, &variables).unwrap();
        assert_eq!((read.endpoint.as_str(), read.offline), ("http://a", false));
        assert_eq!(read.token.unwrap().header(), "Bearer hf_a");
        // An empty text is none.
        options.set_str("hub_token", "").unwrap();
        assert!(place(&options, &variables).unwrap().token.is_none());
        let both = [("MODEL_ENDPOINT", "http://m"), ("HF_ENDPOINT", "http://h")];
        assert_eq!(place(&Options::new(), &both).unwrap().endpoint, "http://m");
        assert_eq!(place(&Options::new(), &[("HF_HUB_OFFLINE", "0")]).unwrap().endpoint, HUB);
    }

    #[test]
    fn a_token_is_shown_nowhere() {
        let secret = "hf_secret with a space";
        let mut options = Options::new();
        options.set_str("hub_token", secret).unwrap();
        let error = place(&options, &[]).err().unwrap();
        assert!(!format!("{error} {error:?} {options:?}").contains("hf_"), "{error:?} {options:?}");
        assert_eq!(options.texts("hub_token"), Some(vec!["(secret)".to_owned()]));
        let token = Token::new("x", "hf_secret").unwrap();
        assert!(!format!("{token:?}").contains("secret"));
    }
}
