//! Chooses a window and a number of GPU layers that fit the memory. Pure: what fits is asked of the caller.

use std::ops::RangeInclusive;

use crate::error::Result;

/// llama.cpp rounds windows up to this.
const WINDOW_STEP: u32 = 256;

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// Tokens in the KV cache.
    pub(super) n_ctx: u32,
    /// Layers on GPUs.
    pub(super) gpu_layers: u32,
}

/// Whether a choice fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    /// A GPU's own memory is too small: fewer layers would help.
    TooMuchForGpu,
    /// The machine's memory is: fewer layers on a GPU would make it worse.
    TooMuch,
}

/// The largest choice that fits, at most `wanted`: a smaller window rather than fewer layers, which are slow elsewhere, but
/// none below `least_ctx`. `layers`: what may be chosen among.
pub(super) fn fit(
    wanted: Choice,
    least_ctx: u32,
    layers: RangeInclusive<u32>,
    mut look: impl FnMut(Choice) -> Result<Fit>,
) -> Result<Option<Choice>> {
    if look(wanted)? == Fit::Fits {
        return Ok(Some(wanted));
    }
    let least_ctx = least_ctx.min(wanted.n_ctx);
    let least = Choice { n_ctx: least_ctx, ..wanted };
    let gpu_layers = match look(least)? {
        Fit::Fits => wanted.gpu_layers,
        Fit::TooMuch => return Ok(None),
        Fit::TooMuchForGpu => {
            let enough = |gpu_layers| Ok(look(Choice { gpu_layers, ..least })? != Fit::TooMuchForGpu);
            let below = *layers.start()..wanted.gpu_layers;
            let Some(gpu_layers) = last(below, enough)? else { return Ok(None) };
            if look(Choice { gpu_layers, ..least })? != Fit::Fits {
                return Ok(None);
            }
            gpu_layers
        }
    };
    let steps = least_ctx.div_ceil(WINDOW_STEP)..wanted.n_ctx.div_ceil(WINDOW_STEP);
    let enough = |steps| Ok(look(Choice { n_ctx: steps * WINDOW_STEP, gpu_layers })? == Fit::Fits);
    let n_ctx = last(steps, enough)?.map_or(least_ctx, |steps| steps * WINDOW_STEP);
    Ok(Some(Choice { n_ctx, gpu_layers }))
}

/// The last number of a range for which `holds`, where it holds for none after the first for which it does not.
fn last(range: std::ops::Range<u32>, mut holds: impl FnMut(u32) -> Result<bool>) -> Result<Option<u32>> {
    let (mut known, mut low, mut high) = (None, range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            (known, low) = (Some(middle), middle + 1);
        } else {
            high = middle;
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten layers, each of which takes 1000 and 1 for each token, of a machine with `host` and a GPU with `gpu`.
    fn choose(
        wanted: Choice,
        least_ctx: u32,
        layers: RangeInclusive<u32>,
        host: u32,
        gpu: u32,
    ) -> (Option<Choice>, u32) {
        let mut asked = 0;
        let look = |choice: Choice| {
            asked += 1;
            let on_gpu = choice.gpu_layers * (1000 + choice.n_ctx);
            let on_host = (10 - choice.gpu_layers) * (1000 + choice.n_ctx);
            Ok(match () {
                () if on_gpu > gpu => Fit::TooMuchForGpu,
                () if on_host > host => Fit::TooMuch,
                () => Fit::Fits,
            })
        };
        (fit(wanted, least_ctx, layers, look).unwrap(), asked)
    }

    const WANTED: Choice = Choice { n_ctx: 4096, gpu_layers: 0 };

    #[test]
    fn what_fits_is_taken_as_it_is_wanted() {
        assert_eq!(choose(WANTED, 512, 0..=0, 60_000, 0), (Some(WANTED), 1));
    }

    #[test]
    fn the_window_shrinks_to_the_largest_that_fits() {
        let at = |host| choose(WANTED, 512, 0..=0, host, 0).0.map(|choice| choice.n_ctx);
        assert_eq!(at(50_959), Some(4096 - 256));
        assert_eq!(at(20_239), Some(768));
        assert_eq!(at(15_120), Some(512));
        assert_eq!(at(15_119), None);
        assert!(choose(WANTED, 512, 0..=0, 30_000, 0).1 < 10, "by halves");
    }

    #[test]
    fn a_window_that_is_given_is_not_changed() {
        assert_eq!(choose(WANTED, 4096, 0..=0, 50_000, 0).0, None);
        let odd = Choice { n_ctx: 300, gpu_layers: 0 };
        assert_eq!(choose(odd, 300, 0..=0, 13_000, 0).0, Some(odd));
    }

    #[test]
    fn the_window_gives_way_before_the_layers_do() {
        let all = Choice { gpu_layers: 10, ..WANTED };
        let (host, gpu) = (100_000, 30_000);
        assert_eq!(choose(all, 512, 0..=10, host, gpu).0, Some(Choice { n_ctx: 1792, gpu_layers: 10 }));
        // Not even the least window: then as many layers as it lets.
        assert_eq!(choose(all, 512, 0..=10, host, 10_000).0, Some(Choice { n_ctx: 512, gpu_layers: 6 }));
        assert_eq!(choose(all, 512, 10..=10, host, 10_000).0, None, "the layers are given");
        assert_eq!(choose(all, 512, 0..=10, 100, 10_000).0, None, "the others have no room");
    }
}
