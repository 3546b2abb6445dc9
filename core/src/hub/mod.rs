//! Models from the Hugging Face hub, or from any URL: found, downloaded, kept in the cache that other tools share.
//!
//! A model is named by a *spec*: `hf:user/repo` or `hf:user/repo:tag` (a quantization, such as `Q4_K_M`), `hf:user/repo/file`,
//! or an `https://` URL. [`crate::Runtime::load`] takes one in place of a path, and [`crate::Runtime::download`] only
//! downloads. Which file that is, is decided as llama.app decides it.
//!
//! What options leave unset is read from the environment, when a download begins and nowhere else: the cache's folder from
//! `LLAMA_CACHE`, `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME` or `XDG_CACHE_HOME`, the first of them that is set;
//! the token from `HF_TOKEN`; the hub's address from `MODEL_ENDPOINT` or `HF_ENDPOINT`; `HF_HUB_OFFLINE`. `SSL_CERT_FILE` names
//! certificates to trust in place of those built in, and `HTTPS_PROXY` and the like a proxy.
//!
//! The cargo feature `hub` brings all of this in; without it, a spec is refused as `unimplemented`.

#[cfg(feature = "hub")]
mod blob;
#[cfg(feature = "hub")]
mod cache;
#[cfg(feature = "hub")]
mod cached;
#[cfg(feature = "hub")]
mod choose;
#[cfg(feature = "hub")]
mod job;
#[cfg(feature = "hub")]
mod listing;
#[cfg(feature = "hub")]
mod lock;
#[cfg(feature = "hub")]
mod oid;
#[cfg(feature = "hub")]
mod place;
#[cfg(feature = "hub")]
mod repo;
#[cfg(feature = "hub")]
mod spec;
#[cfg(feature = "hub")]
mod url;
#[cfg(feature = "hub")]
mod web;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::options::{Layers, Options};
use crate::request::{Product, Request, Shared};
use crate::runtime::signal::Signal;
use crate::runtime::worker::panicked;
use crate::runtime::{LoadGuard, Runtime};
use crate::terms::Terms;

#[cfg(feature = "hub")]
pub use cached::{Cached, Checked, State, cached, find, remove, verify};

/// The spec that a path is, if it is one. A file with such a name is `./hf:…`.
pub(crate) fn spec_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| is_spec(path))
}

/// Whether a text in place of a path is a spec: it begins with `hf:`, `https://` or `http://`. It may yet be a wrong one.
pub fn is_spec(text: &str) -> bool {
    ["hf:", "https://", "http://"].iter().any(|prefix| text.starts_with(prefix))
}

/// A spec without what may be secret of a URL: names, passwords, signatures.
pub(crate) fn shown(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) =
                rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
            let host = authority.rsplit('@').next().unwrap_or_default();
            path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
        }
        None => bare.to_owned(),
    }
}

/// Starts a download: a request like any other, on threads of its own.
pub(crate) fn start(runtime: &Runtime, spec: &str, options: &Options, guard: LoadGuard) -> Result<Request> {
    check(spec)?;
    let layers = Layers(vec![runtime.options(), options]);
    let dispatch = runtime.dispatch();
    let shared = Shared::new("download", &Terms::read(&layers), Arc::new(Signal::default()), dispatch.as_ref());
    let (request, spec, options) = (shared.clone(), spec.to_owned(), options.clone());
    let run = move || {
        let _logged = dispatch.as_ref().map(tracing::dispatcher::set_default);
        let fetched = request.span.in_scope(|| {
            catch_unwind(AssertUnwindSafe(|| {
                fetch(&request, &spec, &Layers(vec![guard.runtime().options(), &options]))
            }))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
        });
        // Before the final event, so that whoever reads it may start the next download.
        drop(guard);
        match fetched {
            Ok(paths) => request.finish_with(Product::Paths(paths.into())),
            Err(error) => drop(request.finish(Final::failed(error.with("spec", shown(&spec))))),
        }
    };
    std::thread::Builder::new()
        .name("chaku-download".into())
        .spawn(run)
        .map_err(|error| Error::new(Reason::NoThread, format!("cannot start a thread to download: {error}")))?;
    Ok(Request::new(shared, runtime.clone()))
}

/// Whether a text is a spec; nothing is looked up.
#[cfg(feature = "hub")]
pub(crate) fn check(spec: &str) -> Result<()> {
    spec::Spec::parse(spec).map(drop)
}

/// Downloads what is missing of a model, for a request, which may be that of a load. The first path is what is loaded.
#[cfg(feature = "hub")]
pub(crate) fn fetch(request: &Arc<Shared>, spec: &str, layers: &Layers<'_>) -> Result<Vec<PathBuf>> {
    job::fetch(request, spec, layers)
}

/// The path of a model that is in the cache already.
#[cfg(feature = "hub")]
pub(crate) fn in_cache(spec: &str, layers: &Layers<'_>) -> Result<PathBuf> {
    cached::path(spec, layers)
}

#[cfg(not(feature = "hub"))]
pub(crate) fn check(_: &str) -> Result<()> {
    Err(absent())
}

#[cfg(not(feature = "hub"))]
pub(crate) fn fetch(_: &Arc<Shared>, _: &str, _: &Layers<'_>) -> Result<Vec<PathBuf>> {
    Err(absent())
}

#[cfg(not(feature = "hub"))]
pub(crate) fn in_cache(_: &str, _: &Layers<'_>) -> Result<PathBuf> {
    Err(absent())
}

#[cfg(not(feature = "hub"))]
fn absent() -> Error {
    let message = "this library was built without downloads; download the file by other means and give its path";
    Error::new(Reason::Unimplemented, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_has_no_secrets() {
        assert_eq!(shown("https://me:secret@a.b/c/d?signature=secret#secret"), "https://a.b/c/d");
        assert_eq!(shown("https://a.b"), "https://a.b");
    }
}
