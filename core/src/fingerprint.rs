//! What a saved state was made with. Pure data; `restore.rs` takes it from a model.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Reason, Result};

/// A BLAKE3 hash.
pub(crate) type Hash = [u8; 32];

/// What of a model a conversation depends on: with another one its tokens, or its prompts, would be others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) architecture: String,
    pub(crate) parameters: u64,
    pub(crate) embedding_size: u32,
    pub(crate) layers: u32,
    pub(crate) vocabulary_size: u32,
    /// Of all tokens' bytes.
    pub(crate) vocabulary: Hash,
    /// Of the chat template's text.
    pub(crate) chat_template: Hash,
}

impl Fingerprint {
    /// Refuses a state that was `saved` with another model, or another chat template.
    pub(crate) fn check(&self, saved: &Fingerprint) -> Result<()> {
        let hex = |hash: &Hash| hash[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let parts = [
            ("architecture", self.architecture.clone(), saved.architecture.clone()),
            ("parameters", self.parameters.to_string(), saved.parameters.to_string()),
            ("embedding_size", self.embedding_size.to_string(), saved.embedding_size.to_string()),
            ("layers", self.layers.to_string(), saved.layers.to_string()),
            ("vocabulary_size", self.vocabulary_size.to_string(), saved.vocabulary_size.to_string()),
            ("vocabulary", hex(&self.vocabulary), hex(&saved.vocabulary)),
            ("chat_template", hex(&self.chat_template), hex(&saved.chat_template)),
        ];
        let Some((what, own, theirs)) = parts.into_iter().find(|(_, own, saved)| own != saved) else { return Ok(()) };
        let message = match what {
            "chat_template" => {
                "the state was saved with another chat template; load the model with that one".to_owned()
            }
            _ => format!("the state was saved with another model: its {what} is {theirs}, this one's {own}"),
        };
        Err(Error::new(Reason::StateMismatch, message).with("what", what).with("saved", theirs).with("model", own))
    }
}

#[cfg(test)]
impl Fingerprint {
    /// Of no model that is.
    pub(crate) fn made_up() -> Self {
        Fingerprint {
            architecture: "llama".into(),
            parameters: 134_515_008,
            embedding_size: 576,
            layers: 30,
            vocabulary_size: 49_152,
            vocabulary: [7; 32],
            chat_template: [9; 32],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_differs_is_named() {
        let own = Fingerprint::made_up();
        assert!(own.check(&own.clone()).is_ok());
        let others = [
            ("architecture", Fingerprint { architecture: "mamba".into(), ..own.clone() }),
            ("parameters", Fingerprint { parameters: 1, ..own.clone() }),
            ("embedding_size", Fingerprint { embedding_size: 1, ..own.clone() }),
            ("layers", Fingerprint { layers: 1, ..own.clone() }),
            ("vocabulary_size", Fingerprint { vocabulary_size: 1, ..own.clone() }),
            ("vocabulary", Fingerprint { vocabulary: [0; 32], ..own.clone() }),
            ("chat_template", Fingerprint { chat_template: [0; 32], ..own.clone() }),
        ];
        for (what, other) in others {
            let error = own.check(&other).unwrap_err();
            assert_eq!((error.reason(), error.detail("what")), (Reason::StateMismatch, Some(what)));
        }
    }
}
