//! Choosing tokens: from options to llama.cpp's sampler, and what an answer must be.

use chaku_llama::{Context, SamplerParams, Token, Vocab};

use crate::answer::Format;
use crate::constraint::Constraint;
use crate::error::{Error, Reason, Result};
use crate::event::TopLogprob;
use crate::logit_bias;
use crate::logprobs::{Asked, Distribution};
use crate::options::{Layers, Options};
use crate::thinking::{Thinking, Verdict};

/// llama.app's "a new seed each time".
const RANDOM_SEED: u32 = u32::MAX;

/// Most tokens in a row that thinking refuses: more of them than there are that end an answer or its thinking.
const MOST_REFUSED: usize = 256;

/// Chooses the tokens of one answer.
pub(crate) struct Sampler {
    chain: chaku_llama::Sampler,
    constraint: Option<Constraint>,
    /// The model thinks, or may begin to, before the constraint holds.
    waiting: Option<Waiting>,
    logprobs: Option<Asked>,
}

struct Waiting {
    thinking: Thinking,
    /// Takes over from the chain when the answer begins: it has the grammar, and no budget of thinking.
    next: Option<chaku_llama::Sampler>,
}

/// A chosen token, and how likely it was if its request asked that.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sampled {
    pub(crate) token: Token,
    pub(crate) logprob: Option<f64>,
    pub(crate) top_logprobs: Vec<TopLogprob>,
}

impl From<Token> for Sampled {
    fn from(token: Token) -> Self {
        Sampled { token, logprob: None, top_logprobs: Vec::new() }
    }
}

impl Sampler {
    /// `format`: of a template whose answers are more than text. `prompt` counts for penalties, as llama.app's do.
    pub(crate) fn new(
        model: &chaku_llama::Model,
        layers: &Layers<'_>,
        constraint: Option<Constraint>,
        format: Option<&str>,
        prompt: &[Token],
    ) -> Result<Self> {
        let logit_bias = logit_bias::asked(layers, &model.vocab())?;
        let params = SamplerParams { logit_bias, ..params(layers) };
        let about = format.map(Format::parse).transpose()?;
        let is_held = constraint.is_some() || params.grammar.is_some() || about.as_ref().is_some_and(Format::is_held);
        let thinking = match &about {
            Some(about) if is_held => thinking(&model.vocab(), about)?,
            _ => None,
        };
        let (mut chain, mut next) = match (format, about) {
            (Some(format), Some(about)) if thinking.is_some() => {
                let think = SamplerParams { grammar: None, format: Some(format.to_owned()), ..params.clone() };
                (chaku_llama::Sampler::new(model, &think)?, Some(after_thinking(model, params, format, about)?))
            }
            // What is held has no budget of thinking: it would force what may not be said.
            (Some(format), Some(about)) if about.is_held() => (after_thinking(model, params, format, about)?, None),
            (Some(format), Some(about)) if !is_held => (held_to(model, params, format, about)?, None),
            _ => (chaku_llama::Sampler::new(model, &params)?, None),
        };
        for &token in prompt {
            chain.accept(token, false)?;
            next.as_mut().map_or(Ok(()), |next| next.accept(token, false))?;
        }
        let waiting = thinking.map(|thinking| Waiting { thinking, next });
        Ok(Sampler { chain, constraint, waiting, logprobs: Asked::of(layers) })
    }

    /// Chooses a token from the logits for index `i` of the last batch.
    pub(crate) fn sample(&mut self, context: &mut Context, i: i32) -> Result<Sampled> {
        // The model's own, so before the constraint forbids any.
        let asked_before = self.logprobs.filter(|asked| !asked.after_sampling);
        let before = asked_before.and_then(|asked| Some(Distribution::of_logits(context.logits(i)?, asked.top)));
        if let Some(token) = self.thought(context, i)? {
            return self.said(context, i, token, before);
        }
        if let Some(constraint) = &mut self.constraint {
            context.allow_only(i, constraint.allowed()?.as_slice())?;
        }
        let token = self.chain.sample(context, i)?;
        if let Some(constraint) = &mut self.constraint {
            constraint.accept(token)?;
        }
        self.said(context, i, token, before)
    }

