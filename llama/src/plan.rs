//! What a model and a context would take, before they take it: the file is read up to its tensors, and llama.cpp adds up
//! what it would ask for.

use std::path::Path;

use crate::context_params::check_numbers;
use crate::device::DeviceKind;
use crate::{Context, ContextParams, Error, Model, ModelParams, backend, ffi};

/// llama.cpp rounds windows to this.
const WINDOW_STEP: u32 = 256;
/// The largest window that llama.cpp is asked about: it makes a table of all positions. Beyond, all grows in proportion.
const LARGEST_WINDOW: u32 = 1 << 20;
/// What that table takes for each.
const CELL: u64 = 64;
/// More devices than llama.cpp takes.
const MAX_DEVICES: usize = 64;

/// A model file of which only the sizes are loaded.
pub struct Planner(Model);

/// What a model with one context takes, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The devices that take part of it, the CPU among them.
    pub devices: Vec<DevicePlan>,
    /// Positions in the window, as llama.cpp rounds them up.
    pub n_ctx: u32,
    /// The logits, or embeddings, that a decode leaves, in the host's memory: bytes that no device's numbers contain.
    pub outputs: u64,
}

/// A device's part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePlan {
    /// What is taken of it.
    pub memory: DeviceMemory,
    /// How much of `memory.context` each position of the window takes.
    pub context_per_position: u64,
}

/// What a model and a context take of a device, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMemory {
    /// Its name, as [`devices`](crate::devices) has it.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// The weights.
    pub model: u64,
    /// The memory of what was said: all positions of the window, or a state for each sequence, or both.
    pub context: u64,
    /// What is computed with.
    pub compute: u64,
}

impl Planner {
    /// Checks a GGUF file, and loads all but the numbers in its tensors.
    pub fn new(path: &Path, params: &ModelParams) -> Result<Self, Error> {
        Model::load_all_or_sizes(path, params, true, &mut |_| true).map(Self)
    }

    /// The window size that the model was trained with.
    pub fn n_ctx_train(&self) -> u32 {
        self.0.n_ctx_train()
    }

    /// The number of its layers.
    pub fn n_layer(&self) -> u32 {
        self.0.n_layer()
    }

    /// The number of tokens in its vocabulary.
    pub fn n_tokens(&self) -> u32 {
        self.0.vocab().n_tokens()
    }

    /// What the model takes with such a context. Also for models that only embed, which no context of this crate computes.
    pub fn plan(&self, params: &ContextParams) -> Result<Plan, Error> {
        check_numbers(&self.0, params)?;
        let n_ctx = self.window(params).next_multiple_of(WINDOW_STEP);
        let at = |n_ctx| self.add_up(&ContextParams { n_ctx, ..params.clone() });
        // A window of another size says what each position takes, by llama.cpp's own account.
        let near = n_ctx.min(LARGEST_WINDOW);
        let other_n_ctx = if near == n_ctx { near + WINDOW_STEP } else { near / 2 };
        let ((memory, outputs), (others, _)) = (at(near)?, at(other_n_ctx)?);
        let device = |mut memory: DeviceMemory| {
            let of_other = others.iter().find(|other| other.name == memory.name);
            let share = |bytes: u64, other: fn(&DeviceMemory) -> u64| {
                of_other.map_or(bytes, other).abs_diff(bytes) / u64::from(near.abs_diff(other_n_ctx))
            };
            let context_per_position = share(memory.context, |other| other.context);
            let compute_per_position = share(memory.compute, |other| other.compute);
            memory.context += context_per_position * u64::from(n_ctx - near);
            memory.compute += compute_per_position * u64::from(n_ctx - near);
            DevicePlan { memory, context_per_position }
        };
        Ok(Plan { devices: memory.into_iter().map(device).collect(), n_ctx, outputs })
    }

    /// What making such a plan takes for a moment: states of sequences are really allocated, and so are the rows of logits
    /// and a table of the window.
    pub fn bytes_meanwhile(&self, params: &ContextParams) -> u64 {
        let n_ctx = self.window(params).min(LARGEST_WINDOW);
        let (mut position, mut sequence) = (0, 0);
        let (type_k, type_v) = (params.cache_type_k.raw(), params.cache_type_v.raw());
        // SAFETY: the model is loaded, both are ggml types, and both numbers are written to during the call only.
        unsafe {
            ffi::chaku_llama_model_cache_sizes(self.0.raw(), type_k, type_v, &raw mut position, &raw mut sequence);
        }
        let row = size_of::<f32>() as u64 * u64::from(self.n_tokens());
        u64::from(params.n_seq_max).saturating_mul(sequence.saturating_add(row)) + CELL * u64::from(n_ctx)
    }

    fn window(&self, params: &ContextParams) -> u32 {
        if params.n_ctx == 0 { self.n_ctx_train() } else { params.n_ctx }
    }

    fn add_up(&self, params: &ContextParams) -> Result<(Vec<DeviceMemory>, u64), Error> {
        let params = params.raw();
        let mut outputs = 0;
        let devices = read_devices(|rows, count| {
            let outcome = ffi::call("llama_get_memory_breakdown", |error| {
                // SAFETY: the model is loaded, what the creation of a context asserts was checked, and there is room for
                // as many rows.
                unsafe {
                    ffi::chaku_llama_plan(
                        self.0.raw(),
                        &raw const params,
                        MAX_DEVICES,
                        rows,
                        count,
                        &raw mut outputs,
                        error,
                    )
                }
            })?;
            match outcome {
                ffi::Outcome::Done => Ok(()),
                ffi::Outcome::Refused(message) => Err(Error::ContextFailed { message }),
            }
        })?;
        Ok((devices, outputs))
    }
}

impl Context {
    /// What it takes, with its model.
    pub fn memory(&self) -> Result<Vec<DeviceMemory>, Error> {
        read_devices(|rows, count| {
            self.guarded("llama_get_memory_breakdown", |error| {
                // SAFETY: a living context, and room for as many rows.
                unsafe { ffi::chaku_llama_context_memory(self.raw(), MAX_DEVICES, rows, count, error) }
            })
            .map(drop)
        })
    }
}

/// `read` writes at most [`MAX_DEVICES`] rows, and how many these are.
fn read_devices(
    read: impl FnOnce(*mut ffi::DeviceMemory, *mut usize) -> Result<(), Error>,
) -> Result<Vec<DeviceMemory>, Error> {
    let mut rows: Vec<ffi::DeviceMemory> = Vec::with_capacity(MAX_DEVICES);
    let mut count = 0;
    read(rows.as_mut_ptr(), &raw mut count)?;
    // SAFETY: so many rows were written.
    unsafe { rows.set_len(count.min(MAX_DEVICES)) };
    let device = |row: &ffi::DeviceMemory| DeviceMemory {
        // SAFETY: the name belongs to the device and lives as long as the process.
        name: unsafe { backend::text(row.name) },
        kind: DeviceKind::from_raw(row.kind).unwrap_or(DeviceKind::Accelerator),
        model: row.model,
        context: row.context,
        compute: row.compute,
    };
    Ok(rows.iter().map(device).collect())
}

impl std::fmt::Debug for Planner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planner({})", self.0.description())
    }
}
