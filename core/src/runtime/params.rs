//! From options to llama.cpp's parameters of a model and of what computes with it.

use chaku_llama::{
    CacheType, ContextParams, FlashAttn, KvOverride, KvValue, LazyMode, LoadMode, ModelParams, Placement, Rope,
    RopeScaling, SplitMode, ThreadPriority,
};

use super::cpus;
use super::load::Sizes;
use crate::error::{Error, Reason, Result};
use crate::options::Layers;

/// llama.app's names of the weights that `cpu_moe` and `n_cpu_ffn` are about (`LLM_FFN_EXPS_REGEX`, `LLM_FFN_DENSE_REGEX`).
const EXPERTS: &str = r"\.ffn_(up|down|gate|gate_up)_(ch|)exps";
const DENSE: &str = r"\.ffn_(up|down|gate)\.";
/// The buffer type of the host's plain memory.
const CPU: &str = "CPU";

pub(super) fn model_params(layers: &Layers<'_>) -> Result<ModelParams> {
    Ok(ModelParams {
        load_mode: load_mode(layers),
        lazy_mode: match layers.str("lazy_mode") {
            Some("on") => LazyMode::On,
            Some("off") => LazyMode::Off,
            _ => LazyMode::Auto,
        },
        gpu_layers: layers.i64("gpu_layers").unwrap_or(-1) as i32,
        devices: layers.str("devices").map(devices),
        split_mode: match layers.str("split_mode") {
            Some("none") => SplitMode::None,
            Some("row") => SplitMode::Row,
            _ => SplitMode::Layer,
        },
        main_gpu: layers.i64("main_gpu").unwrap_or(0) as u32,
        tensor_split: layers.str("tensor_split").map_or(Ok(Vec::new()), tensor_split)?,
        tensor_buffers: tensor_buffers(layers)?,
        repack: layers.bool("repack"),
        no_host: layers.bool("no_host"),
        kv_overrides: kv_overrides(layers.list("override_kv"))?,
        check_tensors: layers.bool("check_tensors"),
        vocab_only: false,
    })
}

fn load_mode(layers: &Layers<'_>) -> LoadMode {
    match layers.str("load_mode") {
        Some("none") => LoadMode::Read,
        Some("mmap") => LoadMode::Map,
        Some("mlock") => LoadMode::Lock,
        Some("mmap+mlock") => LoadMode::MapLock,
        Some("dio") => LoadMode::DirectIo,
        _ if layers.bool("mmap") => LoadMode::Auto,
        _ => LoadMode::Read,
    }
}

/// Whether the weights may lie in memory that the system can take back.
pub(super) fn is_mapped(params: &ModelParams) -> bool {
    matches!(params.load_mode, LoadMode::Auto | LoadMode::Map)
}

/// Whether a part of the model goes to memory that is not the machine's own.
pub(super) fn uses_gpu(params: &ModelParams) -> bool {
    let no_devices = params.devices.as_ref().is_some_and(Vec::is_empty);
    params.gpu_layers != 0 && !no_devices && chaku_llama::backend::compiled_backends() != ["cpu"]
}

fn devices(names: &str) -> Vec<String> {
    if names == "none" { Vec::new() } else { names.split(',').map(|name| name.trim().to_owned()).collect() }
}

fn tensor_split(text: &str) -> Result<Vec<f32>> {
    let part = |part: &str| part.trim().parse::<f32>().ok();
    text.split([',', '/'])
        .map(part)
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("tensor_split", format!("`{text}` is not a list of numbers, as `3,1` is")))
}

/// What is said of tensors by name goes before what is said of layers.
fn tensor_buffers(layers: &Layers<'_>) -> Result<Vec<(String, String)>> {
    let mut places = Vec::new();
    for item in layers.list("override_tensor").iter().flat_map(|items| items.split(',')) {
        let (pattern, buffer) = item.rsplit_once('=').ok_or_else(|| {
            wrong("override_tensor", format!("`{item}` is not PATTERN=BUFFER, as `\\.ffn_up\\.=CPU` is"))
        })?;
        places.push((pattern.to_owned(), buffer.to_owned()));
    }
    let first = |key: &str| 0..layers.i64(key).unwrap_or(0);
    let of_layers =
        first("n_cpu_moe").map(|layer| (layer, EXPERTS)).chain(first("n_cpu_ffn").map(|layer| (layer, DENSE)));
    places.extend(of_layers.map(|(layer, weights)| (format!(r"blk\.{layer}{weights}"), CPU.to_owned())));
    places.extend(layers.bool("cpu_moe").then(|| (EXPERTS.to_owned(), CPU.to_owned())));
    Ok(places)
}

