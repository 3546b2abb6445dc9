//! Reads a request to its end: what came is shown as it comes, and kept.

use std::io;
use std::sync::Arc;

use chaku::{Error, Event, Final, FinishReason, Request, Text, ToolCall};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::interrupt::Watch;

/// All that an answer is.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<ToolCall>,
    /// Of each token, where the request asked for them.
    logprobs: Vec<Value>,
    pub(crate) end: Arc<Final>,
}

/// Reads a request while `show` shows its events. When nobody reads what it shows any more, the request is cancelled.
pub(crate) fn read(request: Request, mut show: impl FnMut(&Event) -> io::Result<()>) -> Result<Answer> {
    let request = Arc::new(request);
    let _watch = Watch::new(request.clone());
    let (mut text, mut reasoning, mut logprobs) = (String::new(), String::new(), Vec::new());
    let mut calls: Vec<ToolCall> = Vec::new();
    let mut broken = None;
    let end = request.run(|event| {
        match event {
            Event::Text(piece) => {
                text.push_str(&piece.text);
                logprobs.extend(logprob(piece));
            }
            Event::Reasoning(piece) => reasoning.push_str(&piece.text),
            Event::ToolCall(call) => {
                let mut begun = ToolCall::default();
                (begun.id, begun.name) = (call.id.clone(), call.name.clone());
                calls.push(begun);
            }
            Event::ToolCallArguments(piece) => {
                if let Some(call) = calls.get_mut(piece.index as usize) {
                    call.arguments.push_str(&piece.delta);
                }
            }
            _ => {}
        }
        if broken.is_none() {
            broken = show(event).err();
        }
        broken.is_none()
    })?;
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(Answer { text, reasoning, calls, logprobs, end }),
    }
}

impl Answer {
    /// What is wrong, if it did not end as answers should.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.end.error.clone().map(Failure::from)
    }

    /// As one JSON object.
    pub(crate) fn json(&self, model: &str) -> Value {
        let mut object = json!({ "model": model, "content": self.text });
        if !self.reasoning.is_empty() {
            object["reasoning_content"] = json!(self.reasoning);
        }
        if !self.calls.is_empty() {
            object["tool_calls"] = self.calls.iter().map(call_json).collect();
        }
        if !self.logprobs.is_empty() {
            object["logprobs"] = json!(self.logprobs);
        }
        add_end(&mut object, &self.end);
        object
    }
}

/// An event as a JSON object; `None` = it has nothing to say.
pub(crate) fn event_json(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Progress(progress) => {
            json!({ "type": "progress", "phase": phase(progress.phase), "done": progress.done, "total": progress.total })
        }
        Event::Text(piece) => with_logprob(json!({ "type": "text", "text": piece.text }), piece)?,
        Event::Reasoning(piece) => with_logprob(json!({ "type": "reasoning", "text": piece.text }), piece)?,
        Event::ToolCall(call) => {
            json!({ "type": "tool_call", "index": call.index, "id": call.id, "name": call.name })
        }
        Event::ToolCallArguments(piece) => {
            json!({ "type": "tool_call_arguments", "index": piece.index, "delta": piece.delta })
        }
        Event::Final(end) => {
            let mut object = json!({ "type": "final" });
            add_end(&mut object, end);
            object
        }
        _ => return None,
    })
}

/// A failure as a JSON object, in the place of an answer.
pub(crate) fn failure_json(failure: &Failure) -> Value {
    let error = failure.error.as_ref().map_or_else(|| json!({ "message": failure.message() }), error_json);
    json!({ "error": error })
}

/// A call as OpenAI has it.
pub(crate) fn call_json(call: &ToolCall) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
}

pub(crate) fn reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Cancelled => "cancelled",
        FinishReason::Deadline => "deadline",
        _ => "error",
    }
}

fn phase(phase: chaku::Phase) -> &'static str {
    match phase {
        chaku::Phase::Load => "load",
        _ => "prefill",
    }
}

fn add_end(object: &mut Value, end: &Final) {
    object["finish_reason"] = json!(reason(end.finish_reason));
    object["usage"] = json!({
        "prompt_tokens": end.usage.prompt_tokens,
        "cached_tokens": end.usage.cached_tokens,
        "completion_tokens": end.usage.completion_tokens,
        "context_used": end.usage.context_used,
    });
    object["timings"] = json!({
        "prepare_ms": end.timings.prepare_ms,
        "queue_ms": end.timings.queue_ms,
        "prefill_ms": end.timings.prefill_ms,
        "decode_ms": end.timings.decode_ms,
        "total_ms": end.timings.total_ms,
    });
    if let Some(error) = &end.error {
        object["error"] = error_json(error);
    }
}

fn error_json(error: &Error) -> Value {
    let details: serde_json::Map<String, Value> =
        error.details().iter().map(|(key, value)| (key.to_string(), json!(value))).collect();
    json!({ "code": error.code() as i32, "reason": error.reason().as_str(), "message": error.message(), "details": details })
}

fn logprob(piece: &Text) -> Option<Value> {
    let top = |top: &chaku::TopLogprob| json!({ "token": top.token, "text": String::from_utf8_lossy(&top.bytes), "logprob": top.logprob });
    let logprob = piece.logprob?;
    Some(json!({ "token": piece.token, "text": String::from_utf8_lossy(&piece.bytes), "logprob": logprob,
        "top": piece.top_logprobs.iter().map(top).collect::<Vec<_>>() }))
}

/// A token without text says nothing, unless its probability was asked for.
fn with_logprob(mut object: Value, piece: &Text) -> Option<Value> {
    match logprob(piece) {
        Some(logprob) => object["logprob"] = logprob,
        None if piece.text.is_empty() => return None,
        None => {}
    }
    Some(object)
}
