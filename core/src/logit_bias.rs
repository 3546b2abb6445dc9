//! Tokens made likelier, less likely or impossible: what the entries of `logit_bias` say.

use chaku_llama::{Token, Vocab};

use crate::error::{Error, Reason, Result};
use crate::options::Layers;

/// The largest change. Half of it already decides alone.
const LARGEST: f32 = 1e6;

/// The tokens and what is added to their logits; minus infinity bans.
pub(crate) fn asked(layers: &Layers<'_>, vocab: &Vocab<'_>) -> Result<Vec<(Token, f32)>> {
    let entries = layers.list("logit_bias");
    if !entries.is_empty() && layers.f32("typical_p") < 1.0 {
        // It sorts what is not a number when a token has no probability at all.
        let message = "typical_p: logit_bias is set, which does not go with typical sampling; leave it at 1";
        return Err(Error::new(Reason::InvalidOption, message).with("key", "typical_p"));
    }
    let mut biases = Vec::new();
    for entry in entries {
        let (name, bias) = entry
            .rsplit_once('=')
            .ok_or_else(|| refused(entry, "it is TOKEN=BIAS: a token's number or a text, and a number or false"))?;
        let bias = read_bias(bias).ok_or_else(|| {
            refused(
                entry,
                &format!("BIAS is a number from -{LARGEST} to {LARGEST}, or -inf or false, which ban the token"),
            )
        })?;
        biases.extend(read_tokens(entry, name, vocab)?.into_iter().map(|token| (token, bias)));
    }
    Ok(biases)
}

fn read_bias(text: &str) -> Option<f32> {
    let text = text.trim();
    if text == "false" {
        return Some(f32::NEG_INFINITY);
    }
    let bias: f32 = text.parse().ok()?;
    (bias == f32::NEG_INFINITY || (-LARGEST..=LARGEST).contains(&bias)).then_some(bias)
}

/// A number is a token's; quotes, as in JSON, make a text of it, as of whatever else is no number.
fn read_tokens(entry: &str, name: &str, vocab: &Vocab<'_>) -> Result<Vec<Token>> {
    let digits = name.strip_prefix('-').unwrap_or(name);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let known = |token: &Token| u32::try_from(*token).is_ok_and(|token| token < vocab.n_tokens());
        let token = name.parse().ok().filter(known);
        return Ok(vec![token.ok_or_else(|| {
            refused(entry, &format!("the model's tokens have the numbers 0 to {}", vocab.n_tokens().saturating_sub(1)))
        })?]);
    }
    let quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    let text = if quoted {
        serde_json::from_str(name).map_err(|_| refused(entry, "what is in quotes is no JSON string"))?
    } else {
        name.to_owned()
    };
    let tokens = vocab.tokenize(&text, false, false)?;
    if tokens.is_empty() { Err(refused(entry, "the text makes no token")) } else { Ok(tokens) }
}

fn refused(entry: &str, why: &str) -> Error {
    let message = format!("logit_bias: `{entry}`: {why}");
    Error::new(Reason::InvalidOption, message).with("key", "logit_bias").with("value", entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bias_is_a_number_or_a_ban() {
        for (text, bias) in [("5", 5.0), ("-0.5", -0.5), (" 1e3 ", 1e3), ("-inf", f32::NEG_INFINITY)] {
            assert_eq!(read_bias(text), Some(bias), "{text}");
        }
        assert_eq!(read_bias("false"), Some(f32::NEG_INFINITY));
        assert_eq!(read_bias("-Infinity"), Some(f32::NEG_INFINITY));
        for text in ["", "x", "nan", "NaN", "inf", "true", "True", "1e7", "-1e7", "1,5"] {
            assert_eq!(read_bias(text), None, "{text}");
        }
    }
}
