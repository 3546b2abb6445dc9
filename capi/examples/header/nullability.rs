//! Nullability for clang, and through it for Swift: read off the comments, so that there is one statement of what may be
//! NULL.

/// From here on, a pointer that is not marked may not be NULL.
pub(crate) const MACROS: &str = "\
#if defined(__clang__)
#define CHAKU_NULLABLE _Nullable
#pragma clang diagnostic push
#pragma clang diagnostic ignored \"-Wnullability-extension\"
#pragma clang diagnostic ignored \"-Wnullability-completeness\"
#pragma clang assume_nonnull begin
#else
#define CHAKU_NULLABLE
#endif
";

pub(crate) const END: &str = "\
#if defined(__clang__)
#pragma clang assume_nonnull end
#pragma clang diagnostic pop
#endif
";

/// Marks the pointers of a section that may be NULL.
pub(crate) fn annotate(section: &str) -> String {
    let mut text = String::new();
    let mut comment = Vec::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        let starts_function = line.contains('(') && !line.starts_with([' ', '#', '/']);
        if !starts_function {
            if line.starts_with("/**") {
                comment.clear();
            }
            comment.push(line.trim_start_matches(['/', '*', ' ']).to_owned());
            text += line;
            text += "\n";
            continue;
        }
        let mut declaration = line.to_owned();
        while !declaration.ends_with(';') {
            declaration += " ";
            declaration += lines.next().expect("a declaration ends").trim();
        }
        text += &function(&declaration, &comment);
        text += "\n";
    }
    text.trim_end().to_owned()
}

/// A prototype, or the type of a callback, on one line if it fits, else a line for each parameter.
fn function(declaration: &str, comment: &[String]) -> String {
    // The parameters are the last brackets: a callback's name stands in some of its own.
    let (head, rest) = declaration.rsplit_once('(').expect("parameters");
    let parameters = rest.trim_end_matches(");");
    let returns = entry(comment, "Returns:");
    let head = match head.split_once("*chaku_") {
        Some((kind, name)) if !kind.ends_with('(') && allows_null(&returns) => {
            format!("{kind}*CHAKU_NULLABLE chaku_{name}")
        }
        _ => head.to_owned(),
    };
    let parameters: Vec<_> = parameters.split(", ").map(|one| parameter(one, comment)).collect();
    let line = format!("{head}({});", parameters.join(", "));
    if line.len() <= 120 {
        return line;
    }
    let indent = format!(",\n{}", " ".repeat(head.len() + 1));
    format!("{head}({});", parameters.join(&indent))
}

fn parameter(text: &str, comment: &[String]) -> String {
    let Some((kind, name)) = text.rsplit_once(['*', ' ']) else { return text.to_owned() };
    let entry = entry(comment, &format!("`{name}`"));
    let nullable = allows_null(&entry) || name == "user_data";
    // An output for a handle is left as it is: two marks in one type would hide the type, and Swift reads it right.
    match (nullable, text.matches('*').count()) {
        (true, 1) => format!("{kind}*CHAKU_NULLABLE {name}"),
        (true, 0) if kind.ends_with("_callback") => format!("{kind} CHAKU_NULLABLE {name}"),
        _ => text.to_owned(),
    }
}

fn allows_null(entry: &str) -> bool {
    entry.contains("NULL") && !["Never NULL", "never NULL", "not NULL"].iter().any(|no| entry.contains(no))
}

/// The paragraph of the comment that speaks of `name`.
fn entry(comment: &[String], name: &str) -> String {
    let heads = |line: &str| {
        line.starts_with("- ") && format!("{}:", line.split(": ").next().unwrap_or_default()).contains(name)
    };
    let mut lines = comment.iter().skip_while(|line| !heads(line));
    let Some(first) = lines.next() else { return String::new() };
    let rest = lines.take_while(|line| !line.starts_with("- ") && !line.is_empty());
    std::iter::once(first).chain(rest).map(String::as_str).collect::<Vec<_>>().join(" ")
}
