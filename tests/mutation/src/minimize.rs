//! Drops what a failing case does not need.

use std::path::Path;

use crate::case::Case;
use crate::plan::{Job, Plan};
use crate::supervise::{self, Verdict};

/// The smallest part of the case that still fails, and how; `None` if the case does not fail.
pub(crate) fn minimize(case: Case) -> std::io::Result<Option<(Case, Verdict)>> {
    let folder = tempfile::tempdir()?;
    let recipe = folder.path().join("part.json");
    let Some(mut verdict) = fails(&case, &recipe)? else { return Ok(None) };
    let mut case = case;
    let mut place = 0;
    while place < case.edits.len() + case.options.len() + case.steps.len() {
        let part = without(&case, place);
        match fails(&part, &recipe)? {
            Some(still) => (case, verdict) = (part, still),
            None => place += 1,
        }
    }
    Ok(Some((case, verdict)))
}

fn without(case: &Case, place: usize) -> Case {
    let mut part = case.clone();
    let (edits, options) = (case.edits.len(), case.options.len());
    if place < edits {
        part.edits.remove(place);
    } else if place < edits + options {
        part.options.remove(place - edits);
    } else {
        part.steps.remove(place - edits - options);
    }
    part
}

/// How the case fails in a process of its own.
fn fails(case: &Case, recipe: &Path) -> std::io::Result<Option<Verdict>> {
    std::fs::write(recipe, serde_json::to_string(case)?)?;
    let plan = Plan { seed: 0, jobs: vec![Job::Recipe(recipe.to_owned())] };
    let mut failure = None;
    supervise::run(&plan, |_, verdict| {
        if verdict.is_failure() {
            failure = Some(verdict);
        }
    })?;
    Ok(failure)
}
