//! A conversation with tools: the model answers with calls, is told what they came to, and answers again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::millis;
use crate::error::{Error, Reason, Result};
use crate::event::{Event, Final, FinishReason};
use crate::message::{ChatMessage, ToolCall};
use crate::options::Options;
use crate::request::Request;
use crate::session::Session;
use crate::terms::Terms;

impl Session {
    /// As [`Session::chat_messages`], and lets `on_call` make the calls of the answer and tells the model what they came
    /// to, until an answer has none. All of it on this thread; `on_event` sees the events of every answer, the final ones
    /// too.
    ///
    /// After `max_rounds` answers with calls the last one is returned, its calls not made. `tool_choice` is for the first
    /// answer, the deadline for all of it. An error of `on_call` ends it, as does a no of `on_event` and
    /// [`Session::cancel`]; the calls that were not answered then stay in the conversation without results. Requests do not
    /// pause for logits.
    pub fn run_tools(
        &self,
        messages: &[ChatMessage],
        options: &Options,
        max_rounds: u32,
        mut on_call: impl FnMut(&ToolCall) -> Result<String>,
        mut on_event: impl FnMut(&Event) -> bool,
    ) -> Result<Arc<Final>> {
        if max_rounds == 0 {
            return Err(Error::new(Reason::InvalidArgument, "the most rounds are 0; allow 1 answer or more"));
        }
        if self.layers(options).str("tools").is_none() {
            let message = "there are no tools to call; give their definitions as the option tools";
            return Err(Error::new(Reason::InvalidTools, message));
        }
        let cancels = self.cancels();
        let deadline = Terms::read(&self.layers(options)).deadline.map(|after| Instant::now() + after);
        let mut options = options.clone();
        options.set_bool("pause_for_logits", false)?;
        let mut request = self.chat_messages(messages, &options)?;
        options.set_str("tool_choice", "auto")?;
        let mut round = 1;
        loop {
            // Between two requests there is none that a cancel could reach.
            if self.cancels() != cancels {
                request.cancel();
            }
            let (end, calls) = read(&request, &mut on_event)?;
            if end.finish_reason != FinishReason::ToolCalls || round == max_rounds {
                return Ok(end);
            }
            let result = |call: &ToolCall| {
                Ok(ChatMessage { name: call.name.clone(), ..ChatMessage::tool_result(&*call.id, on_call(call)?) })
            };
            let results = calls.iter().map(result).collect::<Result<Vec<_>>>()?;
            if let Some(deadline) = deadline {
                options.set_i64("deadline_ms", left(deadline)?)?;
            }
            request = self.chat_messages(&results, &options)?;
            round += 1;
        }
    }
}

/// Reads an answer, and the calls in it.
fn read(request: &Request, on_event: &mut impl FnMut(&Event) -> bool) -> Result<(Arc<Final>, Vec<ToolCall>)> {
    let (mut calls, mut go_on) = (Vec::new(), true);
    let end = request.run(|event| {
        note(event, &mut calls);
        go_on &= on_event(event);
        go_on
    })?;
    match &end.error {
        Some(error) => Err(error.clone()),
        None if !go_on => Err(Error::new(Reason::Cancelled, "the loop was cancelled by its event callback")),
        None => Ok((end, calls)),
    }
}

fn note(event: &Event, calls: &mut Vec<ToolCall>) {
    match event {
        Event::ToolCall(start) => {
            let (id, name) = (start.id.clone(), start.name.clone());
            calls.push(ToolCall { id, name, ..ToolCall::default() });
        }
        Event::ToolCallArguments(piece) => {
            if let Some(call) = calls.get_mut(piece.index as usize) {
                call.arguments += &piece.delta;
            }
        }
        _ => {}
    }
}

/// Milliseconds until then, as the deadline of a request.
fn left(deadline: Instant) -> Result<i64> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) {
        return Err(Error::new(Reason::Deadline, "the deadline passed while the tools were called"));
    }
    Ok(millis(left) as i64)
}