    /// The next token, if it is one of the thinking that comes before what the constraint holds.
    fn thought(&mut self, context: &mut Context, i: i32) -> Result<Option<Token>> {
        let Some(Waiting { thinking, .. }) = &self.waiting else { return Ok(None) };
        if thinking.is_over() {
            self.begin_answer();
            return Ok(None);
        }
        if let Some(token) = thinking.forced() {
            context.allow_only(i, &mask(&context.model().vocab(), |other| other == token))?;
        }
        let mut refused = Vec::new();
        let mut bytes = Vec::new();
        loop {
            let token = self.chain.sample(context, i)?;
            let model = context.model();
            let vocab = model.vocab();
            bytes.clear();
            vocab.token_bytes(token, true, &mut bytes)?;
            match thinking.verdict(token, &bytes, vocab.is_eog(token)) {
                Verdict::Thought => return Ok(Some(token)),
                Verdict::Answer => {
                    self.begin_answer();
                    return Ok(None);
                }
                Verdict::Refused if refused.len() < MOST_REFUSED => refused.push(token),
                Verdict::Refused => {
                    let message = "the model would end its answer before its thinking, and nothing else can follow";
                    return Err(Error::new(Reason::ConstraintFailed, message));
                }
            }
            let allowed = mask(&vocab, |token| !refused.contains(&token));
            context.allow_only(i, &allowed)?;
        }
    }

    fn begin_answer(&mut self) {
        if let Some(Waiting { next: Some(next), .. }) = self.waiting.take() {
            self.chain = next;
        }
    }

    /// A token was chosen: notes it, and says what was asked about it.
    fn said(&mut self, context: &Context, i: i32, token: Token, before: Option<Distribution>) -> Result<Sampled> {
        let sampled = self.scored(context, i, token, before)?;
        self.chain.accept(token, true)?;
        if let Some(Waiting { thinking, next }) = &mut self.waiting {
            let mut bytes = Vec::new();
            context.model().vocab().token_bytes(token, true, &mut bytes)?;
            thinking.accept(&bytes);
            next.as_mut().map_or(Ok(()), |next| next.accept(token, false))?;
        }
        Ok(sampled)
    }

    /// A chosen token with what was asked about it.
    fn scored(&self, context: &Context, i: i32, token: Token, before: Option<Distribution>) -> Result<Sampled> {
        let mut sampled = Sampled::from(token);
        let distribution = match (self.logprobs, before) {
            (None, _) => return Ok(sampled),
            (_, Some(before)) => {
                // No constraint has changed the logit of a token that it allows.
                let logit = context.logits(i).and_then(|logits| logits.get(token as usize));
                sampled.logprob = logit.map(|logit| before.logprob(*logit));
                before
            }
            (Some(asked), None) => {
                let mut candidates = self.chain.candidates();
                let after = Distribution::of_probabilities(candidates.clone(), asked.top);
                let chosen = candidates.find(|(candidate, _)| *candidate == token);
                sampled.logprob = chosen.map(|(_, probability)| f64::from(probability).ln());
                after
            }
        };
        sampled.top_logprobs = distribution.top(&context.model().vocab())?;
        Ok(sampled)
    }
}

/// Reads every sampling option. A new one is a row in the options table and a line here.
pub(crate) fn params(layers: &Layers<'_>) -> SamplerParams {
    let int = |key| layers.i64(key).unwrap_or(0) as i32;
    SamplerParams {
        seed: seed(layers),
        // Less than this would overflow the logits it divides, and means the same as 0.
        temperature: Some(layers.f32("temperature")).filter(|&temperature| temperature >= 1e-6).unwrap_or(0.0),
        top_k: int("top_k"),
        top_p: layers.f32("top_p"),
        min_p: layers.f32("min_p"),
        typical_p: layers.f32("typical_p"),
        top_n_sigma: layers.f32("top_n_sigma"),
        repeat_penalty: layers.f32("repeat_penalty"),
        repeat_last_n: int("repeat_last_n"),
        presence_penalty: layers.f32("presence_penalty"),
        frequency_penalty: layers.f32("frequency_penalty"),
        dry_multiplier: layers.f32("dry_multiplier"),
        dry_base: layers.f32("dry_base"),
        dry_allowed_length: int("dry_allowed_length"),
        dry_penalty_last_n: int("dry_penalty_last_n"),
        xtc_probability: layers.f32("xtc_probability"),
        xtc_threshold: layers.f32("xtc_threshold"),
        dynatemp_range: layers.f32("dynatemp_range"),
        dynatemp_exponent: layers.f32("dynatemp_exponent"),
        mirostat: int("mirostat"),
        mirostat_lr: layers.f32("mirostat_lr"),
        mirostat_ent: layers.f32("mirostat_ent"),
        adaptive_target: layers.f32("adaptive_target"),
        adaptive_decay: layers.f32("adaptive_decay"),
        dry_sequence_breakers: breakers(layers),
        samplers: samplers(layers),
        grammar: layers.str("grammar").map(str::to_owned),
        ignore_eos: layers.bool("ignore_eos"),
        reasoning_budget: layers.i64("reasoning_budget").map_or(-1, |budget| budget as i32),
        reasoning_budget_message: layers.str("reasoning_budget_message").map(str::to_owned),
        format: None,
        // Needs the vocabulary.
        logit_bias: Vec::new(),
    }
}

