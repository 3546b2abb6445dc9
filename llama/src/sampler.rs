//! From logits to a token.

use std::ffi::CString;
use std::ptr::NonNull;

use crate::{Context, Error, Model, Token, ffi};

/// How to choose tokens. The defaults are llama.cpp's.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are llama.cpp's, and chaku documents its options in one table")]
pub struct SamplerParams {
    /// 0xFFFFFFFF = a random one.
    pub seed: u32,
    pub temperature: f32,
    pub top_k: i32,
    pub top_p: f32,
    pub min_p: f32,
    pub typical_p: f32,
    pub top_n_sigma: f32,
    pub repeat_penalty: f32,
    pub repeat_last_n: i32,
    pub presence_penalty: f32,
    pub frequency_penalty: f32,
    pub dry_multiplier: f32,
    pub dry_base: f32,
    pub dry_allowed_length: i32,
    pub dry_penalty_last_n: i32,
    pub xtc_probability: f32,
    pub xtc_threshold: f32,
    pub dynatemp_range: f32,
    pub dynatemp_exponent: f32,
    /// 0 = off, 1 or 2 = the version.
    pub mirostat: i32,
    pub mirostat_lr: f32,
    pub mirostat_ent: f32,
    /// Probability that adaptive-p, if it is one of the samplers, keeps close to; below 0 = off.
    pub adaptive_target: f32,
    pub adaptive_decay: f32,
    /// Texts at which a repetition ends for DRY; `None` = llama.cpp's.
    pub dry_sequence_breakers: Option<Vec<String>>,
    /// Names in order, separated by `;`. `None` = llama.cpp's order.
    pub samplers: Option<String>,
    /// GBNF whose first rule is `root`.
    pub grammar: Option<String>,
    /// Never choose a token that ends the generation.
    pub ignore_eos: bool,
    /// Most tokens of thinking, in an answer whose [`format`](Self::format) has any; -1 = no limit.
    pub reasoning_budget: i32,
    /// What the model is made to say before its thinking ends for want of budget.
    pub reasoning_budget_message: Option<String>,
    /// Of a [`Rendered`](crate::Rendered): when the grammar, which must be the one it names, comes into force.
    pub format: Option<String>,
    /// Added to the logits of tokens before everything else, a grammar apart; minus infinity = never choose it.
    pub logit_bias: Vec<(Token, f32)>,
}

impl Default for SamplerParams {
    fn default() -> Self {
        Self {
            seed: u32::MAX,
            temperature: 0.8,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            typical_p: 1.0,
            top_n_sigma: -1.0,
            repeat_penalty: 1.0,
            repeat_last_n: 64,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            dry_multiplier: 0.0,
            dry_base: 1.75,
            dry_allowed_length: 2,
            dry_penalty_last_n: 64,
            xtc_probability: 0.0,
            xtc_threshold: 0.1,
            dynatemp_range: 0.0,
            dynatemp_exponent: 1.0,
            mirostat: 0,
            mirostat_lr: 0.1,
            mirostat_ent: 5.0,
            adaptive_target: -1.0,
            adaptive_decay: 0.9,
            dry_sequence_breakers: None,
            samplers: None,
            grammar: None,
            ignore_eos: false,
            reasoning_budget: -1,
            reasoning_budget_message: None,
            format: None,
            logit_bias: Vec::new(),
        }
    }
}

/// A chain of samplers with its state: what was said so far, the random numbers, the place in the grammar.
pub struct Sampler {
    raw: Raw,
    model: Model,
    params: SamplerParams,
}

struct Raw(NonNull<ffi::Sampler>);

// SAFETY: a sampler has no ties to a thread, and every method that changes it takes it mutably.
unsafe impl Send for Sampler {}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: from chaku_llama_sampler_new, freed once, while the model is alive.
        unsafe { ffi::chaku_llama_sampler_free(self.0.as_ptr()) }
    }
}

impl Sampler {
    /// Builds the chain.
    pub fn new(model: &Model, params: &SamplerParams) -> Result<Self, Error> {
        model.vocab().check_has_tokenizer()?;
        params.check()?;
        params.logit_bias.iter().try_for_each(|(token, _)| model.vocab().check_token(*token))?;
        Ok(Self { raw: build(model, params)?, model: model.clone(), params: params.clone() })
    }

