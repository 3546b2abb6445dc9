//! From a saved state to a session, and what of a model must be the same for that.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Reason, Result};
use crate::fingerprint::{Fingerprint, Hash};
use crate::model::{self, Model};
use crate::options::{Layers, Options, Scope};
use crate::runtime::control::Command;
use crate::runtime::memory;
use crate::saved::Saved;
use crate::session::Session;

impl Model {
    /// A session as [`Session::save`] wrote it to a file. Of its options only the system message was saved; `options` has
    /// the others, and another system message if one is wanted. It takes a place of `max_sessions`.
    ///
    /// A file that is none, was cut off or changed is `state_corrupt`, one of another model or chat template
    /// `state_mismatch`. What the KV cache held is only a copy: it is left out, and computed again, where it does not
    /// fit, because the model was loaded with other cache types or weights or by another build of llama.cpp. It goes to
    /// llama.cpp as it is, and the checksum is no signature: take files from nobody who may not give you a model.
    pub fn restore(&self, path: &Path, options: &Options) -> Result<Session> {
        let named = |error: Error| error.with("path", path.display());
        // A pipe would be waited for.
        let regular = path.metadata().and_then(|file| match file.is_file() {
            true => File::open(path),
            false => Err(std::io::Error::other("it is not a regular file")),
        });
        let file = regular.map_err(|error| named(unreadable(path, &error)))?;
        let length = file.metadata().map_err(|error| named(unreadable(path, &error)))?.len();
        self.restore_from(file, length, options).map_err(named)
    }

    /// The same from memory.
    pub fn restore_bytes(&self, bytes: &[u8], options: &Options) -> Result<Session> {
        self.restore_from(bytes, bytes.len() as u64, options)
    }

    fn restore_from(&self, input: impl Read, length: u64, options: &Options) -> Result<Session> {
        let model = &self.0;
        options.accept(Scope::Session, model.dispatch.as_ref())?;
        model.worker.control.check_open()?;
        let saved = Saved::read(input, length, memory::check_state)?;
        model.fingerprint()?.check(&saved.fingerprint)?;
        saved.check_tokens(self.vocab_size())?;
        let mut options = options.clone();
        let system_prompt = saved.system_prompt.as_deref();
        if !options.is_set("system_prompt") {
            options.set_str("system_prompt", system_prompt.unwrap_or_default())?;
        }
        let session = model.new_session(options, saved.content)?.made_under(system_prompt);
        if let Some(cached) = saved.cached
            && cached.print == model.cache_print()
        {
            model.worker.control.send(Command::Import { tokens: cached.tokens, state: cached.state });
        }
        Ok(session)
    }
}

impl model::Shared {
    pub(crate) fn fingerprint(&self) -> Result<&Fingerprint> {
        let llama = self.llama()?;
        Ok(self.fingerprint.get_or_init(|| {
            let vocab = llama.vocab();
            let template = self.given_template().map(str::to_owned).or_else(|| llama.chat_template());
            let mut tokens = Parts::default();
            let mut bytes = Vec::new();
            for token in 0..vocab.n_tokens().cast_signed() {
                bytes.clear();
                // A vocabulary without a tokenizer has no bytes, and is told by its size.
                let _ = vocab.token_bytes(token, true, &mut bytes);
                tokens.add(&bytes).add(&[u8::from(vocab.is_control(token))]);
            }
            Fingerprint {
                architecture: llama.metadata_value("general.architecture").unwrap_or_default(),
                parameters: llama.n_params(),
                embedding_size: llama.n_embd(),
                layers: llama.n_layer(),
                vocabulary_size: vocab.n_tokens(),
                vocabulary: tokens.hash(),
                chat_template: Parts::default().add(template.unwrap_or_default().as_bytes()).hash(),
            }
        }))
    }

    /// Of all that the numbers in a KV cache, and their layout, depend on.
    pub(crate) fn cache_print(&self) -> Hash {
        let mut parts = Parts::default();
        parts.add(chaku_llama::backend::llama_version().as_bytes());
        parts.add(&self.facts.size.to_le_bytes());
        for (key, value) in &self.facts.metadata {
            parts.add(key.as_bytes()).add(value.as_bytes());
        }
        let layers = Layers(vec![self.runtime.options(), &self.options]);
        for key in ["cache_type_k", "cache_type_v", "flash_attn", "rope_scaling"] {
            parts.add(layers.str(key).unwrap_or_default().as_bytes());
        }
        for key in [
            "rope_scale",
            "rope_freq_scale",
            "rope_freq_base",
            "yarn_ext_factor",
            "yarn_attn_factor",
            "yarn_beta_fast",
            "yarn_beta_slow",
        ] {
            parts.add(&layers.f32(key).to_le_bytes());
        }
        parts.add(&layers.i64("yarn_orig_ctx").unwrap_or(0).to_le_bytes());
        for item in layers.list("override_kv") {
            parts.add(item.as_bytes());
        }
        parts.hash()
    }
}

/// A hash of several texts, each with its length, so that none runs into the next.
#[derive(Default)]
struct Parts(blake3::Hasher);

impl Parts {
    fn add(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        self
    }

    fn hash(&self) -> Hash {
        *self.0.finalize().as_bytes()
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => Reason::FileNotFound,
        std::io::ErrorKind::PermissionDenied => Reason::FilePermission,
        _ => Reason::FileUnreadable,
    };
    Error::new(reason, format!("the state {} cannot be read: {error}", path.display()))
}
