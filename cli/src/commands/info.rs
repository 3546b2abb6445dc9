//! `info`: what a model file is and what it would take, without loading it.

use chaku::{ModelFile, Plan};
use serde_json::{Map, Value, json};

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::model_source;
use crate::output::print_json;
use crate::terminal::print;

pub(super) fn run(settings: &Settings) -> Result<()> {
    let path = match settings.words.as_slice() {
        [] => model_source::find(settings)?,
        [name] => model_source::locate(name, settings)?,
        _ => return Err(Failure::usage("`info` takes one model")),
    };
    let path = model_source::local(path, settings)?;
    let file = ModelFile::open(&path).map_err(Failure::of_load)?;
    // A model that cannot be run here is still one that can be looked at.
    let plan = model_source::runtime(settings)?.plan(&path, &chaku::Options::new());
    let plan = plan.map_err(|error| Failure::of_load(error).message().unwrap_or_default().to_owned());
    if settings.is_on("json") {
        return Ok(print_json(&as_json(&path.display().to_string(), &file, &plan))?);
    }
    Ok(print(&as_text(&path.display().to_string(), &file, &plan))?)
}

/// What can be asked of it, as far as its file tells.
fn capabilities(file: &ModelFile) -> Vec<&'static str> {
    let template = file.chat_template.as_deref();
    let embeds = file.metadata.iter().any(|(key, _)| key.ends_with(".pooling_type"));
    let all = [
        ("complete", !embeds),
        ("chat", template.is_some()),
        ("tools", template.is_some_and(|template| template.contains("tools"))),
        ("reasoning", template.is_some_and(|template| template.contains("think"))),
        ("embed", embeds),
    ];
    all.into_iter().filter(|(_, can)| *can).map(|(name, _)| name).collect()
}

fn as_json(path: &str, file: &ModelFile, plan: &Result<Plan, String>) -> Value {
    let metadata: Map<String, Value> = file.metadata.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let mut object = json!({
        "path": path,
        "format_version": file.format_version,
        "architecture": file.architecture,
        "name": file.name,
        "type": file.main_type,
        "parameter_count": file.parameter_count,
        "tensor_count": file.tensor_count,
        "tensor_bytes": file.tensor_bytes,
        "parts": file.parts,
        "training_context": file.training_context,
        "vocab_size": file.vocab_size,
        "embedding_size": file.embedding_size,
        "layer_count": file.layer_count,
        "capabilities": capabilities(file),
        "chat_template": file.chat_template,
        "metadata": metadata,
    });
    match plan {
        Ok(plan) => object["plan"] = json!(plan),
        Err(why) => object["plan_error"] = json!(why),
    }
    object
}

fn as_text(path: &str, file: &ModelFile, plan: &Result<Plan, String>) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let mut lines = vec![
        ("file".to_owned(), path.to_owned()),
        ("name".to_owned(), file.name.clone().unwrap_or_else(|| "?".to_owned())),
        ("architecture".to_owned(), file.architecture.clone()),
        ("parameters".to_owned(), format!("{:.1} M", file.parameter_count as f64 / 1e6)),
        ("type".to_owned(), file.main_type.unwrap_or("?").to_owned()),
        ("weights".to_owned(), mib(file.tensor_bytes)),
        ("layers".to_owned(), number(file.layer_count)),
        ("vocabulary".to_owned(), format!("{} tokens", number(file.vocab_size))),
        ("trained with".to_owned(), format!("{} tokens", number(file.training_context))),
        ("can".to_owned(), capabilities(file).join(", ")),
    ];
    match plan {
        Ok(plan) => {
            lines.push((
                "would take".to_owned(),
                format!("{} with a window of {} tokens", mib(plan.total), plan.ctx_size),
            ));
            for device in &plan.devices {
                let parts = format!(
                    "{}: weights {}, KV cache {} ({} bytes a token), computing {}, other {}",
                    mib(device.total),
                    mib(device.weights),
                    mib(device.kv_total),
                    device.kv_per_token,
                    mib(device.compute),
                    mib(device.other)
                );
                lines.push((format!("  {}", device.name), parts));
            }
            lines.push((
                "  prompts".to_owned(),
                format!("{} at most, kept when they leave the KV cache", mib(plan.prompt_cache)),
            ));
        }
        Err(why) => lines.push(("cannot run".to_owned(), why.clone())),
    }
    let mut text: String = lines.iter().map(|(name, value)| format!("{name:<14}{value}\n")).collect();
    text.push_str("\nmetadata\n");
    for (key, value) in &file.metadata {
        text.push_str(&format!("  {key} = {}\n", value.escape_debug()));
    }
    text
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