    /// Chooses a token from the logits for index `i` of the last batch ([`Context::logits`] says what `i` means). The token
    /// does not count as said before [`accept`](Self::accept).
    pub fn sample(&mut self, context: &mut Context, i: i32) -> Result<Token, Error> {
        if !context.model().is_same(&self.model) {
            return Err(Error::input("context", "belongs to another model"));
        }
        context.check_output(i)?;
        // Sorting compares logits, and what compares to nothing can lead it out of its array.
        if context.logits(i).is_none_or(|logits| logits.iter().any(|logit| logit.is_nan())) {
            return Err(Error::Decode {
                code: 0,
                message: "the model computed logits that are not numbers".to_owned(),
            });
        }
        let mut token = -1;
        let outcome = ffi::call("common_sampler_sample", |error| {
            // SAFETY: both are alive and of the same model, and that index has logits.
            unsafe { ffi::chaku_llama_sampler_sample(self.raw.0.as_ptr(), context.raw(), i, &raw mut token, error) }
        })?;
        match outcome {
            ffi::Outcome::Done if self.is_forbidden(context, i, token) => Err(Error::InvalidSampling {
                message: "no token is left: logit_bias bans all that could follow".to_owned(),
            }),
            ffi::Outcome::Done => Ok(token),
            ffi::Outcome::Refused(_) => {
                Err(Error::InvalidSampling { message: "no token of the vocabulary continues the grammar".to_owned() })
            }
        }
    }

    /// Where every logit is minus infinity llama.cpp chooses one all the same.
    fn is_forbidden(&self, context: &Context, i: i32, token: Token) -> bool {
        let bans = &self.params.logit_bias;
        let impossible = |logit: &f32| *logit == f32::NEG_INFINITY;
        !bans.is_empty()
            && (bans.iter().any(|(banned, bias)| *banned == token && impossible(bias))
                || context.logits(i).and_then(|logits| logits.get(token as usize)).is_some_and(impossible))
    }

    /// What the samplers left of the vocabulary when a token was last chosen, in any order: tokens and probabilities.
    pub fn candidates(&self) -> impl Iterator<Item = (Token, f32)> + Clone + '_ {
        let mut count = 0;
        // SAFETY: `count` is writable.
        let data = unsafe { ffi::chaku_llama_sampler_candidates(self.raw.0.as_ptr(), &raw mut count) };
        let candidates: &[ffi::llama_token_data] = match count {
            0 => &[],
            // SAFETY: so many entries of an array of the sampler, which changes only with `sample`: that needs it mutably.
            count => unsafe { std::slice::from_raw_parts(data, count) },
        };
        candidates.iter().map(|candidate| (candidate.id, candidate.p))
    }

    /// Tells the chain what was said. `is_generated`: by the model, so that it also moves the grammar on. A token that the
    /// grammar does not allow is an error and changes nothing.
    pub fn accept(&mut self, token: Token, is_generated: bool) -> Result<(), Error> {
        self.model.vocab().check_token(token)?;
        let outcome = ffi::call("common_sampler_accept", |error| {
            // SAFETY: the token exists.
            unsafe { ffi::chaku_llama_sampler_accept(self.raw.0.as_ptr(), token, is_generated, error) }
        })?;
        match outcome {
            ffi::Outcome::Done => Ok(()),
            ffi::Outcome::Refused(_) => {
                Err(Error::input("token", format!("{token} is not what the grammar allows here")))
            }
        }
    }

    /// The seed in use: what was asked for, or the random one.
    pub fn seed(&self) -> u32 {
        // SAFETY: reads a number.
        unsafe { ffi::chaku_llama_sampler_seed(self.raw.0.as_ptr()) }
    }

    /// Starts over as a new sampler with the same parameters. (`common_sampler_reset` would leave the grammar where it is.)
    pub fn reset(&mut self) -> Result<(), Error> {
        self.raw = build(&self.model, &self.params)?;
        Ok(())
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sampler").field(&self.params).finish()
    }
}

