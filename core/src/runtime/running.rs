//! A request that the engine has started.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::job::{Answer, Job};
use crate::clock::millis;
use crate::error::Error;
use crate::event::{Event, Final, FinishReason, Text, Timings, Usage};
use crate::message::ChatMessage;
use crate::sampling::Sampled;
use crate::text::TextStream;
use crate::timeline::Moment;

pub(super) struct Running<S> {
    pub(super) job: Job<S>,
    pub(super) text: TextStream,
    answer: String,
    /// Shows the tokens of the prompt that were scored.
    prompt_text: TextStream,
    /// Tokens of the prompt whose scores were told.
    pub(super) told: usize,
    /// Tokens of the prompt that cost nothing.
    pub(super) cached: usize,
    pub(super) generated: usize,
    /// The answer ends inside a token, at a stop string.
    pub(super) cut: bool,
    /// It gave its place in the KV cache to others, and waits to go on.
    pub(super) parked: bool,
    /// Its reader did not keep up when it was last asked.
    behind: Cell<bool>,
    started: Instant,
    pub(super) first_token: Option<Instant>,
    /// `prefill`, then `decode`: inside the request's span, as long as each takes.
    phase: tracing::Span,
}

/// Why a request ends.
pub(super) enum End {
    Stop,
    Length,
    Failed(Error),
}

impl<S> Running<S> {
    pub(super) fn new(job: Job<S>, cached: usize) -> Self {
        let text = TextStream::new(job.stops.clone());
        let tokens = job.tokens.len();
        let phase = tracing::debug_span!(target: "chaku::engine", parent: &job.request.span, "prefill", tokens, cached);
        Running {
            job,
            text,
            answer: String::new(),
            prompt_text: TextStream::new(Vec::new()),
            told: 0,
            cached,
            generated: 0,
            cut: false,
            parked: false,
            behind: Cell::new(false),
            started: Instant::now(),
            first_token: None,
            phase,
        }
    }

    /// A token was sampled.
    pub(super) fn count_token(&mut self) {
        self.generated += 1;
        if self.first_token.is_none() {
            self.first_token = Some(Instant::now());
            self.job.request.marks.mark(Moment::FirstToken);
            self.phase = tracing::debug_span!(target: "chaku::engine", parent: &self.job.request.span, "decode");
        }
    }

    /// Whether it has a place and its reader keeps up.
    pub(super) fn may_run(&self) -> bool {
        !self.parked && self.keeps_up()
    }

    /// Whether its reader keeps up, and the host with logits.
    pub(super) fn keeps_up(&self) -> bool {
        if self.job.pauses && self.job.request.logits.waits() {
            self.behind.set(true);
            return false;
        }
        let room = self.job.request.has_room();
        if !self.behind.replace(!room) && !room {
            self.job.request.marks.stalled();
        }
        room
    }

    /// Whether it gave way, or its reader was behind when it was last asked.
    pub(super) fn stands_still(&self) -> bool {
        self.parked || self.behind.get()
    }

    /// Whether tokens of the prompt are still to be scored.
    pub(super) fn has_scores_left(&self) -> bool {
        self.job.prompt_logprobs.is_some() && self.told < self.job.prompt_tokens
    }

    /// How much of what was computed before it may take over: the logits that are needed next are not among it.
    pub(super) fn reusable(&self) -> usize {
        let goal = self.job.tokens.len();
        if self.has_scores_left() { self.told.saturating_sub(1) } else { goal - 1 }
    }

    /// The next token of the prompt, with its score.
    pub(super) fn tell(&mut self, token: Sampled, bytes: Vec<u8>) {
        self.told += 1;
        let mut shown = self.prompt_text.push(token, bytes).events;
        if !self.has_scores_left() {
            shown.extend(self.prompt_text.finish());
        }
        shown.into_iter().for_each(|text| self.job.request.push(Event::Prompt(Arc::new(text))));
    }

    pub(super) fn deliver(&mut self, texts: Vec<Text>) {
        for text in texts {
            self.answer.push_str(&text.text);
            let events = match &mut self.job.answering {
                Some(answering) => answering.push(text),
                None => vec![Event::Text(Arc::new(text))],
            };
            events.into_iter().for_each(|event| self.job.request.push(event));
        }
    }

    /// Shows what was held back, tells the session, then the reader.
    pub(super) fn conclude(mut self, end: End, window: usize) {
        let rest = self.text.finish();
        self.deliver(rest);
        let (message, whole) = self.message(matches!(end, End::Stop)).unzip();
        let calls = message.as_ref().is_some_and(|message| !message.tool_calls.is_empty());
        let (finish_reason, error) = match end {
            End::Stop if calls => (FinishReason::ToolCalls, None),
            End::Stop => (FinishReason::Stop, None),
            End::Length => (FinishReason::Length, None),
            End::Failed(error) => (Final::failed(error.clone()).finish_reason, Some(error)),
        };
        let usage = self.usage(window);
        let timings = self.timings();
        let job = self.job;
        let answer = Answer {
            text: self.answer,
            message,
            tokens: job.tokens,
            generated: self.generated,
            exact: !self.cut && !job.shifted && whole != Some(false),
            complete: error.is_none(),
        };
        (job.commit)(answer);
        job.request.finish(Final { finish_reason, error, usage, timings });
    }

    /// Shows what of the answer was not told apart yet, and says what it is made of, and whether that is all of it.
    fn message(&mut self, complete: bool) -> Option<(ChatMessage, bool)> {
        let mut answering = self.job.answering.take()?;
        answering.finish(complete).into_iter().for_each(|event| self.job.request.push(event));
        Some(answering.into_message())
    }

    fn usage(&self, window: usize) -> Usage {
        Usage {
            prompt_tokens: self.job.prompt_tokens as u32,
            cached_tokens: self.cached as u32,
            completion_tokens: self.generated as u32,
            // The last token sampled may be one more than the window holds.
            context_used: self.job.tokens.len().min(window) as u32,
        }
    }

    fn timings(&self) -> Timings {
        let prefilled = self.first_token.unwrap_or_else(Instant::now);
        Timings {
            prepare_ms: millis(self.job.prepare_time),
            queue_ms: millis(self.started.saturating_duration_since(self.job.prepared_at)),
            prefill_ms: millis(prefilled.saturating_duration_since(self.started)),
            decode_ms: self.first_token.map_or(0.0, |first| millis(first.elapsed())),
            total_ms: 0.0,
        }
    }
}
