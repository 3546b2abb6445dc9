//! What a model would take, before it is loaded, and with which sizes it would be.

use std::path::Path;

use chaku_llama::{DeviceKind, ModelParams, Planner};
use serde::Serialize;

use super::budget::{Budget, Share};
use super::fit::{Choice, Fit, fit};
use super::load::Sizes;
use super::memory;
use super::params::{context_params, model_params, refused, uses_gpu};
use crate::error::{Error, Reason, Result};
use crate::options::Layers;

/// A budget may make the window smaller, but not useless.
const LEAST_CTX_SIZE: u32 = 512;
/// A budget leaves this part of itself to computed prompts, where the options do not say how much.
const CACHE_SHARE: u64 = 8;
/// What a GPU keeps for itself and its driver.
const GPU_MARGIN: u64 = 256 << 20;

// What llama.cpp does not count, measured: tokens with their texts, merges and indices; a position with its place in the
// tables; the graphs, and the threads.
const BYTES_PER_TOKEN: u64 = 360;
const BYTES_PER_POSITION: u64 = 160;
const BYTES_OF_GRAPHS: u64 = 6 << 20;

/// What loading a model would take, in bytes, and the sizes that were chosen for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// What it would take of each device.
    pub devices: Vec<DevicePlan>,
    /// All of that together.
    pub total: u64,
    /// Memory that computed prompts may take later, at most. Not in the total.
    pub prompt_cache: u64,
    /// What is left of the runtime's `memory_budget`; `None` = it has none.
    pub available: Option<u64>,
    /// Whether that is enough, and the GPUs have what they would need. Without a budget nothing is compared.
    pub fits: bool,
    /// Tokens in the window of a session.
    pub ctx_size: u32,
    /// Tokens that the KV cache holds, of all sessions together.
    pub kv_pool: u32,
    /// Requests computed at once.
    pub max_running: u32,
    /// Layers on GPUs.
    pub gpu_layers: u32,
}

/// A device's part, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DevicePlan {
    /// The device's name.
    pub name: String,
    /// The weights. Exact; if the file is mapped, the system can take them back.
    pub weights: u64,
    /// The KV cache, of each token.
    pub kv_per_token: u64,
    /// The KV cache, and the states of recurrent layers. Exact.
    pub kv_total: u64,
    /// What is computed with.
    pub compute: u64,
    /// Vocabulary, tables, logits. An estimate.
    pub other: u64,
    /// All of that.
    pub total: u64,
    #[serde(skip)]
    kind: DeviceKind,
}

impl Plan {
    /// As a JSON object with the names of the fields.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and names")
    }

    /// What it takes of the memory that a budget is about: the machine's, which an integrated GPU shares.
    fn of_machine(&self) -> u64 {
        let shared = self.devices.iter().filter(|device| device.kind != DeviceKind::Gpu);
        shared.map(|device| device.total).sum::<u64>() + self.prompt_cache
    }

    /// What of that goes when the engine does, and not the weights.
    fn of_context(&self) -> u64 {
        let weights = self.devices.iter().filter(|device| device.kind != DeviceKind::Gpu).map(|device| device.weights);
        self.of_machine() - weights.sum::<u64>()
    }

    fn wants(&self) -> String {
        format!("the model with a KV cache of {} tokens", self.kv_pool)
    }
}

/// What a load takes of a budget, and the sizes that fit it.
pub(super) struct Reserved {
    pub(super) sizes: Sizes,
    pub(super) weights: Share,
    pub(super) context: Share,
}

/// Whether sizes that the options leave open may be smaller than they usually are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shrink {
    ToFit,
    Not,
}

/// Chooses sizes that fit what is left of a budget, and takes their part of it.
pub(super) fn reserve(path: &Path, layers: &Layers<'_>, budget: &Budget, shrink: Shrink) -> Result<Reserved> {
    let (plan, sizes) = choose(path, layers, Some(budget.left()), shrink)?;
    let mut weights = budget.take(plan.of_machine(), &plan.wants())?;
    if !plan.fits {
        let message =
            "the model fits the machine's memory and not that of its GPUs; set gpu_layers to fewer, or leave it";
        return Err(Error::new(Reason::MemoryBudget, message).with("wanted", plan.total));
    }
    let context = weights.split(plan.of_context());
    Ok(Reserved { sizes, weights, context })
}

