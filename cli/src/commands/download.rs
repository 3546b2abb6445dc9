//! `download`: gets models, and prints where they are.

use chaku::hub;
use serde_json::json;

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::output::print_json;
use crate::terminal::{Look, print};
use crate::{model_source, preset};

pub(super) fn run(settings: &Settings) -> Result<()> {
    let (look, runtime) = (Look::new(settings)?, model_source::runtime(settings)?);
    for spec in specs(settings)? {
        let settled = preset::settled_for(&spec, settings, look)?;
        let paths = model_source::download(&runtime, settled.preset_model()?.unwrap_or(&spec), look)?;
        if settings.is_on("json") {
            print_json(&json!({ "model": spec, "path": paths[0], "paths": *paths }))?;
        } else {
            // The one that is loaded: the other parts are found beside it.
            print(&format!("{}\n", paths[0].display()))?;
        }
    }
    Ok(())
}

fn specs(settings: &Settings) -> Result<Vec<String>> {
    if settings.words.is_empty() {
        let asked = model_source::asked(settings)?;
        let spec = asked.to_str().filter(|name| hub::is_spec(name));
        let spec =
            spec.ok_or_else(|| Failure::usage("a file need not be downloaded; give USER/REPO[:TAG] or a URL"))?;
        return Ok(vec![spec.to_owned()]);
    }
    let spec = |word: &String| if hub::is_spec(word) { word.clone() } else { model_source::of_hub(word, None) };
    Ok(settings.words.iter().map(spec).collect())
}
