//! A question and all that it takes to answer it: the model's answer, the tools that it calls, and its answer to what they say.

use std::io;

use chaku::{ChatMessage, Event, FinishReason, Options, Session, ToolCall};

use crate::answer::{Answer, read};
use crate::failure::{Failure, Result, exit};
use crate::interrupt::{Watch, told};
use crate::tools::{MOST_ROUNDS, Runner};

/// Who sees what happens.
pub(crate) trait View {
    /// An event of an answer.
    fn show(&mut self, event: &Event) -> io::Result<()>;
    /// Whether this call may be run.
    fn may_run(&mut self, call: &ToolCall) -> io::Result<bool>;
    /// What a call came to.
    fn result(&mut self, call: &ToolCall, result: &str) -> io::Result<()>;
}

/// Says these messages, and runs what the model calls until it answers. The last answer comes back, whatever its end.
pub(crate) fn ask(
    session: &Session,
    messages: &[ChatMessage],
    options: &Options,
    runner: &Runner,
    view: &mut impl View,
) -> Result<Answer> {
    let mut messages = messages.to_vec();
    for _ in 0..MOST_ROUNDS {
        let answer = read(session.chat_messages(&messages, options)?, |event| view.show(event))?;
        if answer.end.finish_reason != FinishReason::ToolCalls || !runner.runs() {
            return Ok(answer);
        }
        messages.clear();
        for call in &answer.calls {
            let watch = Watch::nothing();
            if told().is_some() {
                return Err(Failure::silent(exit::INTERRUPTED));
            }
            let result = runner.result(call, || view.may_run(call))?;
            if watch.was_stopped() {
                return Err(Failure::silent(exit::INTERRUPTED));
            }
            view.result(call, &result)?;
            let mut message = ChatMessage::tool_result(&*call.id, result);
            message.name.clone_from(&call.name);
            messages.push(message);
        }
    }
    Err(Failure::failed(format!("the model called tools {MOST_ROUNDS} times in a row; it is stopped here")))
}
