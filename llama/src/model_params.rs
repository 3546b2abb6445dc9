//! How a model is loaded, and what is checked of that before.

use std::ffi::CString;
use std::ptr::null;

use llama_cpp_sys_2 as sys;

use crate::kv_override;
use crate::{DeviceKind, Error, KvOverride, devices, ffi};

/// How the weights come into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoadMode {
    /// Mapped, where the system and all devices can, else read.
    #[default]
    Auto,
    /// Read.
    Read,
    /// Mapped.
    Map,
    /// Read, and locked: the system does not move it out of memory. Where it refuses to lock, a warning is logged.
    Lock,
    /// Mapped and locked.
    MapLock,
    /// Read past the system's cache, where it can.
    DirectIo,
}

/// Whether tensors of which a step needs single rows are left in the file until it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LazyMode {
    /// Those of more than 4 GiB.
    #[default]
    Auto,
    /// All that the architecture names.
    On,
    /// None.
    Off,
}

/// How a model is spread over several GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SplitMode {
    /// It is not: all of it goes to one.
    None,
    /// Layer by layer.
    #[default]
    Layer,
    /// The rows of each tensor, where the backend can.
    Row,
}

/// How to load a model.
#[derive(Clone, Debug)]
pub struct ModelParams {
    /// How the weights come into memory.
    pub load_mode: LoadMode,
    /// Whether some of them stay in the file.
    pub lazy_mode: LazyMode,
    /// How many layers go to the GPU; -1 = all.
    pub gpu_layers: i32,
    /// GPUs to use, by their names in [`devices`](crate::devices()), of which none may be the CPU; `None` = all.
    pub devices: Option<Vec<String>>,
    /// How the model is spread over them.
    pub split_mode: SplitMode,
    /// The GPU that has all of it under [`SplitMode::None`]: its place among those to use.
    pub main_gpu: u32,
    /// How large the GPUs' parts are, in proportion; empty = as much as each has memory.
    pub tensor_split: Vec<f32>,
    /// Where tensors go: patterns of their names ([`check_pattern`] says which) with names of buffer types, such as `CPU`. The first
    /// one that fits holds.
    pub tensor_buffers: Vec<(String, String)>,
    /// Bring weights into the order that the processor computes fastest with.
    pub repack: bool,
    /// Use no memory of the host that a GPU reads by itself.
    pub no_host: bool,
    /// Values to take in the place of the file's.
    pub kv_overrides: Vec<KvOverride>,
    /// Look for broken values in every tensor. Reads the whole file.
    pub check_tensors: bool,
    /// Load the vocabulary and the metadata only.
    pub vocab_only: bool,
}

impl Default for ModelParams {
    fn default() -> Self {
        Self {
            load_mode: LoadMode::default(),
            lazy_mode: LazyMode::default(),
            gpu_layers: -1,
            devices: None,
            split_mode: SplitMode::default(),
            main_gpu: 0,
            tensor_split: Vec::new(),
            tensor_buffers: Vec::new(),
            repack: true,
            no_host: false,
            kv_overrides: Vec::new(),
            check_tensors: false,
            vocab_only: false,
        }
    }
}

