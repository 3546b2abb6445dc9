//! What stays known of a model when its weights are gone.

use chaku_llama::Token;

pub(crate) struct Facts {
    pub(crate) description: String,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) chat_template: Option<String>,
    pub(crate) parameters: u64,
    pub(crate) size: u64,
    pub(crate) training_context: u32,
    pub(crate) vocab_size: u32,
    pub(crate) embedding_size: u32,
    pub(crate) layers: u32,
    pub(crate) bos: Option<Token>,
    pub(crate) eos: Option<Token>,
    pub(crate) eot: Option<Token>,
    pub(crate) pad: Option<Token>,
}

impl Facts {
    pub(crate) fn new(llama: &chaku_llama::Model) -> Self {
        let vocab = llama.vocab();
        Facts {
            description: llama.description(),
            metadata: llama.metadata(),
            chat_template: llama.chat_template(),
            parameters: llama.n_params(),
            size: llama.size_bytes(),
            training_context: llama.n_ctx_train(),
            vocab_size: vocab.n_tokens(),
            embedding_size: llama.n_embd(),
            layers: llama.n_layer(),
            bos: vocab.bos(),
            eos: vocab.eos(),
            eot: vocab.eot(),
            pad: vocab.pad(),
        }
    }
}
