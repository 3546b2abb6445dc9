//! How likely tokens were: the logarithms of the chosen one's probability and of the likeliest ones'.

use chaku_llama::{Token, Vocab};

use crate::error::Result;
use crate::event::TopLogprob;
use crate::options::Layers;
use crate::sampling::Sampled;

/// What a request wants to know of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// How many of the likeliest.
    pub(crate) top: usize,
    /// What the samplers left, rather than what the model said.
    pub(crate) after_sampling: bool,
}

impl Asked {
    pub(crate) fn of(layers: &Layers<'_>) -> Option<Self> {
        let top = usize::try_from(layers.i64("logprobs")?).ok()?;
        Some(Asked { top, after_sampling: layers.bool("logprobs_after_sampling") })
    }
}

/// Logarithms of probabilities, of which those of the likeliest are kept, the likeliest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distribution {
    /// To be taken off a logit.
    log_sum: f64,
    likeliest: Vec<(Token, f64)>,
}

impl Distribution {
    /// Of logits: their log softmax.
    pub(crate) fn of_logits(logits: &[f32], top: usize) -> Self {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if largest == f32::NEG_INFINITY {
            return Distribution { log_sum: 0.0, likeliest: Vec::new() };
        }
        // What is e^30 times less likely does not count, even a million of it; most of a vocabulary is.
        let counts = logits.iter().filter(|logit| **logit > largest - 30.0);
        let sum: f64 = counts.map(|logit| f64::from((logit - largest).exp())).sum();
        let mut kept = Likeliest::new(top);
        (0..).zip(logits).for_each(|(token, logit)| kept.offer(token, *logit));
        let log_sum = f64::from(largest) + sum.ln();
        let likeliest = kept.0.into_iter().map(|(token, logit)| (token, f64::from(logit) - log_sum)).collect();
        Distribution { log_sum, likeliest }
    }

    /// Of probabilities, which sum to one.
    pub(crate) fn of_probabilities(all: impl Iterator<Item = (Token, f32)>, top: usize) -> Self {
        let mut kept = Likeliest::new(top);
        all.filter(|(_, probability)| *probability > 0.0)
            .for_each(|(token, probability)| kept.offer(token, probability));
        let likeliest = kept.0.into_iter().map(|(token, probability)| (token, f64::from(probability).ln())).collect();
        Distribution { log_sum: 0.0, likeliest }
    }

    /// The log probability that belongs to a logit.
    pub(crate) fn logprob(&self, logit: f32) -> f64 {
        f64::from(logit) - self.log_sum
    }

    /// The likeliest, with their bytes.
    pub(crate) fn top(&self, vocab: &Vocab<'_>) -> Result<Vec<TopLogprob>> {
        let with_bytes = |&(token, logprob): &(Token, f64)| {
            let mut bytes = Vec::new();
            vocab.token_bytes(token, false, &mut bytes)?;
            Ok(TopLogprob { token, logprob, bytes })
        };
        self.likeliest.iter().map(with_bytes).collect()
    }
}

/// How likely a token was by these logits, and the likeliest in its place.
pub(crate) fn score(logits: &[f32], token: Token, top: usize, vocab: &Vocab<'_>) -> Result<Sampled> {
    let distribution = Distribution::of_logits(logits, top);
    let logprob = logits.get(token as usize).map(|logit| distribution.logprob(*logit));
    Ok(Sampled { token, logprob, top_logprobs: distribution.top(vocab)? })
}

/// So many with the largest values, the largest first; of equal ones those that came first.
struct Likeliest(Vec<(Token, f32)>, usize);

impl Likeliest {
    fn new(most: usize) -> Self {
        Likeliest(Vec::with_capacity(most), most)
    }

    /// What is minus infinity or not a number is not likely at all.
    fn offer(&mut self, token: Token, value: f32) {
        let Likeliest(kept, most) = self;
        let smallest =
            if kept.len() < *most { f32::NEG_INFINITY } else { kept.last().map_or(f32::INFINITY, |last| last.1) };
        if value > smallest {
            kept.truncate(most.saturating_sub(1));
            kept.insert(kept.partition_point(|(_, other)| *other >= value), (token, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like the logits of a model with a large vocabulary.
    fn logits(n: usize) -> Vec<f32> {
        let mut state = 12345u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..n).map(|_| (0..6).map(|_| next()).sum::<f32>() * 12.0 - 40.0).collect()
    }

    #[test]
    fn probabilities_sum_to_one_over_a_large_vocabulary() {
        let logits = logits(128_000);
        let whole = Distribution::of_logits(&logits, 0);
        let sum: f64 = logits.iter().map(|logit| whole.logprob(*logit).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        assert!(whole.likeliest.is_empty());
    }

    #[test]
    fn the_likeliest_are_those_a_sort_puts_first() {
        let mut logits = logits(5000);
        logits[77] = f32::NEG_INFINITY;
        logits[4000] = logits[20];
        let mut sorted: Vec<(Token, f32)> = (0..).zip(logits.iter().copied()).collect();
        sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
        for top in [0, 1, 2, 64] {
            let found = Distribution::of_logits(&logits, top);
            let wanted: Vec<_> = sorted[..top].iter().map(|(token, logit)| (*token, found.logprob(*logit))).collect();
            assert_eq!(found.likeliest, wanted);
        }
    }

    #[test]
    fn what_is_impossible_is_not_among_the_likeliest() {
        let few = Distribution::of_logits(&[f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 1.0], 4);
        assert_eq!(few.likeliest.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 3]);
        assert!((few.likeliest[0].1 - 0.5f64.ln()).abs() < 1e-9);
        let none = Distribution::of_logits(&[f32::NEG_INFINITY; 3], 2);
        assert_eq!((none.logprob(f32::NEG_INFINITY), none.likeliest.len()), (f64::NEG_INFINITY, 0));
        let left = Distribution::of_probabilities([(5, 0.25), (9, 0.75), (2, 0.0)].into_iter(), 3);
        assert_eq!(left.likeliest, [(9, 0.75f64.ln()), (5, 0.25f64.ln())]);
    }
}
