//! The table as a page.

use std::fmt::Write;

use crate::answers::Answers;
use crate::chats::{Able, Chats};

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) answers: Answers,
    pub(crate) chats: Chats,
}

const HEAD: &str = "# Chat templates

Which families of models work, as `make test-templates` finds: each of llama.cpp's templates is given to a model without sense, and
chats are held through it. This page is made by that test. The templates come with llama-cpp-python 0.3.36, whose llama.cpp is a
little newer than the one that is built in. A model without sense calls in ways that no real one does, with any white space and
numbers of any length where a family's grammar has room for them; a `no` for calls is about that, and real models are held to less.

| column | yes means |
|---|---|
| system | a system message reaches the model |
| calls | tools are shown, a call that must come comes and can be read, and its result goes back |
| thinks | thinking is told apart from the answer |
| answers | so many of llama.cpp's example answers are read as it expects, as a whole and piece by piece |
| continues | an answer that is given is gone on with (`continue_final_message`) |
| constraint | a constraint holds the answer, and not the thinking before it |
| inert | no text of a message, call, result or description becomes a control token |

| template | system | calls | thinks | answers | continues | constraint | inert |
|---|---|---|---|---|---|---|---|
";

pub(crate) fn text(rows: &[Row], not_read: usize) -> String {
    let mut text = HEAD.to_owned();
    let mut notes: Vec<String> = Vec::new();
    for Row { name, answers, chats } in rows {
        let mut cell = |able: &Able| match able {
            Ok(()) => "yes".to_owned(),
            Err(why) => {
                let at = notes.iter().position(|note| note == why).unwrap_or_else(|| {
                    notes.push(why.clone());
                    notes.len() - 1
                });
                format!("no ({})", at + 1)
            }
        };
        let Chats { system, calls, thinks, continues, constraint, inert } = chats;
        let [system, calls, continues, constraint, inert] =
            [system, calls, continues, constraint, inert].map(&mut cell);
        let Answers { read, grown, count, .. } = answers;
        let answers = match (count, read == grown) {
            (0, _) => "none known".to_owned(),
            (_, true) => format!("{read} of {count}"),
            (_, false) => format!("{read} of {count}, {grown} piece by piece"),
        };
        let thinks = if *thinks { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "| {name} | {system} | {calls} | {thinks} | {answers} | {continues} | {constraint} | {inert} |"
        );
    }
    text.push('\n');
    for (index, note) in notes.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", index + 1, note.replace(['\n', '|'], " "));
    }
    let wrong: Vec<_> = rows.iter().flat_map(|row| row.answers.wrong.iter().map(|wrong| (&row.name, wrong))).collect();
    if !wrong.is_empty() {
        text.push_str("\nAnswers that are read in another way:\n\n");
        for (name, wrong) in wrong {
            let _ = writeln!(text, "- {name}: `{}`", wrong.replace('`', "'"));
        }
    }
    let all: usize = rows.iter().map(|row| row.answers.count).sum();
    let _ = writeln!(
        text,
        "\n{} templates, {all} answers; {not_read} more of llama.cpp's could not be taken over.",
        rows.len()
    );
    text
}