/// Each is KEY=TYPE:VALUE, or several of them with commas between.
fn kv_overrides(items: &[String]) -> Result<Vec<KvOverride>> {
    let mut overrides: Vec<KvOverride> = Vec::new();
    for piece in items.iter().flat_map(|item| item.split(',')) {
        match (kv_override(piece)?, overrides.last_mut()) {
            (Some(one), _) => overrides.push(one),
            // A text may have commas in it.
            (None, Some(KvOverride { value: KvValue::Str(text), .. })) => *text += &format!(",{piece}"),
            (None, _) => {
                let message = format!("`{piece}` is not KEY=TYPE:VALUE, where TYPE is int, float, bool or str");
                return Err(wrong("override_kv", message));
            }
        }
    }
    Ok(overrides)
}

fn kv_override(piece: &str) -> Result<Option<KvOverride>> {
    let parts = piece.split_once('=').and_then(|(key, value)| Some((key, value.split_once(':')?)));
    let Some((key, (kind, text))) = parts else { return Ok(None) };
    let value = match kind {
        "int" => text.parse().ok().map(KvValue::Int),
        "float" => text.parse().ok().filter(|number: &f64| number.is_finite()).map(KvValue::Float),
        "bool" => text.parse().ok().map(KvValue::Bool),
        "str" => Some(KvValue::Str(text.to_owned())),
        _ => return Ok(None),
    };
    match value {
        Some(value) => Ok(Some(KvOverride { key: key.to_owned(), value })),
        None => Err(wrong("override_kv", format!("`{text}`, for {key}, is no value of type {kind}"))),
    }
}

fn wrong(key: &'static str, message: String) -> Error {
    Error::new(Reason::InvalidOption, format!("{key}: {message}")).with("key", key)
}

/// What a model or a context is refused for is the caller's choice of options, or the file or model itself.
pub(super) fn refused(error: chaku_llama::Error) -> Error {
    match &error {
        chaku_llama::Error::InvalidInput { what, .. } if !matches!(*what, "model" | "path") => {
            Error::new(Reason::InvalidOption, error.to_string()).with("key", *what)
        }
        _ => error.into(),
    }
}

pub(super) fn context_params(layers: &Layers<'_>, sizes: &Sizes) -> Result<ContextParams> {
    let fixed_shape = layers.bool("fixed_shape");
    if layers.str("flash_attn") == Some("off") && !matches!(layers.str("cache_type_v"), Some("f32" | "f16" | "bf16")) {
        let message = "a quantized cache_type_v needs flash attention; set flash_attn to auto or on";
        return Err(Error::new(Reason::InvalidOption, message).with("key", "cache_type_v"));
    }
    // Threads of a step meet at barriers, where they spin: more of them than processors make a token take seconds, in
    // which nothing can stop it.
    let placement = placement(layers)?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let processors = if placement.cpus.is_empty() { processors } else { processors.min(placement.cpus.len()) } as u32;
    let threads = |key: &str| layers.i64(key).map(|n| (n as u32).min(processors));
    let decode_threads =
        if fixed_shape { 1 } else { threads("threads").unwrap_or_else(|| default_threads(processors)) };
    let n_batch = layers.i64("batch_size").unwrap_or(1) as u32;
    Ok(ContextParams {
        n_ctx: sizes.n_ctx,
        n_batch,
        n_ubatch: n_batch.min(layers.i64("ubatch_size").unwrap_or(1) as u32),
        n_seq_max: sizes.max_running,
        threads: decode_threads,
        threads_batch: if fixed_shape { 1 } else { threads("threads_batch").unwrap_or(decode_threads) },
        flash_attn: match layers.str("flash_attn") {
            Some("on") => FlashAttn::On,
            Some("off") => FlashAttn::Off,
            _ => FlashAttn::Auto,
        },
        cache_type_k: cache_type(layers, "cache_type_k")?,
        cache_type_v: cache_type(layers, "cache_type_v")?,
        offload_kv: layers.bool("kv_offload"),
        offload_ops: layers.bool("op_offload"),
        rope: rope(layers),
        placement,
    })
}

fn placement(layers: &Layers<'_>) -> Result<Placement> {
    Ok(Placement {
        cpus: layers.str("cpu_affinity").map_or(Ok(Vec::new()), cpus::parse)?,
        priority: match layers.str("cpu_priority") {
            Some("low") => ThreadPriority::Low,
            Some("high") => ThreadPriority::High,
            _ => ThreadPriority::Normal,
        },
    })
}

/// Hyper-threads and efficiency cores slow a graph's barriers down more than they help.
fn default_threads(processors: u32) -> u32 {
    (num_cpus::get_physical() as u32).min(processors).clamp(1, 8)
}

fn cache_type(layers: &Layers<'_>, key: &str) -> Result<CacheType> {
    Ok(match layers.str(key).unwrap_or("f16") {
        "f32" => CacheType::F32,
        "f16" => CacheType::F16,
        "bf16" => CacheType::Bf16,
        "q8_0" => CacheType::Q8_0,
        "q5_1" => CacheType::Q5_1,
        "q5_0" => CacheType::Q5_0,
        "q4_1" => CacheType::Q4_1,
        "q4_0" => CacheType::Q4_0,
        "iq4_nl" => CacheType::Iq4Nl,
        other => {
            return Err(Error::new(
                Reason::Internal,
                format!("the table allows `{other}` for {key}, the code does not"),
            ));
        }
    })
}