/// The samplers by name. A letter that is none stays as it is, and llama.cpp's name of it is then the error.
fn samplers(layers: &Layers<'_>) -> Option<String> {
    let letters = layers.str("sampler_seq").filter(|_| layers.is_set_above("sampler_seq", "samplers"));
    let Some(letters) = letters else { return layers.str("samplers").map(str::to_owned) };
    let names: Vec<_> =
        letters.chars().map(|letter| sampler(letter).map_or(letter.to_string(), str::to_owned)).collect();
    Some(names.join(";"))
}

/// llama.cpp's letters (`common_sampler_type_to_chr`).
fn sampler(letter: char) -> Option<&'static str> {
    Some(match letter {
        'e' => "penalties",
        'd' => "dry",
        's' => "top_n_sigma",
        'k' => "top_k",
        'y' => "typ_p",
        'p' => "top_p",
        'm' => "min_p",
        'x' => "xtc",
        't' => "temperature",
        'a' => "adaptive_p",
        'i' => "infill",
        _ => return None,
    })
}

/// DRY's breakers: those behind the last `none`. `None` = llama.cpp's.
fn breakers(layers: &Layers<'_>) -> Option<Vec<String>> {
    let texts = layers.list("dry_sequence_breakers");
    let first = texts.iter().rposition(|text| text == "none").map_or(0, |none| none + 1);
    (!texts.is_empty()).then(|| texts[first..].to_vec())
}

/// The seed of a choice: one more for each that follows the first, as llama.app's server does it.
fn seed(layers: &Layers<'_>) -> u32 {
    let choice = layers.i64("choice").unwrap_or(0);
    match layers.i64("seed").map(|seed| seed as u32) {
        None | Some(RANDOM_SEED) => RANDOM_SEED,
        Some(seed) => ((i64::from(seed) + choice) % i64::from(RANDOM_SEED)) as u32,
    }
}

/// The tokens that pass, as [`Context::allow_only`] wants them.
fn mask(vocab: &Vocab<'_>, passes: impl Fn(Token) -> bool) -> Vec<u32> {
    let count = vocab.n_tokens() as Token;
    let word = |first: Token| (0..32).filter(|bit| passes(first + bit)).fold(0, |word, bit| word | 1 << bit);
    (0..count).step_by(32).map(word).collect()
}

/// The thinking that comes before an answer of this format.
fn thinking(vocab: &Vocab<'_>, about: &Format) -> Result<Option<Thinking>> {
    let start = match about.thinking.as_str() {
        "begun" => None,
        "possible" => Some(vocab.tokenize(&about.think_start, false, true)?),
        _ => return Ok(None),
    };
    let ends = about.think_ends.iter().map(|end| end.clone().into_bytes()).collect();
    Ok(Thinking::new(start, ends, vocab.tokenize(&about.lead, false, true)?))
}

/// What the answer is held to behind its thinking: the caller's grammar, or that of the calls that must come. Its budget is over.
fn after_thinking(
    model: &chaku_llama::Model,
    params: SamplerParams,
    format: &str,
    about: Format,
) -> Result<chaku_llama::Sampler> {
    if about.is_held() {
        return held_to(model, SamplerParams { reasoning_budget: -1, ..params }, format, about);
    }
    Ok(chaku_llama::Sampler::new(model, &params)?)
}

