//! Logits on their way between an engine and a host that chooses tokens by itself.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Reason, Result};

/// What a request that has `pause_for_logits` tells before each token: it stands still until
/// [`Request::resume`](crate::Request::resume).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Logits {
    /// Tokens before the one to be chosen: prompt and answer so far.
    pub position: u32,
    /// By token: the model's own, before a constraint, `logit_bias` or a sampler changes any.
    pub values: Vec<f32>,
}

/// Holds the logits of one request: the engine asks, the host answers, the engine samples. The lock is held for no longer
/// than it takes to look.
#[derive(Default)]
pub(crate) struct Exchange(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    /// The host has them.
    Asked(Arc<Logits>),
    /// They are to be sampled from.
    Answered(Arc<Logits>),
}

impl Exchange {
    pub(crate) fn ask(&self, logits: Arc<Logits>) {
        *self.0.lock() = State::Asked(logits);
    }

    /// Whether the host has not answered.
    pub(crate) fn waits(&self) -> bool {
        matches!(*self.0.lock(), State::Asked(_))
    }

    /// The host's answer: edited logits, or `None` for those it was shown.
    pub(crate) fn answer(&self, edited: Option<&[f32]>) -> Result<()> {
        let mut state = self.0.lock();
        let State::Asked(shown) = &*state else {
            let message = "the request does not wait for logits; resume it once after each event that brings some";
            return Err(Error::new(Reason::NotPaused, message));
        };
        let answer = match edited {
            None => shown.clone(),
            Some(values) => {
                check(values, shown.values.len())?;
                Arc::new(Logits { position: shown.position, values: values.to_vec() })
            }
        };
        *state = State::Answered(answer);
        Ok(())
    }

    /// What the host answered and nobody sampled from yet.
    pub(crate) fn answered(&self) -> Option<Arc<Logits>> {
        match &*self.0.lock() {
            State::Answered(logits) => Some(logits.clone()),
            State::Idle | State::Asked(_) => None,
        }
    }

    /// They were sampled from.
    pub(crate) fn clear(&self) {
        *self.0.lock() = State::Idle;
    }
}

/// Sorting compares logits, and one token at least must be possible.
fn check(values: &[f32], wanted: usize) -> Result<()> {
    if values.len() != wanted {
        let message = format!("{} logits were given; the vocabulary has {wanted} tokens", values.len());
        return Err(Error::new(Reason::InvalidArgument, message).with("count", values.len()).with("wanted", wanted));
    }
    if let Some(token) = values.iter().position(|value| value.is_nan() || *value == f32::INFINITY) {
        let message = format!(
            "the logit of token {token} is {}; give finite numbers, -inf for what must not come",
            values[token]
        );
        return Err(Error::new(Reason::InvalidArgument, message).with("token", token));
    }
    if values.iter().all(|value| *value == f32::NEG_INFINITY) {
        return Err(Error::new(Reason::InvalidArgument, "every logit is -inf; leave one token possible"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Exchange {
        let exchange = Exchange::default();
        exchange.ask(Arc::new(Logits { position: 3, values: vec![0.0, 1.0] }));
        exchange
    }

    #[test]
    fn an_answer_is_taken_once_and_only_when_asked_for() {
        let exchange = Exchange::default();
        assert_eq!(exchange.answer(None).unwrap_err().reason(), Reason::NotPaused);
        let exchange = asked();
        assert!(exchange.waits() && exchange.answered().is_none());
        exchange.answer(Some(&[f32::NEG_INFINITY, 5.0])).unwrap();
        assert!(!exchange.waits());
        assert_eq!(exchange.answered().unwrap().values, [f32::NEG_INFINITY, 5.0]);
        assert_eq!(exchange.answer(None).unwrap_err().reason(), Reason::NotPaused);
        exchange.clear();
        assert!(exchange.answered().is_none());
    }

    #[test]
    fn what_cannot_be_sampled_from_is_refused_and_may_be_given_again() {
        let exchange = asked();
        for wrong in [&[0.0][..], &[0.0, f32::NAN], &[f32::INFINITY, 0.0], &[f32::NEG_INFINITY; 2]] {
            assert_eq!(exchange.answer(Some(wrong)).unwrap_err().reason(), Reason::InvalidArgument, "{wrong:?}");
            assert!(exchange.waits());
        }
        exchange.answer(None).unwrap();
        assert_eq!(exchange.answered().unwrap().values, [0.0, 1.0]);
    }
}