fn rope(layers: &Layers<'_>) -> Rope {
    // One says how often the window grows, the other one what that makes of the frequencies.
    let freq_scale = match layers.f32("rope_scale") {
        scale if scale > 0.0 && !layers.is_set_above("rope_freq_scale", "rope_scale") => 1.0 / scale,
        _ => layers.f32("rope_freq_scale"),
    };
    Rope {
        scaling: match layers.str("rope_scaling") {
            Some("none") => Some(RopeScaling::None),
            Some("linear") => Some(RopeScaling::Linear),
            Some("yarn") => Some(RopeScaling::Yarn),
            _ => None,
        },
        freq_base: layers.f32("rope_freq_base"),
        freq_scale,
        yarn_orig_ctx: layers.i64("yarn_orig_ctx").unwrap_or(0) as u32,
        yarn_ext_factor: layers.f32("yarn_ext_factor"),
        yarn_attn_factor: layers.f32("yarn_attn_factor"),
        yarn_beta_fast: layers.f32("yarn_beta_fast"),
        yarn_beta_slow: layers.f32("yarn_beta_slow"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn of(set: &[(&str, &str)]) -> Result<ModelParams> {
        let mut options = Options::new();
        for (key, value) in set {
            options.set_text(key, value).unwrap();
        }
        model_params(&Layers(vec![&options]))
    }

    #[test]
    fn overrides_of_metadata_are_read_as_llama_app_does() {
        let one = |key: &str, value| KvOverride { key: key.to_owned(), value };
        let read = of(&[
            ("override_kv", "a.b=int:-3,c=float:0.5"),
            ("override_kv", "d=bool:false"),
            ("override_kv", "e=str:x, y=z,f=str:"),
        ]);
        assert_eq!(
            read.unwrap().kv_overrides,
            [
                one("a.b", KvValue::Int(-3)),
                one("c", KvValue::Float(0.5)),
                one("d", KvValue::Bool(false)),
                one("e", KvValue::Str("x, y=z".to_owned())),
                one("f", KvValue::Str(String::new())),
            ]
        );
        for wrong in ["a", "a=1", "a=int:x", "a=float:inf", "a=bool:yes", "a=u32:1", "a=int:1,b"] {
            let error = of(&[("override_kv", wrong)]).unwrap_err();
            assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some("override_kv")), "{wrong}");
        }
    }

    #[test]
    fn places_of_tensors_are_in_the_order_in_which_they_hold() {
        let read = of(&[("override_tensor", "a=b=CPU,c=X"), ("n_cpu_moe", "1"), ("n_cpu_ffn", "1"), ("cpu_moe", "on")]);
        let places = read.unwrap().tensor_buffers;
        let patterns: Vec<_> = places.iter().map(|(pattern, _)| pattern.as_str()).collect();
        assert_eq!(patterns, ["a=b", "c", &format!(r"blk\.0{EXPERTS}"), &format!(r"blk\.0{DENSE}"), EXPERTS]);
        assert_eq!((places[1].1.as_str(), places[4].1.as_str()), ("X", CPU));
        assert_eq!(of(&[("override_tensor", "a")]).unwrap_err().detail("key"), Some("override_tensor"));
        assert_eq!(of(&[("tensor_split", "3/1, 2")]).unwrap().tensor_split, [3.0, 1.0, 2.0]);
        assert_eq!(of(&[("tensor_split", "3;1")]).unwrap_err().detail("key"), Some("tensor_split"));
        assert_eq!(of(&[("devices", "none")]).unwrap().devices, Some(Vec::new()));
    }

    #[test]
    fn reading_is_what_an_unmapped_file_gets_unless_the_mode_says_more() {
        let mode = |set: &[(&str, &str)]| of(set).unwrap().load_mode;
        assert_eq!(mode(&[]), LoadMode::Auto);
        assert_eq!(mode(&[("mmap", "off")]), LoadMode::Read);
        assert_eq!(mode(&[("load_mode", "mmap+mlock"), ("mmap", "off")]), LoadMode::MapLock);
        assert_eq!(mode(&[("-lm", "dio")]), LoadMode::DirectIo);
    }

    #[test]
    fn a_longer_window_is_said_in_one_of_two_ways() {
        let scale = |set: &[(&str, f64)]| {
            let mut options = Options::new();
            set.iter().for_each(|(key, value)| options.set_f64(key, *value).unwrap());
            rope(&Layers(vec![&options])).freq_scale
        };
        assert_eq!(scale(&[]), 0.0);
        assert_eq!(scale(&[("rope_scale", 4.0)]), 0.25);
        assert_eq!(scale(&[("rope_freq_scale", 0.5)]), 0.5);
        assert_eq!(scale(&[("rope_scale", 4.0), ("rope_freq_scale", 0.5)]), 0.5);
    }
}
