//! Answers that llama.cpp knows the meaning of: read as a whole, and as they grow.

use std::path::Path;

use chaku_llama::{AnswerReader, ChatTemplates, Model, ModelParams, TemplateLimits};
use serde::Deserialize;
use serde_json::Value;

const LIMITS: TemplateLimits<'static> = TemplateLimits { bytes: 256 << 20, stack: 2 << 20, stop: &|| false };

#[derive(Deserialize)]
pub(crate) struct Expectations {
    cases: Vec<Case>,
    pub(crate) not_read: usize,
}

/// An answer, and what it means.
#[derive(Deserialize)]
pub(crate) struct Case {
    template: String,
    input: String,
    ask: Value,
    expect: Said,
    /// It is cut short.
    partial: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Said {
    content: String,
    reasoning: String,
    /// Tool, arguments, and id where it is the model's.
    calls: Vec<[String; 3]>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) read: usize,
    pub(crate) grown: usize,
    pub(crate) count: usize,
    pub(crate) wrong: Vec<String>,
}

impl Expectations {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the expectations are there");
        serde_json::from_str(&text).expect("the expectations are JSON")
    }

    pub(crate) fn of<'a>(&'a self, template: &str) -> Vec<&'a Case> {
        self.cases.iter().filter(|case| case.template == template).collect()
    }
}

pub(crate) fn check(model: &Path, source: &str, cases: Vec<&Case>) -> Answers {
    let mut answers = Answers { count: cases.len(), ..Answers::default() };
    if cases.is_empty() {
        return answers;
    }
    let model = Model::load(model, &ModelParams::default(), &mut |_| true).expect("the model loads");
    let templates = ChatTemplates::new(&model, Some(source), &LIMITS).expect("the template parses");
    for case in cases {
        let found = read(&templates, case);
        let expected = case.expected();
        match &found {
            Ok((whole, grown)) => {
                // Of an answer that is cut short only what has come so far can be right.
                let right = |said: &Said, ids| same(said, &expected, case.partial, ids);
                answers.read += usize::from(right(whole, true));
                // An id that comes after the arguments is too late: the call was told of under another one.
                answers.grown += usize::from(right(grown, false));
                if !right(whole, true) || !right(grown, false) {
                    answers.wrong.push(format!(
                        "{:?}: {} / {}, not {}",
                        case.input,
                        whole.words(),
                        grown.words(),
                        expected.words()
                    ));
                }
            }
            Err(error) => answers.wrong.push(format!("{:?}: {error}", case.input)),
        }
    }
    answers
}

impl Case {
    /// What follows what the prompt has already.
    fn expected(&self) -> Said {
        let mut expected = self.expect.clone();
        if self.ask["continue_final_message"] == true {
            let before =
                self.ask["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
            let rest = |said: &str, key: &str| {
                said.strip_prefix(before[key].as_str().unwrap_or("")).unwrap_or(said).to_owned()
            };
            expected.content = rest(&expected.content, "content");
            expected.reasoning = rest(&expected.reasoning, "reasoning_content");
        }
        expected
    }
}

/// The answer as a whole, and in pieces.
fn read(templates: &ChatTemplates, case: &Case) -> Result<(Said, Said), chaku_llama::Error> {
    let format = templates.render(&case.ask.to_string(), &LIMITS)?.format;
    let Some(format) = format else {
        let plain = Said { content: case.input.clone(), ..Said::default() };
        return Ok((plain.clone(), plain));
    };
    let mut whole = Said::default();
    whole.add(&AnswerReader::new(&format)?.read(&case.input, case.partial)?);
    let mut grown = Said::default();
    let mut reader = AnswerReader::new(&format)?;
    for end in (1..case.input.len()).filter(|&end| case.input.is_char_boundary(end)) {
        // What does not fit yet may do so when there is more of it.
        grown.add(&reader.read(&case.input[..end], true).unwrap_or_default());
    }
    grown.add(&reader.read(&case.input, case.partial)?);
    Ok((whole, grown))
}

impl Said {
    /// All of it but ids, some of which are made up.
    fn words(&self) -> String {
        let calls: Vec<_> = self.calls.iter().map(|[name, arguments, _]| format!("{name}({arguments})")).collect();
        format!("content {:?}, reasoning {:?}, calls {calls:?}", self.content, self.reasoning)
    }

    /// Adds what the reader says is new.
    fn add(&mut self, deltas: &str) {
        let deltas: Vec<Value> =
            if deltas.is_empty() { Vec::new() } else { serde_json::from_str(deltas).expect("a list") };
        for delta in &deltas {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.reasoning += &text(&delta["reasoning"]);
            self.content += &text(&delta["content"]);
            if let Some(index) = delta["call"]["index"].as_u64() {
                self.calls.resize_with(self.calls.len().max(index as usize + 1), Default::default);
                let call = &mut self.calls[index as usize];
                let [name, _, id] = ["name", "arguments", "id"].map(|key| text(&delta["call"][key]));
                if !name.is_empty() {
                    (call[0], call[2]) = (name, id);
                }
                call[1] += &text(&delta["call"]["arguments"]);
            }
        }
    }
}

/// White space at the ends and the way in which JSON is written mean nothing.
fn same(said: &Said, expected: &Said, partial: bool, ids: bool) -> bool {
    let call = |(said, expected): (&[String; 3], &[String; 3])| {
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        let arguments = match (json(&said[1]), json(&expected[1])) {
            (Some(said), Some(expected)) => said == expected,
            _ => partial || said[1] == expected[1],
        };
        // Ids that the model gives are in the expectation; others are made up.
        said[0] == expected[0] && arguments && (!ids || expected[2].is_empty() || said[2] == expected[2])
    };
    said.content.trim() == expected.content.trim()
        && said.reasoning.trim() == expected.reasoning.trim()
        && said.calls.len() == expected.calls.len()
        && said.calls.iter().zip(&expected.calls).all(call)
}
