//! `bench`: how fast a model reads a prompt and writes an answer.

use chaku::{Final, Model, Options};
use serde_json::{Value, json};

use crate::answer::read;
use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::model_source;
use crate::output::print_json;
use crate::terminal::{Look, Progress, print};

const PROMPT: u64 = 512;
const ANSWER: u64 = 128;
const REPETITIONS: u64 = 5;

/// Tokens a second, of each repetition.
struct Figure {
    what: &'static str,
    tokens: u64,
    rates: Vec<f64>,
}

pub(super) fn run(settings: &Settings) -> Result<()> {
    let look = Look::new(settings)?;
    let number = |name, default| Ok::<u64, Failure>(settings.number(name)?.unwrap_or(default));
    let (prompt, answer) = (number("n-prompt", PROMPT)?, number("n-gen", ANSWER)?);
    let repetitions = number("repetitions", REPETITIONS)?.max(1);
    let loaded = model_source::load(settings, look)?;
    let mut figures = Vec::new();
    let bar = Progress::new(look, "measuring");
    for (what, tokens) in [("prompt", prompt), ("generation", answer)] {
        if tokens == 0 {
            continue;
        }
        let mut figure = Figure { what, tokens, rates: Vec::new() };
        // The first one warms up.
        for round in 0..=repetitions {
            bar.set(round, repetitions);
            let rate =
                if what == "prompt" { reads(&loaded.model, tokens, round)? } else { writes(&loaded.model, tokens)? };
            if round > 0 {
                figure.rates.push(rate);
            }
        }
        figures.push(figure);
    }
    drop(bar);
    if settings.is_on("json") {
        let figures: Vec<Value> = figures.iter().map(Figure::json).collect();
        let object = json!({ "model": loaded.name, "description": loaded.model.description(),
            "llama_cpp": chaku::llama_info(), "results": figures });
        return Ok(print_json(&object)?);
    }
    let mut table =
        format!("{} ({})\n\n| test | tokens | tokens/s |\n|---|---|---|\n", loaded.name, loaded.model.description());
    for figure in &figures {
        table.push_str(&format!(
            "| {} | {} | {:.2} ± {:.2} |\n",
            figure.what,
            figure.tokens,
            figure.mean(),
            figure.deviation()
        ));
    }
    Ok(print(&table)?)
}

/// A prompt that no session has seen, so that nothing of it is in the cache.
fn reads(model: &Model, tokens: u64, round: u64) -> Result<f64> {
    let words: String = (0..tokens).map(|n| format!("{} ", (n + round * 7919) % 997)).collect();
    let mut all = model.tokenize(&format!("{round}: {words}"), false, false)?;
    all.truncate(tokens as usize);
    let text = String::from_utf8_lossy(&model.detokenize(&all, false)?).into_owned();
    let mut options = Options::new();
    options.set_i64("max_tokens", 1)?;
    let end = measure(model, &text, &options)?;
    let read = f64::from(end.usage.prompt_tokens - end.usage.cached_tokens);
    Ok(read * 1000.0 / end.timings.prefill_ms)
}

fn writes(model: &Model, tokens: u64) -> Result<f64> {
    let mut options = Options::new();
    // From the first token to the last there is one step fewer than there are tokens.
    options.set_i64("max_tokens", tokens as i64 + 1)?;
    options.set_bool("ignore_eos", true)?;
    let end = measure(model, "Once", &options)?;
    Ok(f64::from(end.usage.completion_tokens.saturating_sub(1)) * 1000.0 / end.timings.decode_ms)
}

fn measure(model: &Model, text: &str, options: &Options) -> Result<Final> {
    let session = model.session(&Options::new())?;
    let answer = read(session.generate(text, options)?, |_| Ok(()))?;
    answer.failure().map_or_else(|| Ok((*answer.end).clone()), Err)
}

impl Figure {
    fn mean(&self) -> f64 {
        self.rates.iter().sum::<f64>() / self.rates.len() as f64
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.rates.iter().map(|rate| (rate - mean).powi(2)).sum();
        (squares / (self.rates.len() as f64 - 1.0).max(1.0)).sqrt()
    }

    fn json(&self) -> Value {
        json!({ "test": self.what, "tokens": self.tokens, "tokens_per_s": self.mean(), "deviation": self.deviation(),
            "samples": self.rates })
    }
}