impl SamplerParams {
    /// What llama.cpp asserts, and what would make it compute without sense: numbers so large or small that logits become
    /// infinite, histories so long that they take the host's memory.
    fn check(&self) -> Result<(), Error> {
        const LARGE: f32 = 1e6;
        const SMALL: f32 = 1e-6;
        const LONG: i32 = 1 << 20;
        let invalid = |name: &str, value: String, allowed: String| {
            Err(Error::InvalidSampling { message: format!("{name} is {value}, not {allowed}") })
        };
        for (name, value) in [
            ("temperature", self.temperature),
            ("top_p", self.top_p),
            ("min_p", self.min_p),
            ("typical_p", self.typical_p),
            ("top_n_sigma", self.top_n_sigma),
            ("repeat_penalty", self.repeat_penalty),
            ("presence_penalty", self.presence_penalty),
            ("frequency_penalty", self.frequency_penalty),
            ("dry_multiplier", self.dry_multiplier),
            ("dry_base", self.dry_base),
            ("xtc_probability", self.xtc_probability),
            ("xtc_threshold", self.xtc_threshold),
            ("dynatemp_range", self.dynatemp_range),
            ("dynatemp_exponent", self.dynatemp_exponent),
            ("mirostat_lr", self.mirostat_lr),
            ("mirostat_ent", self.mirostat_ent),
            ("adaptive_target", self.adaptive_target),
            ("adaptive_decay", self.adaptive_decay),
        ] {
            if !(-LARGE..=LARGE).contains(&value) {
                return invalid(name, value.to_string(), format!("between -{LARGE} and {LARGE}"));
            }
        }
        if self.repeat_penalty < SMALL {
            let value = self.repeat_penalty.to_string();
            return invalid("repeat_penalty", value, format!("{SMALL} or more"));
        }
        if self.temperature > 0.0 && self.temperature < SMALL {
            let value = self.temperature.to_string();
            return invalid("temperature", value, format!("0 or at least {SMALL}"));
        }
        let possible = |bias: f32| bias == f32::NEG_INFINITY || (-LARGE..=LARGE).contains(&bias);
        if let Some((token, bias)) = self.logit_bias.iter().find(|(_, bias)| !possible(*bias)) {
            let allowed = format!("between -{LARGE} and {LARGE}, or -inf");
            return invalid("logit_bias", format!("{bias} for token {token}"), allowed);
        }
        for (name, value, range) in [
            ("repeat_last_n", self.repeat_last_n, 0..=LONG),
            ("dry_penalty_last_n", self.dry_penalty_last_n, 0..=LONG),
            ("dry_allowed_length", self.dry_allowed_length, 0..=LONG),
            ("mirostat", self.mirostat, 0..=2),
        ] {
            if !range.contains(&value) {
                let allowed = format!("between {} and {}", range.start(), range.end());
                return invalid(name, value.to_string(), allowed);
            }
        }
        Ok(())
    }

    fn raw(&self) -> ffi::SamplerParams {
        ffi::SamplerParams {
            seed: self.seed,
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            top_n_sigma: self.top_n_sigma,
            repeat_penalty: self.repeat_penalty,
            repeat_last_n: self.repeat_last_n,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            dry_multiplier: self.dry_multiplier,
            dry_base: self.dry_base,
            dry_allowed_length: self.dry_allowed_length,
            dry_penalty_last_n: self.dry_penalty_last_n,
            xtc_probability: self.xtc_probability,
            xtc_threshold: self.xtc_threshold,
            dynatemp_range: self.dynatemp_range,
            dynatemp_exponent: self.dynatemp_exponent,
            mirostat: self.mirostat,
            mirostat_lr: self.mirostat_lr,
            mirostat_ent: self.mirostat_ent,
            adaptive_target: self.adaptive_target,
            adaptive_decay: self.adaptive_decay,
            ignore_eos: self.ignore_eos,
            reasoning_budget: self.reasoning_budget,
        }
    }
}

