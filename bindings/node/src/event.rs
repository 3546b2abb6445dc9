//! Events, and the end of a request.

use chaku_abi::EventKind;

use crate::failure::Failure;
use crate::model::Model;
use crate::napi::bindgen_prelude::{Float32Array, Uint8Array};
use crate::napi::{self, napi};

/// An event. What it has tells its kind: `text`, `reasoning`, `prompt`, `logits`, `call`, `progress` or `end`.
#[napi(object, object_from_js = false)]
pub struct Event {
    pub text: Option<String>,
    pub reasoning: Option<String>,
    pub prompt: Option<String>,
    pub logits: Option<Float32Array>,
    pub position: Option<i64>,
    pub call: Option<Call>,
    pub token: Option<i32>,
    /// Left out when they are the text's.
    pub bytes: Option<Uint8Array>,
    /// Left out when it is not so.
    pub replaced: Option<bool>,
    /// Both left out unless the request asked for them.
    pub logprob: Option<f64>,
    pub top_logprobs: Option<Vec<TopLogprob>>,
    pub progress: Option<Progress>,
    pub end: Option<End>,
}

/// How far the work is.
#[napi(object, object_from_js = false)]
pub struct Progress {
    /// From 0 to 1; -1 = not known.
    pub progress: f64,
    /// What it is about.
    pub phase: Option<String>,
    pub done: i64,
    /// 0 = not known.
    pub total: i64,
}

/// A call of a tool begins, if it has a name, or goes on with arguments.
#[napi(object, object_from_js = false)]
pub struct Call {
    pub index: u32,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
}

/// A token that could have been chosen.
#[napi(object, object_from_js = false)]
pub struct TopLogprob {
    pub token: i32,
    pub logprob: f64,
    pub bytes: Uint8Array,
}

/// How a request ended.
#[napi(object, object_from_js = false)]
pub struct End {
    pub finish_reason: String,
    pub usage: Usage,
    pub timings: Timings,
    pub failure: Option<Failure>,
    /// When it got how far, as JSON.
    pub timeline: Option<String>,
    /// What a load made.
    pub model: Option<Model>,
    /// What a download found or brought.
    pub paths: Option<Vec<String>>,
}

/// Tokens a request used.
#[napi(object, object_from_js = false)]
pub struct Usage {
    pub prompt_tokens: i64,
    pub cached_tokens: i64,
    pub completion_tokens: i64,
    pub context_used: i64,
}

/// Where the time went, in milliseconds.
#[napi(object, object_from_js = false)]
pub struct Timings {
    pub queue_ms: f64,
    pub prepare_ms: f64,
    pub prefill_ms: f64,
    pub decode_ms: f64,
    pub total_ms: f64,
}

impl Progress {
    fn of(event: &chaku_abi::Event) -> Self {
        let phase = event.phase().map(str::to_owned);
        Progress { progress: event.progress(), phase, done: event.progress_done(), total: event.progress_total() }
    }
}

impl Event {
    const EMPTY: Event = Event {
        text: None,
        reasoning: None,
        prompt: None,
        logits: None,
        position: None,
        call: None,
        token: None,
        bytes: None,
        replaced: None,
        logprob: None,
        top_logprobs: None,
        progress: None,
        end: None,
    };

    /// `None` for a kind that came later than this module.
    pub(crate) fn of(event: &chaku_abi::Event) -> Option<Self> {
        Some(match event.kind() {
            EventKind::Text => Event::text(event),
            EventKind::Reasoning => {
                Event { reasoning: Some(event.text().to_owned()), token: event.token(), ..Event::EMPTY }
            }
            EventKind::ToolCall | EventKind::ToolCallArguments => Event { call: Some(Call::of(event)), ..Event::EMPTY },
            EventKind::Prompt => Event::prompt(event),
            EventKind::Logits => {
                Event { logits: Some(event.logits().to_vec().into()), position: event.position(), ..Event::EMPTY }
            }
            EventKind::Progress => Event { progress: Some(Progress::of(event)), ..Event::EMPTY },
            EventKind::Final => Event { end: Some(End::of(event)), ..Event::EMPTY },
            _ => return None,
        })
    }

    fn text(event: &chaku_abi::Event) -> Self {
        let (text, bytes, logprob) = (event.text(), event.bytes(), event.logprob());
        Event {
            text: Some(text.to_owned()),
            token: event.token(),
            bytes: (bytes != text.as_bytes()).then(|| bytes.to_vec().into()),
            replaced: event.replaced().then_some(true),
            logprob,
            top_logprobs: logprob.map(|_| TopLogprob::of(event)),
            ..Event::EMPTY
        }
    }

    fn prompt(event: &chaku_abi::Event) -> Self {
        Event {
            prompt: Some(event.text().to_owned()),
            token: event.token(),
            bytes: Some(event.bytes().to_vec().into()),
            logprob: event.logprob(),
            top_logprobs: Some(TopLogprob::of(event)),
            ..Event::EMPTY
        }
    }
}

impl TopLogprob {
    fn of(event: &chaku_abi::Event) -> Vec<TopLogprob> {
        let top =
            |top: chaku_abi::TopLogprob| TopLogprob { token: top.token, logprob: top.logprob, bytes: top.bytes.into() };
        event.top_logprobs().into_iter().map(top).collect()
    }
}

impl Call {
    fn of(event: &chaku_abi::Event) -> Self {
        let (id, name) = event.tool_call().unzip();
        Call {
            index: event.tool_call_index().unwrap_or(0),
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            arguments: name.is_none().then(|| event.text().to_owned()),
        }
    }
}

impl End {
    fn of(event: &chaku_abi::Event) -> Self {
        let chaku_abi::Usage { prompt_tokens, cached_tokens, completion_tokens, context_used } = event.usage();
        let chaku_abi::Timings { queue_ms, prepare_ms, prefill_ms, decode_ms, total_ms } = event.timings();
        End {
            finish_reason: event.finish_reason().map_or("error", |reason| reason.as_str()).to_owned(),
            usage: Usage { prompt_tokens, cached_tokens, completion_tokens, context_used },
            timings: Timings { queue_ms, prepare_ms, prefill_ms, decode_ms, total_ms },
            failure: event.error().map(Failure::from),
            timeline: None,
            model: None,
            paths: None,
        }
    }
}
