//! `complete`: a raw text goes on.

use chaku::Options;

use crate::answer::read;
use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::model_source;
use crate::output::{Format, Output, report};
use crate::prompt;
use crate::terminal::Look;

pub(super) fn run(settings: &Settings) -> Result<()> {
    let (look, format) = (Look::new(settings)?, Format::asked(settings)?);
    let mut answered = false;
    complete(settings, look, format, &mut answered).map_err(|failure| report(format, look, failure, answered))
}

fn complete(settings: &Settings, look: Look, format: Format, answered: &mut bool) -> Result<()> {
    let prompt = prompt::read(settings)?
        .filter(|prompt| !prompt.is_empty())
        .ok_or_else(|| Failure::usage("there is no prompt; give one with -p TEXT, -f FILE, or through a pipe"))?;
    let loaded = model_source::load(settings, look)?;
    let session = loaded.model.session(&Options::new())?;
    let mut output = Output::new(settings, look, format, &loaded.name);
    if settings.is_on("display-prompt") && format == Format::Text {
        output.text(&prompt)?;
    }
    let answer = read(session.generate(&prompt, &Options::new())?, |event| output.show(event))?;
    *answered = true;
    output.end(&answer)
}
