//! Writes GGUF files, sound and broken ones.

/// A value with its type number.
#[derive(Clone)]
pub(crate) struct Value(u32, Vec<u8>);

pub(crate) fn u16(number: u16) -> Value {
    Value(2, number.to_le_bytes().to_vec())
}

pub(crate) fn u32(number: u32) -> Value {
    Value(4, number.to_le_bytes().to_vec())
}

pub(crate) fn i32(number: i32) -> Value {
    Value(5, number.to_le_bytes().to_vec())
}

pub(crate) fn f32(number: f32) -> Value {
    Value(6, number.to_le_bytes().to_vec())
}

pub(crate) fn text(text: impl AsRef<[u8]>) -> Value {
    Value(8, string(text.as_ref()))
}

pub(crate) fn texts<T: AsRef<[u8]>>(texts: &[T]) -> Value {
    array(8, texts.len(), texts.iter().flat_map(|text| string(text.as_ref())).collect())
}

pub(crate) fn i32s(numbers: &[i32]) -> Value {
    array(5, numbers.len(), numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

pub(crate) fn f32s(numbers: &[f32]) -> Value {
    array(6, numbers.len(), numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

pub(crate) fn u8s(numbers: &[u8]) -> Value {
    array(0, numbers.len(), numbers.to_vec())
}

/// An array of any type that says it has `count` elements.
pub(crate) fn array(kind: u32, count: usize, elements: Vec<u8>) -> Value {
    Value(9, [&kind.to_le_bytes()[..], &(count as u64).to_le_bytes(), &elements].concat())
}

/// A value of any type, also one that does not exist.
pub(crate) fn raw(kind: u32, bytes: Vec<u8>) -> Value {
    Value(kind, bytes)
}

fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text].concat()
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: Vec<u8>,
    pub(crate) shape: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
}

#[derive(Clone)]
pub(crate) struct Gguf {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    /// What the header says, if not the truth.
    pub(crate) key_count: Option<u64>,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) keys: Vec<(Vec<u8>, Value)>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) data: u64,
    pub(crate) alignment: u64,
}

impl Gguf {
    /// The smallest model that llama.cpp loads: one block, four tokens, weights that are all zero.
    pub(crate) fn sound() -> Self {
        let mut file = Self {
            magic: *b"GGUF",
            version: 3,
            key_count: None,
            tensor_count: None,
            keys: Vec::new(),
            tensors: Vec::new(),
            data: 0,
            alignment: 32,
        };
        for (key, value) in [
            ("general.architecture", text("llama")),
            ("llama.context_length", u32(64)),
            ("llama.embedding_length", u32(32)),
            ("llama.block_count", u32(1)),
            ("llama.feed_forward_length", u32(32)),
            ("llama.attention.head_count", u32(2)),
            ("llama.attention.layer_norm_rms_epsilon", f32(1e-5)),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("gpt-2")),
            ("tokenizer.ggml.tokens", texts(&["a", "b", "ab", "<end>"])),
            ("tokenizer.ggml.token_type", i32s(&[1, 1, 1, 3])),
            ("tokenizer.ggml.merges", texts(&["a b"])),
        ] {
            file.set(key, value);
        }
        file.tensor("token_embd.weight", &[32, 4], 0);
        file.tensor("output_norm.weight", &[32], 0);
        for name in ["attn_norm", "ffn_norm"] {
            file.tensor(&format!("blk.0.{name}.weight"), &[32], 0);
        }
        for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
            file.tensor(&format!("blk.0.{name}.weight"), &[32, 32], 0);
        }
        file
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) -> &mut Self {
        match self.keys.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, old)) => *old = value,
            None => self.keys.push((key.into(), value)),
        }
        self
    }

    pub(crate) fn with(&mut self, change: impl FnOnce(&mut Self)) -> &mut Self {
        change(self);
        self
    }

    pub(crate) fn without(&mut self, key: &str) -> &mut Self {
        self.keys.retain(|(name, _)| name != key.as_bytes());
        self
    }

    /// Another architecture with the same numbers.
    pub(crate) fn architecture(&mut self, name: &str) -> &mut Self {
        for (key, _) in &mut self.keys {
            if let Some(rest) = key.strip_prefix(b"llama.") {
                *key = [name.as_bytes(), b".", rest].concat();
            }
        }
        self.set("general.architecture", text(name))
    }

    /// A tensor of f32, or of a type with four bytes a value.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[u64], kind: u32) -> &mut Self {
        self.tensors.push(Tensor { name: name.into(), shape: shape.to_vec(), kind, offset: self.data });
        self.data += (shape.iter().product::<u64>() * 4).next_multiple_of(self.alignment);
        self
    }

    pub(crate) fn find(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.name == name.as_bytes()).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        bytes.extend(self.key_count.unwrap_or(self.keys.len() as u64).to_le_bytes());
        for (key, Value(kind, value)) in &self.keys {
            bytes.extend(string(key));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(value);
        }
        for tensor in &self.tensors {
            bytes.extend(string(&tensor.name));
            bytes.extend((tensor.shape.len() as u32).to_le_bytes());
            bytes.extend(tensor.shape.iter().flat_map(|length| length.to_le_bytes()));
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend(tensor.offset.to_le_bytes());
        }
        if !self.tensors.is_empty() {
            bytes.resize(bytes.len().next_multiple_of(self.alignment as usize) + self.data as usize, 0);
        }
        bytes
    }
}