impl ModelParams {
    /// What llama.cpp takes on trust.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_devices()?;
        // SAFETY: returns a constant.
        let most = unsafe { sys::llama_max_devices() };
        if self.tensor_split.len() > most {
            let message = format!("{} parts, and at most {most} devices are used", self.tensor_split.len());
            return Err(Error::input("tensor_split", message));
        }
        if let Some(part) = self.tensor_split.iter().find(|part| !(0.0..=1e6).contains(*part)) {
            return Err(Error::input("tensor_split", format!("{part} is not between 0 and 1000000")));
        }
        for (pattern, buffer) in &self.tensor_buffers {
            check_pattern(pattern)?;
            let (pattern, buffer) = (c_text("override_tensor", pattern)?, c_text("override_tensor", buffer)?);
            let outcome = ffi::call("std::regex", |error| {
                // SAFETY: both texts outlive the call, and llama.cpp is initialised.
                unsafe { ffi::chaku_llama_tensor_buffer_check(pattern.as_ptr(), buffer.as_ptr(), error) }
            })?;
            if let ffi::Outcome::Refused(message) = outcome {
                return Err(Error::input("override_tensor", message));
            }
        }
        Ok(())
    }

    fn check_devices(&self) -> Result<(), Error> {
        let Some(asked) = &self.devices else { return Ok(()) };
        let known: Vec<_> = devices()?.into_iter().filter(|device| device.kind != DeviceKind::Cpu).collect();
        for (index, name) in asked.iter().enumerate() {
            if !known.iter().any(|device| device.name == *name) {
                let names: Vec<_> = known.iter().map(|device| device.name.as_str()).collect();
                let there = if names.is_empty() { "this build has none here".to_owned() } else { names.join(", ") };
                return Err(Error::input("devices", format!("there is no device `{name}` to put layers on: {there}")));
            }
            if asked[..index].contains(name) {
                return Err(Error::input("devices", format!("`{name}` is there twice")));
            }
        }
        Ok(())
    }
}

/// Whether a pattern may be matched with the names of tensors: in the syntax of ECMAScript's regular expressions, found anywhere in
/// the name. C++ looks for a match by trying, so what could take it for ever is refused.
pub fn check_pattern(pattern: &str) -> Result<(), Error> {
    const LONGEST: usize = 256;
    const MOST_REPEATS: usize = 3;
    let refused = |message: String| Err(Error::input("override_tensor", message));
    if pattern.is_empty() || pattern.len() > LONGEST {
        return refused(format!("a pattern has 1 to {LONGEST} bytes, this one {}", pattern.len()));
    }
    let (mut repeats, mut before, mut in_class, mut escaped) = (0, None, false, false);
    for byte in pattern.bytes() {
        let opens_group = before == Some(b'(');
        if !escaped && !in_class && matches!(byte, b'*' | b'+' | b'?' | b'{') && !opens_group {
            let is_lazy = byte == b'?' && matches!(before, Some(b'*' | b'+' | b'?' | b'}'));
            repeats += usize::from(!is_lazy);
            if before == Some(b')') {
                return refused(format!("`{pattern}` repeats a group; write what is repeated without one"));
            }
        }
        if !escaped {
            in_class = byte == b'[' || in_class && byte != b']';
        }
        before = (!escaped && !in_class).then_some(byte);
        escaped = !escaped && byte == b'\\';
    }
    if repeats > MOST_REPEATS {
        return refused(format!("`{pattern}` repeats {repeats} things, and at most {MOST_REPEATS} are allowed"));
    }
    Ok(())
}

/// Lists that end as C wants it, and the texts that they point to.
pub(crate) struct Lists {
    tensor_split: Vec<f32>,
    devices: Option<Vec<CString>>,
    patterns: Vec<CString>,
    buffers: Vec<CString>,
    overrides: Vec<sys::llama_model_kv_override>,
    device_pointers: Vec<*const std::ffi::c_char>,
    pattern_pointers: Vec<*const std::ffi::c_char>,
    buffer_pointers: Vec<*const std::ffi::c_char>,
}

