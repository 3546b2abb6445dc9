//! How positions turn into angles: RoPE, and its stretching to windows longer than those of the training.

use llama_cpp_sys_2 as sys;

use crate::{Error, ffi};

/// How RoPE is stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are llama.cpp's")]
pub enum RopeScaling {
    None,
    Linear,
    Yarn,
}

/// What goes before the model's own values. The default changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The kind of stretching; `None` = the model's.
    pub scaling: Option<RopeScaling>,
    /// The base of the frequencies; 0 = the model's.
    pub freq_base: f32,
    /// What frequencies are multiplied by: one over how many times as long the window gets; 0 = the model's.
    pub freq_scale: f32,
    /// YaRN: the window that the model was trained with, in tokens; 0 = as the model says.
    pub yarn_orig_ctx: u32,
    /// YaRN: how much of the low frequencies is stretched; below 0 = the model's, and 1 if it says nothing.
    pub yarn_ext_factor: f32,
    /// YaRN: a factor of the attention, unless `yarn_ext_factor` sets it; below 0 = the model's.
    pub yarn_attn_factor: f32,
    /// YaRN: rotations over the window above which frequencies are left alone; below 0 = the model's.
    pub yarn_beta_fast: f32,
    /// YaRN: rotations below which they are stretched in full; below 0 = the model's.
    pub yarn_beta_slow: f32,
}

impl Default for Rope {
    fn default() -> Self {
        Self {
            scaling: None,
            freq_base: 0.0,
            freq_scale: 0.0,
            yarn_orig_ctx: 0,
            yarn_ext_factor: -1.0,
            yarn_attn_factor: -1.0,
            yarn_beta_fast: -1.0,
            yarn_beta_slow: -1.0,
        }
    }
}

impl Rope {
    /// What llama.cpp would divide by, or take a logarithm of.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // A base of 1 has no logarithm to divide by. YaRN divides by 1 - ln(freq_scale) / 10.
        let or_model = |value: f32, least: f32, most: f32, unset: bool| unset || (least..=most).contains(&value);
        for (what, value, least, most, unset, other) in [
            ("rope_freq_base", self.freq_base, 2.0, 1e12, self.freq_base == 0.0, "0"),
            ("rope_freq_scale", self.freq_scale, 1e-6, 1e3, self.freq_scale == 0.0, "0"),
            ("yarn_ext_factor", self.yarn_ext_factor, 0.0, 1e3, self.yarn_ext_factor < 0.0, "below 0"),
            ("yarn_attn_factor", self.yarn_attn_factor, 0.0, 1e3, self.yarn_attn_factor < 0.0, "below 0"),
            ("yarn_beta_fast", self.yarn_beta_fast, 1e-3, 1e6, self.yarn_beta_fast < 0.0, "below 0"),
            ("yarn_beta_slow", self.yarn_beta_slow, 1e-3, 1e6, self.yarn_beta_slow < 0.0, "below 0"),
        ] {
            if !or_model(value, least, most, unset) {
                return Err(Error::input(what, format!("{value} is not between {least} and {most}, nor {other}")));
            }
        }
        if self.yarn_orig_ctx > i32::MAX as u32 {
            return Err(Error::input("yarn_orig_ctx", format!("{} is more than {}", self.yarn_orig_ctx, i32::MAX)));
        }
        Ok(())
    }

    pub(crate) fn raw(&self) -> ffi::Rope {
        ffi::Rope {
            scaling: match self.scaling {
                None => sys::LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED,
                Some(RopeScaling::None) => sys::LLAMA_ROPE_SCALING_TYPE_NONE,
                Some(RopeScaling::Linear) => sys::LLAMA_ROPE_SCALING_TYPE_LINEAR,
                Some(RopeScaling::Yarn) => sys::LLAMA_ROPE_SCALING_TYPE_YARN,
            },
            freq_base: self.freq_base,
            freq_scale: self.freq_scale,
            yarn_ext_factor: self.yarn_ext_factor,
            yarn_attn_factor: self.yarn_attn_factor,
            yarn_beta_fast: self.yarn_beta_fast,
            yarn_beta_slow: self.yarn_beta_slow,
            yarn_orig_ctx: self.yarn_orig_ctx,
        }
    }
}
