//! Names, shapes, types and places of the weights.

use std::collections::HashSet;
use std::io::Read;

use super::reader::Reader;
use super::{broken, unsupported};
use crate::Error;

/// llama.cpp's bounds: `GGML_MAX_NAME`, with the NUL that ends it, and `GGML_MAX_DIMS`.
const MAX_NAME: usize = 63;
const MAX_DIMS: u32 = 4;
/// More than any file has: those with every expert on its own have some ten thousand.
const MAX_TENSORS: u64 = 1 << 20;

/// How the numbers of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorKind {
    /// Its number in the file.
    pub number: u32,
    /// As ggml calls it.
    pub name: &'static str,
    /// How many values a block has. Rows are whole blocks.
    pub block: u64,
    /// How many bytes a block has.
    pub bytes: u64,
    /// Whether llama.cpp can compute with such weights. It calls a null pointer for the others.
    computes: bool,
}

impl TensorKind {
    /// The type of this number, if there is one.
    pub fn from_number(number: u32) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.number == number)
    }
}

const fn kind(number: u32, name: &'static str, block: u64, bytes: u64, computes: bool) -> TensorKind {
    TensorKind { number, name, block, bytes, computes }
}

/// The types of the llama.cpp this crate is built with. Numbers that are not here were given up.
const KINDS: [TensorKind; 35] = [
    kind(0, "f32", 1, 4, true),
    kind(1, "f16", 1, 2, true),
    kind(2, "q4_0", 32, 18, true),
    kind(3, "q4_1", 32, 20, true),
    kind(6, "q5_0", 32, 22, true),
    kind(7, "q5_1", 32, 24, true),
    kind(8, "q8_0", 32, 34, true),
    kind(9, "q8_1", 32, 36, false),
    kind(10, "q2_K", 256, 84, true),
    kind(11, "q3_K", 256, 110, true),
    kind(12, "q4_K", 256, 144, true),
    kind(13, "q5_K", 256, 176, true),
    kind(14, "q6_K", 256, 210, true),
    kind(15, "q8_K", 256, 292, false),
    kind(16, "iq2_xxs", 256, 66, true),
    kind(17, "iq2_xs", 256, 74, true),
    kind(18, "iq3_xxs", 256, 98, true),
    kind(19, "iq1_s", 256, 50, true),
    kind(20, "iq4_nl", 32, 18, true),
    kind(21, "iq3_s", 256, 110, true),
    kind(22, "iq2_s", 256, 82, true),
    kind(23, "iq4_xs", 256, 136, true),
    kind(24, "i8", 1, 1, false),
    kind(25, "i16", 1, 2, false),
    kind(26, "i32", 1, 4, false),
    kind(27, "i64", 1, 8, false),
    kind(28, "f64", 1, 8, false),
    kind(29, "iq1_m", 256, 56, true),
    kind(30, "bf16", 1, 2, true),
    kind(34, "tq1_0", 256, 54, true),
    kind(35, "tq2_0", 256, 66, true),
    kind(39, "mxfp4", 32, 17, true),
    kind(40, "nvfp4", 64, 36, true),
    kind(41, "q1_0", 128, 18, true),
    kind(42, "q2_0", 64, 18, true),
];

/// One tensor.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Its name, for instance `blk.0.attn_q.weight`.
    pub name: String,
    /// Its lengths, that of a row first. Invariant: one to four, the rest is 1.
    pub shape: [u64; MAX_DIMS as usize],
    /// How its numbers are stored.
    pub kind: TensorKind,
    /// Where it begins, from the begin of the file.
    pub position: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// Reads the descriptions, and checks that the file holds what they describe.
pub(super) fn read<R: Read>(reader: &mut Reader<R>, count: u64, alignment: u64) -> Result<Vec<Tensor>, Error> {
    if count > MAX_TENSORS {
        return Err(broken("header", format!("it announces {count} tensors, expected at most {MAX_TENSORS}")));
    }
    let (mut tensors, mut names) = (Vec::new(), HashSet::new());
    for number in 0..count {
        let tensor = tensor(reader, number)?;
        if !names.insert(tensor.name.clone()) {
            return Err(broken(tensor.name, "the tensor is there twice"));
        }
        tensors.push(tensor);
    }
    place(&mut tensors, reader.position(), reader.length(), alignment)?;
    Ok(tensors)
}