/// A sampler that holds an answer to the grammar of a format, if that has one. A possible call goes without, rather than fail,
/// where llama.cpp makes a grammar that its own sampler could not follow; a call that must come does not.
fn held_to(
    model: &chaku_llama::Model,
    params: SamplerParams,
    format: &str,
    Format { grammar, lazy, .. }: Format,
) -> Result<chaku_llama::Sampler> {
    let params = SamplerParams { format: Some(format.to_owned()), ..params };
    if grammar.is_empty() {
        return Ok(chaku_llama::Sampler::new(model, &params)?);
    }
    match chaku_llama::Sampler::new(model, &SamplerParams { grammar: Some(grammar), ..params.clone() }) {
        Err(chaku_llama::Error::InvalidGrammar { message }) if lazy => {
            tracing::warn!(target: "chaku::chat", "calls of tools have no grammar here: {message}");
            Ok(chaku_llama::Sampler::new(model, &params)?)
        }
        Err(chaku_llama::Error::InvalidGrammar { message }) => {
            let message = format!("no call of these tools can be held to their parameters: {message}");
            Err(Error::new(Reason::InvalidTools, message))
        }
        chain => Ok(chain?),
    }
}

/// The sampling options a GGUF recommends (`general.sampling.*`): the layer below all others. A value we would not
/// accept from a caller is not accepted from a file either.
pub(crate) fn recommended(model: &chaku_llama::Model) -> Options {
    const NAMES: [(&str, &str); 12] = [
        ("sequence", "samplers"),
        ("top_k", "top_k"),
        ("top_p", "top_p"),
        ("min_p", "min_p"),
        ("xtc_probability", "xtc_probability"),
        ("xtc_threshold", "xtc_threshold"),
        ("temp", "temperature"),
        ("penalty_last_n", "repeat_last_n"),
        ("penalty_repeat", "repeat_penalty"),
        ("mirostat", "mirostat"),
        ("mirostat_tau", "mirostat_ent"),
        ("mirostat_eta", "mirostat_lr"),
    ];
    let mut options = Options::new();
    for (name, key) in NAMES {
        let Some(value) = model.metadata_value(&format!("general.sampling.{name}")) else { continue };
        let set = match (value.parse::<i64>(), value.parse::<f64>()) {
            (Ok(integer), _) => options.set_i64(key, integer),
            (_, Ok(number)) => options.set_f64(key, number),
            _ => options.set_str(key, &value),
        };
        if let Err(error) = set {
            tracing::warn!(target: "chaku::load", "the model recommends general.sampling.{name} = {value}, ignored: {error}");
        }
    }
    if let Err(error) = chaku_llama::Sampler::new(model, &params(&Layers(vec![&options]))) {
        tracing::warn!(target: "chaku::load", "the model recommends sampling that does not work, ignored: {error}");
        return Options::new();
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplers_have_names_and_letters_and_the_ones_set_above_count() {
        let (mut model, mut request) = (Options::new(), Options::new());
        let said = |model: &Options, request: &Options| samplers(&Layers(vec![model, request]));
        assert_eq!(said(&model, &request), None);
        model.set_str("sampler_seq", "edskypmxtai").unwrap();
        let all = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature;adaptive_p;infill";
        assert_eq!(said(&model, &request).as_deref(), Some(all));
        request.set_str("samplers", "top_k").unwrap();
        assert_eq!(said(&model, &request).as_deref(), Some("top_k"));
        // What is no letter stays, for llama.cpp to name.
        request.set_str("sampler_seq", "kq").unwrap();
        assert_eq!(said(&model, &request).as_deref(), Some("top_k;q"));
    }

    #[test]
    fn breakers_before_none_do_not_count() {
        let said = |texts: &[&str]| {
            let mut options = Options::new();
            texts.iter().for_each(|text| options.add_str("dry_sequence_breakers", text).unwrap());
            breakers(&Layers(vec![&options]))
        };
        assert_eq!(said(&[]), None);
        assert_eq!(said(&["none"]), Some(vec![]));
        assert_eq!(said(&["a", "none", "b"]), Some(vec!["b".to_owned()]));
    }
}