fn build(model: &Model, params: &SamplerParams) -> Result<Raw, Error> {
    let samplers = params.samplers.as_deref().map(|names| c_text("samplers", names)).transpose()?;
    let grammar = match &params.grammar {
        Some(text) => Some(check_grammar(model, text)?),
        None => None,
    };
    let format = params.format.as_deref().map(|text| c_text("format", text)).transpose()?;
    let farewell = params.reasoning_budget_message.as_deref();
    let farewell = farewell.map(|text| c_text("reasoning_budget_message", text)).transpose()?;
    let breakers = params
        .dry_sequence_breakers
        .as_deref()
        .map(|texts| texts.iter().map(|text| c_text("dry_sequence_breakers", text)).collect::<Result<Vec<_>, _>>());
    let breakers = breakers.transpose()?;
    let breakers: Option<Vec<_>> = breakers.as_ref().map(|texts| texts.iter().map(|text| text.as_ptr()).collect());
    let raw_params = params.raw();
    let biases: Vec<_> = params.logit_bias.iter().map(|&(token, bias)| ffi::llama_logit_bias { token, bias }).collect();
    let pointer = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    let mut raw = std::ptr::null_mut();
    let outcome = ffi::call("common_sampler_init", |error| {
        // SAFETY: texts and biases outlive the call, parameters and tokens are in range, and the grammar was checked.
        unsafe {
            ffi::chaku_llama_sampler_new(
                model.raw(),
                &raw const raw_params,
                pointer(&samplers),
                pointer(&grammar),
                pointer(&format),
                pointer(&farewell),
                breakers.as_ref().map_or(std::ptr::null(), Vec::as_ptr),
                breakers.as_ref().map_or(0, Vec::len),
                biases.as_ptr(),
                biases.len(),
                &raw mut raw,
                error,
            )
        }
    })?;
    match (outcome, NonNull::new(raw)) {
        (ffi::Outcome::Done, Some(raw)) => Ok(Raw(raw)),
        (ffi::Outcome::Refused(message), _) => Err(Error::InvalidSampling { message }),
        (ffi::Outcome::Done, None) => Err(Error::InvalidSampling { message: "no sampler".to_owned() }),
    }
}

fn c_text(name: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::InvalidSampling { message: format!("{name} contains a NUL character") })
}

/// Finds what is wrong with a grammar, before llama.cpp's own parser writes it to stderr or aborts over it.
fn check_grammar(model: &Model, text: &str) -> Result<CString, Error> {
    /// The checks take quadratic time in the worst case.
    const LONGEST: usize = 1 << 20;
    let invalid = |message: &str| Error::InvalidGrammar { message: message.to_owned() };
    if text.len() > LONGEST {
        return Err(invalid("it is longer than 1 MiB"));
    }
    let text = CString::new(text).map_err(|_| invalid("it contains a NUL character"))?;
    let outcome = ffi::call("llama_grammar_parser", |error| {
        // SAFETY: vocabulary and text outlive the call.
        unsafe { ffi::chaku_llama_grammar_check(model.vocab().raw(), text.as_ptr(), error) }
    })?;
    match outcome {
        ffi::Outcome::Done => Ok(text),
        ffi::Outcome::Refused(message) => Err(Error::InvalidGrammar { message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_llama_cpp() {
        let mut theirs = ffi::SamplerParams::default();
        // SAFETY: fills a struct of the same layout.
        unsafe { ffi::chaku_llama_sampler_defaults(&raw mut theirs) };
        let ours = SamplerParams::default().raw();
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }

    #[test]
    fn refuses_values_that_llama_cpp_would_assert_or_choke_on() {
        SamplerParams::default().check().unwrap();
        type Change = fn(&mut SamplerParams);
        let broken: [(&str, Change); 11] = [
            ("mirostat", |p| p.mirostat = 3),
            ("mirostat", |p| p.mirostat = -1),
            ("repeat_penalty", |p| p.repeat_penalty = 0.0),
            ("top_p", |p| p.top_p = f32::NAN),
            ("temperature", |p| p.temperature = f32::INFINITY),
            ("temperature", |p| p.temperature = 1e-30),
            ("repeat_last_n", |p| p.repeat_last_n = i32::MAX),
            ("dry_allowed_length", |p| p.dry_allowed_length = -1),
            ("logit_bias", |p| p.logit_bias = vec![(1, f32::NAN)]),
            ("logit_bias", |p| p.logit_bias = vec![(1, f32::NEG_INFINITY), (2, f32::INFINITY)]),
            ("logit_bias", |p| p.logit_bias = vec![(1, 1e7)]),
        ];
        for (name, change) in broken {
            let mut params = SamplerParams::default();
            change(&mut params);
            let error = params.check().unwrap_err();
            assert!(matches!(error, Error::InvalidSampling { .. }));
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