impl Lists {
    pub(crate) fn of(params: &ModelParams) -> Result<Self, Error> {
        let texts = |what, texts: &mut dyn Iterator<Item = &String>| -> Result<Vec<_>, Error> {
            texts.map(|text| c_text(what, text)).collect()
        };
        let mut tensor_split = params.tensor_split.clone();
        if !tensor_split.is_empty() {
            // SAFETY: returns a constant.
            tensor_split.resize(unsafe { sys::llama_max_devices() }, 0.0);
        }
        let devices = params.devices.as_ref().map(|names| texts("devices", &mut names.iter())).transpose()?;
        let patterns = texts("override_tensor", &mut params.tensor_buffers.iter().map(|(pattern, _)| pattern))?;
        let buffers = texts("override_tensor", &mut params.tensor_buffers.iter().map(|(_, buffer)| buffer))?;
        let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).collect::<Vec<_>>();
        Ok(Self {
            device_pointers: pointers(devices.as_deref().unwrap_or_default()),
            pattern_pointers: pointers(&patterns),
            buffer_pointers: pointers(&buffers),
            overrides: kv_override::raw(&params.kv_overrides)?,
            tensor_split,
            devices,
            patterns,
            buffers,
        })
    }

    /// Valid as long as this is.
    pub(crate) fn raw(&self, params: &ModelParams, load_mode: LoadMode, no_alloc: bool) -> ffi::ModelParams {
        debug_assert_eq!(self.patterns.len(), self.buffers.len());
        ffi::ModelParams {
            gpu_layers: params.gpu_layers,
            load_mode: match load_mode {
                LoadMode::Auto => sys::LLAMA_LOAD_MODE_AUTO,
                LoadMode::Read => sys::LLAMA_LOAD_MODE_NONE,
                LoadMode::Map => sys::LLAMA_LOAD_MODE_MMAP,
                LoadMode::Lock => sys::LLAMA_LOAD_MODE_MLOCK,
                LoadMode::MapLock => sys::LLAMA_LOAD_MODE_MMAP_MLOCK,
                LoadMode::DirectIo => sys::LLAMA_LOAD_MODE_DIRECT_IO,
            },
            lazy_mode: match params.lazy_mode {
                LazyMode::Auto => sys::LLAMA_LAZY_MODE_AUTO,
                LazyMode::On => sys::LLAMA_LAZY_MODE_ON,
                LazyMode::Off => sys::LLAMA_LAZY_MODE_OFF,
            } as i32,
            split_mode: match params.split_mode {
                SplitMode::None => sys::LLAMA_SPLIT_MODE_NONE,
                SplitMode::Layer => sys::LLAMA_SPLIT_MODE_LAYER,
                SplitMode::Row => sys::LLAMA_SPLIT_MODE_ROW,
            } as i32,
            main_gpu: i32::try_from(params.main_gpu).unwrap_or(i32::MAX),
            tensor_split: if self.tensor_split.is_empty() { null() } else { self.tensor_split.as_ptr() },
            devices: if self.devices.is_none() { null() } else { self.device_pointers.as_ptr() },
            n_devices: self.device_pointers.len(),
            patterns: self.pattern_pointers.as_ptr(),
            buffers: self.buffer_pointers.as_ptr(),
            n_patterns: self.pattern_pointers.len(),
            kv_overrides: if params.kv_overrides.is_empty() { null() } else { self.overrides.as_ptr() },
            repack: params.repack,
            no_host: params.no_host,
            check_tensors: params.check_tensors && !no_alloc,
            vocab_only: params.vocab_only,
            no_alloc,
        }
    }
}

fn c_text(what: &'static str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::input(what, "contains a NUL character"))
}

#[cfg(test)]
mod tests {
    use super::check_pattern;

    #[test]
    fn patterns_that_could_take_for_ever_are_refused() {
        for fine in [
            r"\.ffn_(up|down|gate)_(ch|)exps",
            r"blk\.(1[0-9]|2\d)\.ffn_.*_exps\.weight",
            "^output$",
            r"blk\.[0-9]+\.attn_.*?norm",
            r"(?:up|down)",
            r"a\(b*c\)d",
            r"[*+?{]{2}",
        ] {
            assert!(check_pattern(fine).is_ok(), "{fine}");
        }
        let long = "a".repeat(257);
        for wrong in ["", &long, "(a*)*b", "(a|a)+", "(a){9}", "a*b*c*d*", "(?:x+)?"] {
            assert!(check_pattern(wrong).is_err(), "{wrong}");
        }
    }
}
