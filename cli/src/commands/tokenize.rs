//! `tokenize`: the tokens of a text.

use serde_json::json;

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::output::print_json;
use crate::terminal::{Look, print};
use crate::{model_source, prompt};

pub(super) fn run(settings: &Settings) -> Result<()> {
    let text = match settings.words.as_slice() {
        [] => prompt::stdin()?,
        words => words.join(" "),
    };
    if text.is_empty() {
        return Err(Failure::usage("there is no text; give it as an argument, or through a pipe"));
    }
    let model = model_source::load(settings, Look::new(settings)?)?.model;
    let special = settings.switch("special") != Some(false);
    let tokens = model.tokenize(&text, special, settings.is_on("parse-control"))?;
    let mut pieces = Vec::with_capacity(tokens.len());
    for token in &tokens {
        pieces.push((token, model.detokenize(&[*token], true)?));
    }
    if settings.is_on("json") {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|(id, bytes)| match std::str::from_utf8(bytes) {
                Ok(text) => json!({ "id": id, "piece": text }),
                // A part of a character is no text.
                Err(_) => json!({ "id": id, "piece": String::from_utf8_lossy(bytes), "bytes": bytes }),
            })
            .collect();
        return Ok(print_json(&json!({ "count": tokens.len(), "tokens": pieces }))?);
    }
    let line = |(id, bytes): &(_, Vec<u8>)| format!("{id:>6}  {:?}\n", String::from_utf8_lossy(bytes));
    let lines: String = pieces.iter().map(|(id, bytes)| line(&(**id, bytes.clone()))).collect();
    Ok(print(&lines)?)
}
