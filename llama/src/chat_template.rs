//! Messages to prompts, through llama.cpp's template engine.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use crate::{Error, Model, ffi};

/// A rendered conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text to tokenize, with `add_special` and `parse_special`: the tokens that the former adds are not in it.
    pub prompt: String,
    /// Strings that end an answer in this template, besides the tokens that do.
    pub additional_stops: Vec<String>,
    /// How to read the answer, for [`AnswerReader`](crate::AnswerReader), and what it is held to, for
    /// [`SamplerParams::format`](crate::SamplerParams::format): JSON whose `grammar` is GBNF, or empty, and whose `preserved` are
    /// control tokens that belong to the text. `None` = the answer is plain text.
    pub format: Option<String>,
}

/// What a template may take in one call. A template is a program; past a limit it ends with an error.
///
/// On systems whose linker has no `--wrap` (macOS, Windows) templates have no limits.
pub struct TemplateLimits<'a> {
    /// Bytes of text and values it may make, besides 4096 for each byte of the messages. What is freed counts too.
    pub bytes: u64,
    /// Bytes of stack it may use. What it made is freed recursively: the thread needs some 16 MiB besides.
    pub stack: usize,
    /// Asked every few hundred steps of the template: `true` ends the call with [`Error::TemplateStopped`].
    pub stop: &'a dyn Fn() -> bool,
}

/// The chat templates of a model.
pub struct ChatTemplates {
    /// Invariant: from `chaku_llama_templates_new`, freed once.
    raw: NonNull<ffi::Templates>,
}

// SAFETY: templates are parsed once; rendering only reads them (each render has a context of its own).
unsafe impl Send for ChatTemplates {}
// SAFETY: as above.
unsafe impl Sync for ChatTemplates {}

impl Drop for ChatTemplates {
    fn drop(&mut self) {
        // SAFETY: ours by the invariant.
        unsafe { ffi::chaku_llama_templates_free(self.raw.as_ptr()) }
    }
}

impl ChatTemplates {
    /// Parses the model's template, or `template_override` instead. A model without one gets ChatML.
    ///
    /// Runs it on a few short messages, too, to see what it can do.
    pub fn new(model: &Model, template_override: Option<&str>, limits: &TemplateLimits<'_>) -> Result<Self, Error> {
        model.vocab().check_has_tokenizer()?;
        let (text, length) = match template_override {
            Some(text) => (text.as_ptr(), text.len()),
            None => (std::ptr::null(), 0),
        };
        let mut raw = std::ptr::null_mut();
        limits.during("common_chat_templates_init", |limits, error| {
            // SAFETY: model, text and limits outlive the call.
            unsafe { ffi::chaku_llama_templates_new(model.raw(), text.cast(), length, limits, &raw mut raw, error) }
        })?;
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw }),
            None => Err(Error::Template { message: "no template".to_owned() }),
        }
    }

    /// The template in use.
    pub fn source(&self) -> String {
        let mut text = ffi::Text::empty();
        let result = ffi::run("common_chat_templates_source", |error| {
            // SAFETY: alive.
            unsafe { ffi::chaku_llama_templates_source(self.raw.as_ptr(), &raw mut text, error) }
        });
        result.map_or_else(|_| String::new(), |()| text.to_text())
    }

    /// Whether the template comes from the model or the caller, and not from llama.cpp.
    pub fn was_explicit(&self) -> bool {
        // SAFETY: alive; reads a flag.
        unsafe { ffi::chaku_llama_templates_was_explicit(self.raw.as_ptr()) }
    }

    /// Whether the template shows tools to the model and has a form for its calls.
    pub fn know_tools(&self) -> bool {
        // SAFETY: alive; reads flags.
        unsafe { ffi::chaku_llama_templates_know_tools(self.raw.as_ptr()) }
    }

    /// Renders a conversation as llama.app does.
    ///
    /// `ask` is JSON: `{"messages": [{"role": "user", "content": "Hello"}], "add_generation_prompt": true}`, the messages in
    /// OpenAI's form. It may have `tools` with `tool_choice` (`auto`, `none`, `required`) and `parallel_tool_calls`,
    /// `reasoning_format` (`none`, `auto`, `deepseek`), `enable_thinking`, `template_kwargs`, `continue_final_message` (the last message,
    /// an assistant's, is the beginning of the answer), and `constrained` (the answer is held to something else than calls).
    pub fn render(&self, ask: &str, limits: &TemplateLimits<'_>) -> Result<Rendered, Error> {
        let mut prompt = ffi::Text::empty();
        let mut stops = ffi::Text::empty();
        let mut format = ffi::Text::empty();
        limits.during("common_chat_templates_apply", |limits, error| {
            // SAFETY: the text and the limits outlive the call, and the length is its own.
            unsafe {
                ffi::chaku_llama_templates_render(
                    self.raw.as_ptr(),
                    ask.as_ptr().cast(),
                    ask.len(),
                    limits,
                    &raw mut prompt,
                    &raw mut stops,
                    &raw mut format,
                    error,
                )
            }
        })?;
        Ok(Rendered {
            prompt: prompt.to_text(),
            additional_stops: stops
                .as_bytes()
                .split_inclusive(|&byte| byte == 0)
                .map(|stop| String::from_utf8_lossy(&stop[..stop.len() - 1]).into_owned())
                .collect(),
            format: Some(format.to_text()).filter(|format| !format.is_empty()),
        })
    }
}

impl std::fmt::Debug for ChatTemplates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChatTemplates({} bytes)", self.source().len())
    }
}

impl TemplateLimits<'_> {
    /// Makes one guarded call that is held to them.
    fn during(
        &self,
        name: &'static str,
        body: impl FnOnce(*const ffi::TemplateLimits, *mut ffi::Text) -> i32,
    ) -> Result<(), Error> {
        let mut asked = Asked { stop: self.stop, stopped: false, panic: None };
        let user_data = (&raw mut asked).cast();
        let limits = ffi::TemplateLimits { bytes: self.bytes, stack: self.stack, stop: on_stop, user_data };
        let result = ffi::run(name, |error| body(&raw const limits, error));
        if let Some(panic) = asked.panic {
            resume_unwind(panic);
        }
        match result {
            Err(_) if asked.stopped => Err(Error::TemplateStopped),
            Err(Error::Threw { message, .. }) => Err(Error::Template { message }),
            result => result,
        }
    }
}

struct Asked<'a> {
    stop: &'a dyn Fn() -> bool,
    stopped: bool,
    panic: Option<Box<dyn Any + Send>>,
}

extern "C" fn on_stop(user_data: *mut c_void) -> bool {
    // SAFETY: TemplateLimits::during passes a pointer to its Asked, which outlives the call and which nothing else uses
    // meanwhile.
    let asked = unsafe { &mut *user_data.cast::<Asked<'_>>() };
    // A panic must not cross the C++ frames: it waits until the call has ended.
    match catch_unwind(AssertUnwindSafe(|| (asked.stop)())) {
        Ok(stop) => asked.stopped |= stop,
        Err(panic) => (asked.stopped, asked.panic) = (true, Some(panic)),
    }
    asked.stopped
}
