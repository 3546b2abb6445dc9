//! Messages to prompts, through llama.cpp's template engine.

use std::ptr::NonNull;

use crate::{Error, Model, ffi};

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// What it says.
    pub content: String,
}

/// A rendered conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text to tokenize, with `add_special` and `parse_special`: the tokens that the former adds are not in it.
    pub prompt: String,
    /// Strings that end an answer in this template, besides the tokens that do.
    pub additional_stops: Vec<String>,
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
    /// A template is a program: parsing and rendering need stack in proportion to its nesting, and time as it likes.
    pub fn new(model: &Model, template_override: Option<&str>) -> Result<Self, Error> {
        model.vocab().check_has_tokenizer()?;
        let (text, length) = match template_override {
            Some(text) => (text.as_ptr(), text.len()),
            None => (std::ptr::null(), 0),
        };
        let mut raw = std::ptr::null_mut();
        let result = ffi::run("common_chat_templates_init", |error| {
            // SAFETY: model and text outlive the call.
            unsafe { ffi::chaku_llama_templates_new(model.raw(), text.cast(), length, &raw mut raw, error) }
        });
        result.map_err(template_error)?;
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

    /// Renders a conversation as llama.app does. `add_generation_prompt`: with the beginning of the assistant's answer.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<Rendered, Error> {
        let raw_messages: Vec<ffi::Message> = messages
            .iter()
            .map(|message| ffi::Message {
                role: message.role.as_ptr().cast(),
                role_len: message.role.len(),
                content: message.content.as_ptr().cast(),
                content_len: message.content.len(),
            })
            .collect();
        let mut prompt = ffi::Text::empty();
        let mut stops = ffi::Text::empty();
        let result = ffi::run("common_chat_templates_apply", |error| {
            // SAFETY: the messages and their texts outlive the call, and the lengths are theirs.
            unsafe {
                ffi::chaku_llama_templates_render(
                    self.raw.as_ptr(),
                    raw_messages.as_ptr(),
                    raw_messages.len(),
                    add_generation_prompt,
                    &raw mut prompt,
                    &raw mut stops,
                    error,
                )
            }
        });
        result.map_err(template_error)?;
        Ok(Rendered {
            prompt: prompt.to_text(),
            additional_stops: stops
                .as_bytes()
                .split_inclusive(|&byte| byte == 0)
                .map(|stop| String::from_utf8_lossy(&stop[..stop.len() - 1]).into_owned())
                .collect(),
        })
    }
}

impl std::fmt::Debug for ChatTemplates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChatTemplates({} bytes)", self.source().len())
    }
}

fn template_error(error: Error) -> Error {
    match error {
        Error::Threw { message, .. } => Error::Template { message },
        error => error,
    }
}