/// What a model's weights must be, and an adapter's or projector's need not.
pub(super) fn check_weights(tensors: &[Tensor]) -> Result<(), Error> {
    for tensor in tensors {
        let found = tensor.kind.name;
        if tensor.shape.contains(&0) {
            return Err(broken(&tensor.name, format!("its shape {} has no elements", shape(&tensor.shape))));
        }
        if !tensor.kind.computes && !is_table_of_numbers(&tensor.name) {
            return Err(unsupported(&tensor.name, format!("llama.cpp cannot compute with weights of type {found}")));
        }
        if must_be_f32(&tensor.name) && found != "f32" {
            return Err(unsupported(
                &tensor.name,
                format!("its type is {found}, llama.cpp can only compute with f32 there"),
            ));
        }
    }
    Ok(())
}

/// The only tensors that hold integers: tables of token and expert numbers.
fn is_table_of_numbers(name: &str) -> bool {
    name.starts_with("d2t") || name.contains("tid2eid")
}

/// What is added to or multiplied with activations, element by element. The compute threads abort on any other type.
fn must_be_f32(name: &str) -> bool {
    const NAMES: [&str; 6] = ["norm.weight", ".bias", "ssm_a", "ssm_d", "ssm_conv1d.weight", "token_types.weight"];
    NAMES.iter().any(|end| name.ends_with(end))
}

fn tensor<R: Read>(reader: &mut Reader<R>, number: u64) -> Result<Tensor, Error> {
    let name = reader.name(&format!("tensor number {number}"))?;
    if name.len() > MAX_NAME {
        let message = format!("its name `{name}` has {} bytes, expected at most {MAX_NAME}", name.len());
        return Err(broken(format!("tensor number {number}"), message));
    }
    let dims = reader.u32(&name)?;
    if dims > MAX_DIMS {
        return Err(broken(name, format!("it has {dims} dimensions, expected at most {MAX_DIMS}")));
    }
    let mut shape = [1; MAX_DIMS as usize];
    for length in shape.iter_mut().take(dims as usize) {
        *length = reader.u64(&name)?;
    }
    let kind = reader.u32(&name)?;
    let Some(kind) = TensorKind::from_number(kind) else {
        return Err(unsupported(name, format!("tensor type {kind} is not known to this build")));
    };
    let size = size(&shape, kind).map_err(|message| broken(&name, message))?;
    let position = reader.u64(&name)?;
    Ok(Tensor { name, shape, kind, position, size })
}

/// The bytes of a tensor, if ggml's signed 64-bit numbers can hold every number on the way.
fn size(lengths: &[u64; MAX_DIMS as usize], kind: TensorKind) -> Result<u64, String> {
    let too_large = || format!("its shape {} is too large", shape(lengths));
    let limit = |n: &u64| i64::try_from(*n).is_ok();
    // ggml multiplies without the zeros.
    let elements = lengths.iter().try_fold(1_u64, |product, &length| product.checked_mul(length.max(1)).filter(limit));
    elements.ok_or_else(too_large)?;
    if !lengths[0].is_multiple_of(kind.block) {
        return Err(format!(
            "its rows have {} elements, expected a multiple of {}, the block of {}",
            lengths[0], kind.block, kind.name
        ));
    }
    let blocks = lengths[0] / kind.block * lengths[1..].iter().product::<u64>();
    blocks.checked_mul(kind.bytes).filter(limit).ok_or_else(too_large)
}

/// Tensors follow one another, each at a multiple of the alignment, and end inside the file. Their positions become
/// those in the file; so far they count from the begin of the data.
fn place(tensors: &mut [Tensor], header_end: u64, file_length: u64, alignment: u64) -> Result<(), Error> {
    let data = header_end.next_multiple_of(alignment);
    let mut expected = 0_u64;
    for tensor in tensors {
        if tensor.position != expected {
            let message = format!(
                "its data begins at {}, expected {expected}: tensors follow one another at multiples of {alignment}",
                tensor.position
            );
            return Err(broken(&tensor.name, message));
        }
        let end =
            (data + tensor.position).checked_add(tensor.size).filter(|&end| end <= file_length).ok_or_else(|| {
                broken(
                    &tensor.name,
                    format!(
                        "its {} bytes at byte {} end behind the file, which has {file_length}",
                        tensor.size,
                        data + tensor.position
                    ),
                )
            })?;
        tensor.position += data;
        expected = end.next_multiple_of(alignment) - data;
    }
    Ok(())
}

fn shape(lengths: &[u64]) -> String {
    let lengths: Vec<_> = lengths.iter().map(u64::to_string).collect();
    format!("[{}]", lengths.join(", "))
}