/// The sizes that would be chosen, and what they take. `available`: what is left of a budget.
pub(super) fn choose(
    path: &Path,
    layers: &Layers<'_>,
    available: Option<u64>,
    shrink: Shrink,
) -> Result<(Plan, Sizes)> {
    let mut model = Draft::new(path, layers, available)?;
    let wanted = model.sizes;
    let Some(left) = available else { return Ok((model.plan(wanted)?, wanted)) };
    let free = free_of_gpus()?;
    let choice = Choice { n_ctx: wanted.n_ctx, gpu_layers: wanted.gpu_layers };
    let window_is_given = shrink == Shrink::Not || layers.is_set("ctx_size") || layers.is_set("kv_pool");
    let least_ctx = if window_is_given { wanted.n_ctx } else { LEAST_CTX_SIZE };
    let least_layers = if layers.is_set("gpu_layers") { wanted.gpu_layers } else { 0 };
    let look = |choice| {
        let plan = model.plan(wanted.with(choice))?;
        let too_much = |device: &DevicePlan| {
            let of_device = free.iter().find(|(name, _)| *name == device.name);
            device.kind == DeviceKind::Gpu && of_device.is_some_and(|(_, free)| device.total > *free)
        };
        Ok(match () {
            () if plan.devices.iter().any(too_much) => Fit::TooMuchForGpu,
            () if plan.of_machine() > left => Fit::TooMuch,
            () => Fit::Fits,
        })
    };
    let chosen = fit(choice, least_ctx, least_layers..=wanted.gpu_layers, look)?;
    let sizes = chosen.map_or(wanted, |choice| wanted.with(choice));
    let plan = model.plan(sizes)?;
    Ok((Plan { fits: chosen.is_some(), ..plan }, sizes))
}

/// A model that is tried on in different sizes.
struct Draft<'a> {
    path: &'a Path,
    layers: &'a Layers<'a>,
    available: Option<u64>,
    planner: Planner,
    planner_layers: u32,
    /// What the options say.
    sizes: Sizes,
}

impl<'a> Draft<'a> {
    fn new(path: &'a Path, layers: &'a Layers<'a>, available: Option<u64>) -> Result<Self> {
        let params = model_params(layers)?;
        let planner = Planner::new(path, &params).map_err(refused)?;
        let most_layers = if uses_gpu(&params) { planner.n_layer() + 1 } else { 0 };
        let mut sizes = Sizes::read(layers, planner.n_ctx_train());
        sizes.gpu_layers = u32::try_from(params.gpu_layers).map_or(most_layers, |layers| layers.min(most_layers));
        if let (Some(left), false) = (available, layers.is_set("prompt_cache_mib")) {
            sizes.prompt_cache = sizes.prompt_cache.min(left / CACHE_SHARE);
        }
        Ok(Draft { path, layers, available, planner, planner_layers: sizes.gpu_layers, sizes })
    }

    fn plan(&mut self, sizes: Sizes) -> Result<Plan> {
        if self.planner_layers != sizes.gpu_layers {
            let params = ModelParams { gpu_layers: sizes.gpu_layers as i32, ..model_params(self.layers)? };
            self.planner = Planner::new(self.path, &params).map_err(refused)?;
            self.planner_layers = sizes.gpu_layers;
        }
        let params = context_params(self.layers, &sizes)?;
        memory::check_plan(self.planner.bytes_meanwhile(&params))?;
        let plan = self.planner.plan(&params).map_err(refused)?;
        let tokens = u64::from(self.planner.n_tokens());
        let tables = BYTES_PER_TOKEN * tokens + BYTES_PER_POSITION * u64::from(plan.n_ctx) + BYTES_OF_GRAPHS;
        let device = |device: &chaku_llama::DevicePlan| {
            let memory = &device.memory;
            let other = if memory.kind == DeviceKind::Cpu { plan.outputs + tables } else { 0 };
            DevicePlan {
                name: memory.name.clone(),
                weights: memory.model,
                kv_per_token: device.context_per_position,
                kv_total: memory.context,
                compute: memory.compute,
                other,
                total: memory.model + memory.context + memory.compute + other,
                kind: memory.kind,
            }
        };
        let devices: Vec<_> = plan.devices.iter().map(device).collect();
        let plan = Plan {
            total: devices.iter().map(|device| device.total).sum(),
            devices,
            prompt_cache: sizes.prompt_cache,
            available: self.available,
            fits: true,
            ctx_size: sizes.window(plan.n_ctx),
            kv_pool: plan.n_ctx,
            max_running: params.n_seq_max,
            gpu_layers: sizes.gpu_layers,
        };
        Ok(plan)
    }
}

fn free_of_gpus() -> Result<Vec<(String, u64)>> {
    let devices = chaku_llama::devices().map_err(Error::from)?;
    let free = |device: chaku_llama::Device| (device.name, device.memory_free.saturating_sub(GPU_MARGIN));
    Ok(devices.into_iter().filter(|device| device.kind == DeviceKind::Gpu).map(free).collect())
}
