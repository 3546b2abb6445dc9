//! What an answer must be: a JSON Schema, a regular expression or a Lark grammar, as masks of the tokens that may come next.
//! llguidance does the work. (GBNF grammars are llama.cpp's, and part of its sampler.)
//!
//! A constraint fails closed: one that cannot be compiled is an error before anything is computed, and one that fails later
//! ends the answer with an error.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chaku_llama::{Token, Vocab};
use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie};
use llguidance::{ParserFactory, TokenParser};
use serde_json::{Value, json};

use crate::error::{Error, Reason, Result};
use crate::options::Layers;

/// The options that are constraints; `grammar` is llama.cpp's.
const KEYS: [&str; 5] = ["grammar", "json_schema", "json_object", "regex", "lark"];

/// The longest text of one, in bytes. llguidance has limits of its own, but works up to seconds towards them, and cannot be
/// cancelled there.
const LONGEST_SCHEMA: usize = 256 << 10;
const LONGEST: usize = 64 << 10;

/// Makes constraints for one vocabulary.
pub(crate) struct Compiler(ParserFactory);

impl Compiler {
    pub(crate) fn new(vocab: Vocab<'_>) -> Result<Self> {
        let mut words = Vec::new();
        let mut ends = Vec::new();
        for token in 0..vocab.n_tokens() as Token {
            let mut bytes = Vec::new();
            if vocab.is_special(token) {
                bytes.push(TokTrie::SPECIAL_TOKEN_MARKER);
                vocab.token_bytes(token, true, &mut bytes)?;
            } else {
                vocab.token_bytes(token, false, &mut bytes)?;
            }
            words.push(bytes);
            if vocab.is_eog(token) {
                ends.push(token as u32);
            }
        }
        let Some(&end) = ends.first() else {
            let message = "the model has no token that ends an answer, so an answer cannot be held to a constraint";
            return Err(Error::new(Reason::ModelUnsupported, message));
        };
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, end), &words).with_eos_tokens(&ends);
        let tokens: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let capabilities = InferenceCapabilities::default();
        let mut factory = ParserFactory::new(&tokens, capabilities, &SlicedBiasComputer::general_slices())
            .map_err(|error| Error::new(Reason::Internal, error.to_string()))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Compiler(factory))
    }

    pub(crate) fn compile(&self, (key, grammar): (&'static str, TopLevelGrammar)) -> Result<Constraint> {
        let refused = |error: &dyn Display| {
            let error = error.to_string();
            let message = format!("{key}: {}", error.lines().next().unwrap_or("it cannot be compiled"));
            Error::new(Reason::InvalidGrammar, message).with("key", key)
        };
        let mut parser = self.0.create_parser(grammar).map_err(|error| refused(&error))?;
        let warnings = parser.grammar_warnings();
        if let Some(warning) = warnings.first() {
            return Err(refused(warning));
        }
        parser.start_without_prompt();
        Ok(Constraint { key, parser })
    }
}

/// Where an answer is in what it must be.
pub(crate) struct Constraint {
    key: &'static str,
    parser: TokenParser,
}

impl Constraint {
    /// The tokens that may come next, those that end the answer among them.
    pub(crate) fn allowed(&mut self) -> Result<SimpleVob> {
        let mask = self.guarded(|parser| match parser.stopped() {
            true => Ok(parser.token_env.tok_trie().eos_token_set()),
            false => parser.compute_mask(),
        })?;
        if mask.is_zero() {
            return Err(self.failed("no token of the vocabulary continues the answer"));
        }
        Ok(mask)
    }

    /// A token was chosen.
    pub(crate) fn accept(&mut self, token: Token) -> Result<()> {
        self.guarded(|parser| match parser.stopped() {
            true => Ok(true),
            false => parser.consume_token(token as u32).and_then(|_| parser.check_stop()),
        })?;
        Ok(())
    }

    /// llguidance asserts its own state; an answer that breaks it must not end the engine.
    fn guarded<T, E: Display>(
        &mut self,
        call: impl FnOnce(&mut TokenParser) -> std::result::Result<T, E>,
    ) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(|| call(&mut self.parser))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(self.failed("it failed on this answer")),
        }
    }

    fn failed(&self, why: impl Display) -> Error {
        Error::new(Reason::ConstraintFailed, format!("{}: {why}", self.key)).with("key", self.key)
    }
}

/// The options that are given.
fn given(layers: &Layers<'_>) -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().filter(|key| match *key {
        "json_object" => layers.bool(key),
        key => layers.str(key).is_some_and(|text| !text.is_empty()),
    })
}

/// Whether an answer must be something, be it by llama.cpp's own.
pub(crate) fn is_asked(layers: &Layers<'_>) -> bool {
    given(layers).next().is_some()
}

/// The constraint that options ask for, besides llama.cpp's own.
pub(crate) fn asked(layers: &Layers<'_>) -> Result<Option<(&'static str, TopLevelGrammar)>> {
    let set: Vec<&'static str> = given(layers).collect();
    let &[key] = &set[..] else {
        let Some(second) = set.get(1) else { return Ok(None) };
        return Err(clash(second, &format!("{} is set too; an answer has one constraint", set[0])));
    };
    if layers.f32("typical_p") < 1.0 {
        return Err(clash(
            "typical_p",
            &format!("{key} is set, which does not go with typical sampling; leave it at 1"),
        ));
    }
    if key != "grammar" && layers.bool("ignore_eos") {
        return Err(clash("ignore_eos", &format!("{key} is set, and its answer must be able to end")));
    }
    let value = layers.str(key).unwrap_or_default();
    let longest = if key == "json_schema" { LONGEST_SCHEMA } else { LONGEST };
    if key != "grammar" && value.len() > longest {
        let message = format!("{key}: it has {} bytes, of {longest} that it may have", value.len());
        return Err(Error::new(Reason::InvalidGrammar, message).with("key", key));
    }
    Ok(Some(match key {
        "json_schema" => (key, schema(value)?),
        "json_object" => (key, TopLevelGrammar::from_json_schema(spaced(json!({"type": "object"})))),
        "regex" => (key, TopLevelGrammar::from_regex(value)),
        "lark" => (key, TopLevelGrammar::from_lark(value.to_owned())),
        _ => return Ok(None),
    }))
}

fn clash(key: &str, message: &str) -> Error {
    Error::new(Reason::InvalidOption, format!("{key}: {message}")).with("key", key)
}

fn schema(text: &str) -> Result<TopLevelGrammar> {
    let invalid = |message: String| Error::new(Reason::InvalidGrammar, message).with("key", "json_schema");
    let schema: Value =
        serde_json::from_str(text).map_err(|error| invalid(format!("json_schema: it is not JSON: {error}")))?;
    if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
        return Err(invalid("json_schema: a schema is an object, or true or false".to_owned()));
    }
    Ok(TopLevelGrammar::from_json_schema(spaced(schema)))
}

/// On one line, as `json.dumps` of Python writes it and models have read most, unless the schema says otherwise
/// (`x-guidance`). Where there may be any space, small models get lost in it.
fn spaced(mut schema: Value) -> Value {
    if let Value::Object(fields) = &mut schema
        && let Value::Object(guidance) = fields.entry("x-guidance").or_insert_with(|| json!({}))
        && !guidance.keys().any(|key| key.starts_with("whitespace_"))
    {
        guidance.insert("whitespace_flexible".to_owned(), json!(false));
        guidance.entry("item_separator").or_insert_with(|| json!(", "));
        guidance.entry("key_separator").or_insert_with(|| json!(": "));
    }
    schema
}
