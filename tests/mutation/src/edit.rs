//! Edits of a file: what a recipe consists of. What an edit speaks of may be gone; then it does nothing.

use serde::{Deserialize, Serialize};

use crate::gguf::{Entry, File, Tensor, Value, size_of};
use crate::text::Bytes;

/// More than this is not made up for a tensor; a smaller file then breaks off.
const MOST_DATA: usize = 8 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Edit {
    /// A metadata value, added where there is none.
    Set {
        key: String,
        value: Value,
    },
    /// One element of an array.
    Element {
        key: String,
        index: usize,
        value: Value,
    },
    /// Cuts an array, or repeats its last element.
    Resize {
        key: String,
        len: usize,
    },
    /// The elements' type code, nothing else.
    ElementCode {
        key: String,
        code: u32,
    },
    /// The value's type code, nothing else.
    Code {
        key: String,
        code: u32,
    },
    Drop {
        key: String,
    },
    Double {
        key: String,
    },
    Rename {
        key: String,
        to: Bytes,
    },
    /// The architecture's name, in all keys that begin with it too.
    Architecture {
        to: String,
    },
    DropTensor {
        name: String,
    },
    DoubleTensor {
        name: String,
    },
    RenameTensor {
        name: String,
        to: Bytes,
    },
    /// The type's number, nothing else.
    TensorType {
        name: String,
        kind: u32,
    },
    /// The shape as told, nothing else.
    TensorShape {
        name: String,
        dims: Vec<u64>,
    },
    TensorOffset {
        name: String,
        offset: u64,
    },
    /// A tensor of this type and shape whose data is there; added where there is none.
    Rebuild {
        name: String,
        kind: u32,
        dims: Vec<u64>,
    },
    /// All of a tensor's data is this, again and again.
    Fill {
        name: String,
        with: Vec<u8>,
    },
    // From here on bytes of the written file.
    Put {
        at: usize,
        bytes: Vec<u8>,
    },
    Insert {
        at: usize,
        bytes: Vec<u8>,
    },
    Delete {
        at: usize,
        len: usize,
    },
    Zero {
        at: usize,
        len: usize,
    },
    Truncate {
        len: usize,
    },
    Copy {
        from: usize,
        len: usize,
        to: usize,
    },
}

/// The file that a sound one becomes: first the edits of its pieces, then those of its bytes.
pub(crate) fn apply(base: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = match File::parse(base) {
        Some(mut file) => {
            edits.iter().for_each(|edit| edit_pieces(&mut file, edit));
            file.to_bytes()
        }
        None => base.to_vec(),
    };
    edits.iter().for_each(|edit| edit_bytes(&mut bytes, edit));
    bytes
}

fn edit_pieces(file: &mut File, edit: &Edit) {
    match edit {
        Edit::Set { key, value } => match entry(file, key) {
            Some(entry) => entry.value = value.clone(),
            None => file.entries.push(Entry { key: key.as_str().into(), value: value.clone(), code: None }),
        },
        Edit::Element { key, index, value } => {
            if let Some((_, items)) = array(file, key)
                && let Some(item) = items.get_mut(*index)
            {
                *item = value.clone();
            }
        }
        Edit::Resize { key, len } => {
            if let Some((_, items)) = array(file, key)
                && let Some(last) = items.last().cloned()
            {
                items.resize(*len, last);
            }
        }
        Edit::ElementCode { key, code } => {
            if let Some((of, _)) = array(file, key) {
                *of = *code;
            }
        }
        Edit::Code { key, code } => {
            if let Some(entry) = entry(file, key) {
                entry.code = Some(*code);
            }
        }
        Edit::Drop { key } => file.entries.retain(|entry| !entry.key.is(key)),
        Edit::Double { key } => {
            if let Some(entry) = entry(file, key).cloned() {
                file.entries.push(entry);
            }
        }
        Edit::Rename { key, to } => {
            if let Some(entry) = entry(file, key) {
                entry.key = to.clone();
            }
        }
        Edit::Architecture { to } => rename_architecture(file, to),
        _ => edit_tensors(file, edit),
    }
}

