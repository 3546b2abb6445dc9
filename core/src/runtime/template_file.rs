//! The chat template that a load is given: text, or a file with it.

use std::fs::File;
use std::io::Read;

use crate::error::{Error, Reason, Result};
use crate::options::{Layers, Options};

/// The longest file. The templates of models have some ten thousand bytes.
const LONGEST: u64 = 1 << 20;

const TEXT: &str = "chat_template";
const FILE: &str = "chat_template_file";

/// What llama.cpp has a source of its own for.
const NAMED: &str = "chatml";

/// The model's options, with the text that a file has as `chat_template`. What the model is given goes before what its runtime
/// has for all.
pub(super) fn resolve(runtime: &Options, mut model: Options) -> Result<Options> {
    let given = |options: &Options, key: &str| {
        Layers(vec![options]).str(key).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    for options in [&model, runtime] {
        if let (Some(_), Some(file)) = (given(options, TEXT), given(options, FILE)) {
            let message = format!("{FILE}: {TEXT} is given too; give one of them, not {file} as well");
            return Err(Error::new(Reason::InvalidOption, message).with("key", FILE));
        }
    }
    let (key, text) = match (given(&model, FILE), given(&model, TEXT), given(runtime, FILE), given(runtime, TEXT)) {
        (Some(file), ..) | (None, None, Some(file), _) => (FILE, read(&file)?),
        (None, Some(text), ..) | (None, None, None, Some(text)) => (TEXT, text),
        (None, None, None, None) => return Ok(model),
    };
    check(key, &text)?;
    if key == FILE {
        model.set_str(TEXT, &text)?;
    }
    Ok(model)
}

fn read(path: &str) -> Result<String> {
    let of_file = |error: Error| error.with("key", FILE).with("path", path);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| of_file(chaku_llama::Error::Unreadable(error).into()))?;
    if bytes.len() as u64 > LONGEST {
        let message = format!("{FILE}: {path} is larger than 1 MiB, and so no chat template");
        return Err(of_file(Error::new(Reason::InvalidOption, message)));
    }
    String::from_utf8(bytes).map_err(|_| {
        of_file(Error::new(Reason::InvalidOption, format!("{FILE}: {path} is not UTF-8, and so no chat template")))
    })
}

/// Without any Jinja it would say the same to every message: it is a name, or another file.
fn check(key: &'static str, text: &str) -> Result<()> {
    if text == NAMED || text.contains("{{") || text.contains("{%") {
        return Ok(());
    }
    let begins: String = text.chars().take(40).collect();
    let message =
        format!("{key}: `{begins}` is no Jinja source, which has `{{{{` or `{{%` in it; the one name known is {NAMED}");
    Err(Error::new(Reason::InvalidOption, message).with("key", key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(set: &[(&str, &str)]) -> Options {
        let mut options = Options::new();
        set.iter().for_each(|(key, value)| options.set_str(key, value).unwrap());
        options
    }

    fn resolved(runtime: &[(&str, &str)], model: &[(&str, &str)]) -> Result<Option<String>> {
        resolve(&options(runtime), options(model)).map(|options| Layers(vec![&options]).str(TEXT).map(str::to_owned))
    }

    #[test]
    fn the_nearest_one_counts_be_it_text_or_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.jinja");
        std::fs::write(&path, "{{ messages }}é\n").unwrap();
        let file = path.to_str().unwrap();
        let of_file = Some("{{ messages }}é\n".to_owned());
        assert_eq!(resolved(&[], &[]).unwrap(), None);
        assert_eq!(resolved(&[], &[(FILE, file)]).unwrap(), of_file);
        assert_eq!(resolved(&[(FILE, file)], &[]).unwrap(), of_file);
        assert_eq!(resolved(&[(TEXT, "{{ x }}")], &[(FILE, file)]).unwrap(), of_file);
        assert_eq!(resolved(&[(FILE, file)], &[(TEXT, "chatml")]).unwrap(), Some("chatml".to_owned()));
        assert_eq!(resolved(&[(FILE, "")], &[(TEXT, "{% set x = 1 %}")]).unwrap(), Some("{% set x = 1 %}".to_owned()));
    }

    #[test]
    fn what_is_no_template_is_refused_when_the_model_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let missing = folder.path().join("missing").to_str().unwrap().to_owned();
        let here = folder.path().to_str().unwrap().to_owned();
        for (file, reason) in [
            (missing, Reason::FileNotFound),
            (here, Reason::FileUnreadable),
            (path("bytes", b"{{ \xff }}"), Reason::InvalidOption),
            (path("large", &vec![b'{'; LONGEST as usize + 1]), Reason::InvalidOption),
            (path("words", b"llama3"), Reason::InvalidOption),
        ] {
            let error = resolved(&[], &[(FILE, &file)]).unwrap_err();
            assert_eq!((error.reason(), error.detail("key")), (reason, Some(FILE)), "{file}");
        }
        let error = resolved(&[], &[(TEXT, "llama3")]).unwrap_err();
        assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some(TEXT)));
        let error = resolved(&[], &[(TEXT, "{{ x }}"), (FILE, "x")]).unwrap_err();
        assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some(FILE)));
    }
}