fn edit_tensors(file: &mut File, edit: &Edit) {
    match edit {
        Edit::DropTensor { name } => file.tensors.retain(|tensor| !tensor.name.is(name)),
        Edit::DoubleTensor { name } => {
            if let Some(tensor) = tensor(file, name).cloned() {
                file.tensors.push(tensor);
            }
        }
        Edit::RenameTensor { name, to } => {
            if let Some(tensor) = tensor(file, name) {
                tensor.name = to.clone();
            }
        }
        Edit::TensorType { name, kind } => {
            if let Some(tensor) = tensor(file, name) {
                tensor.kind = *kind;
            }
        }
        Edit::TensorShape { name, dims } => {
            if let Some(tensor) = tensor(file, name) {
                tensor.dims.clone_from(dims);
            }
        }
        Edit::TensorOffset { name, offset } => {
            if let Some(tensor) = tensor(file, name) {
                tensor.offset = Some(*offset);
            }
        }
        Edit::Rebuild { name, kind, dims } => rebuild(file, name, *kind, dims),
        Edit::Fill { name, with } => {
            if let Some(tensor) = tensor(file, name) {
                let len = tensor.data.len();
                tensor.data = with.iter().copied().cycle().take(len).collect();
            }
        }
        _ => {}
    }
}

fn edit_bytes(bytes: &mut Vec<u8>, edit: &Edit) {
    let end = bytes.len();
    match edit {
        Edit::Put { at, bytes: new } => {
            for (place, byte) in bytes.iter_mut().skip(*at).zip(new) {
                *place = *byte;
            }
        }
        Edit::Insert { at, bytes: new } => {
            let at = end.min(*at);
            bytes.splice(at..at, new.iter().copied());
        }
        Edit::Delete { at, len } => {
            bytes.drain(end.min(*at)..end.min(at + len));
        }
        Edit::Zero { at, len } => bytes[end.min(*at)..end.min(at + len)].fill(0),
        Edit::Truncate { len } => bytes.truncate(*len),
        Edit::Copy { from, len, to } => {
            let piece = bytes[end.min(*from)..end.min(from + len)].to_vec();
            let to = end.min(*to);
            let until = end.min(to + piece.len());
            bytes[to..until].copy_from_slice(&piece[..until - to]);
        }
        _ => {}
    }
}

fn rename_architecture(file: &mut File, to: &str) {
    let Some(from) = file.architecture().map(|name| format!("{name}.")) else { return };
    for entry in &mut file.entries {
        if let Bytes::Text(key) = &mut entry.key
            && let Some(rest) = key.strip_prefix(&from)
        {
            *key = format!("{to}.{rest}");
        }
    }
    if let Some(entry) = entry(file, "general.architecture") {
        entry.value = Value::Str(to.into());
    }
}

/// A tensor of a type we do not know keeps the data it has.
fn rebuild(file: &mut File, name: &str, kind: u32, dims: &[u64]) {
    let needed = size_of(kind, dims).map(|size| size.min(MOST_DATA));
    if tensor(file, name).is_none() {
        let new = Tensor { name: name.into(), dims: Vec::new(), kind, data: Vec::new(), offset: None };
        file.tensors.push(new);
    }
    if let Some(tensor) = tensor(file, name) {
        tensor.kind = kind;
        tensor.dims = dims.to_vec();
        let pattern = if tensor.data.is_empty() { vec![0] } else { tensor.data.clone() };
        tensor.data = pattern.into_iter().cycle().take(needed.unwrap_or(tensor.data.len())).collect();
    }
}

fn entry<'a>(file: &'a mut File, key: &str) -> Option<&'a mut Entry> {
    file.entries.iter_mut().find(|entry| entry.key.is(key))
}

fn array<'a>(file: &'a mut File, key: &str) -> Option<(&'a mut u32, &'a mut Vec<Value>)> {
    match &mut entry(file, key)?.value {
        Value::Array(of, items) => Some((of, items)),
        _ => None,
    }
}

fn tensor<'a>(file: &'a mut File, name: &str) -> Option<&'a mut Tensor> {
    file.tensors.iter_mut().find(|tensor| tensor.name.is(name))
}
