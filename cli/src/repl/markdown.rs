//! Markdown on a terminal, while it streams: text is shown as soon as it is clear what it is. Headings, emphasis, code and bullets
//! are styled; whatever else there is in Markdown stays as it is written.

use anstyle::{AnsiColor, Effects, Style};

const HEADING: Style = AnsiColor::Blue.on_default().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

#[derive(Debug, Default)]
pub(crate) struct Markdown {
    /// Read, and not yet understood.
    held: String,
    /// Something of the line was shown.
    in_line: bool,
    heading: bool,
    bold: bool,
    italic: bool,
    code: bool,
    /// Between lines of three backticks.
    fence: bool,
    /// In the line that begins or ends a fence, which is not shown.
    fence_line: bool,
    /// What was shown last.
    last: Option<char>,
}

impl Markdown {
    /// What to show now that this came.
    pub(crate) fn push(&mut self, text: &str) -> String {
        let mut shown = String::new();
        for c in text.chars() {
            self.char(c, &mut shown);
        }
        shown
    }

    /// What to show at the end.
    pub(crate) fn finish(&mut self) -> String {
        let mut shown = String::new();
        let held = std::mem::take(&mut self.held);
        if held == "*" && self.italic || held == "**" && self.bold || held == "```" {
            // The mark that ends something.
        } else {
            held.chars().for_each(|c| self.literal(c, &mut shown));
        }
        shown
    }

    fn char(&mut self, c: char, shown: &mut String) {
        if c == '\n' {
            return self.newline(shown);
        }
        if self.fence_line {
            return;
        }
        if !self.in_line && self.begins_line(c, shown) {
            return;
        }
        if self.fence {
            return self.literal(c, shown);
        }
        self.inline(c, shown);
    }

    fn newline(&mut self, shown: &mut String) {
        let held = std::mem::take(&mut self.held);
        if !self.fence_line && held == "```" {
            self.fence = !self.fence;
        } else if self.fence_line {
            self.fence_line = false;
        } else {
            if !(held == "*" && self.italic || held == "**" && self.bold) {
                held.chars().for_each(|c| self.literal(c, shown));
            }
            shown.push('\n');
        }
        (self.heading, self.bold, self.italic, self.code) = (false, false, false, false);
        (self.in_line, self.last) = (false, None);
    }

    /// Marks that count at the beginning of a line. Says whether the character was one, or may become one.
    fn begins_line(&mut self, c: char, shown: &mut String) -> bool {
        self.held.push(c);
        let held = self.held.as_str();
        let mark = held.trim_start_matches(' ');
        if mark == "```" {
            self.held.clear();
            self.fence = !self.fence;
            self.fence_line = true;
            return true;
        }
        if "```".starts_with(mark) {
            return true;
        }
        if !self.fence {
            if mark.len() <= 6 && mark.bytes().all(|byte| byte == b'#') || mark == "*" || mark == "-" {
                return true;
            }
            if mark.ends_with(' ') && mark.trim_end_matches(' ').bytes().all(|byte| byte == b'#') {
                (self.heading, self.in_line) = (true, true);
                self.held.clear();
                return true;
            }
            if mark == "* " || mark == "- " {
                let indent = held.len() - mark.len();
                shown.push_str(&" ".repeat(indent));
                shown.push_str("• ");
                self.in_line = true;
                self.held.clear();
                return true;
            }
        }
        // It was nothing: what was held is read again as what stands inside a line.
        let held = std::mem::take(&mut self.held);
        self.in_line = true;
        for c in held.chars() {
            if self.fence { self.literal(c, shown) } else { self.inline(c, shown) }
        }
        true
    }

    fn inline(&mut self, c: char, shown: &mut String) {
        if self.held == "*" && c == '*' {
            self.held.push(c);
            return;
        }
        if !self.held.is_empty() {
            let stars = std::mem::take(&mut self.held);
            let is_on = if stars == "**" { self.bold } else { self.italic };
            // As Markdown has it: before a word it begins, behind one it ends.
            let opens = !is_on && !c.is_whitespace();
            let closes = is_on && self.last.is_some_and(|last| !last.is_whitespace());
            if opens || closes {
                *(if stars == "**" { &mut self.bold } else { &mut self.italic }) = opens;
            } else {
                stars.chars().for_each(|star| self.literal(star, shown));
            }
        }
        match c {
            '`' => self.code = !self.code,
            '*' if !self.code => self.held.push(c),
            _ => self.literal(c, shown),
        }
    }

    fn literal(&mut self, c: char, shown: &mut String) {
        let mut style = if self.heading { HEADING } else { Style::new() };
        if self.code || self.fence {
            style = CODE;
        }
        let effects = style.get_effects();
        let effects = effects.set(Effects::BOLD, self.bold || self.heading).set(Effects::ITALIC, self.italic);
        let style = style.effects(effects);
        self.last = Some(c);
        if style == Style::new() || c == ' ' {
            shown.push(c);
        } else {
            shown.push_str(&format!("{style}{c}{style:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `<b>` and so on for the styles, whole and one character at a time.
    fn render(text: &str) -> String {
        let show = |pieces: Vec<String>| {
            let mut markdown = Markdown::default();
            let mut shown: String = pieces.iter().map(|piece| markdown.push(piece)).collect();
            shown.push_str(&markdown.finish());
            let bold = format!("{}", Style::new().bold());
            let italic = format!("{}", Style::new().italic());
            let tags = [(format!("{HEADING}"), "h"), (format!("{CODE}"), "c"), (bold, "b"), (italic, "i")];
            tags.iter()
                .fold(shown, |shown, (code, tag)| shown.replace(code, &format!("<{tag}>")))
                .replace("\x1b[0m", ">")
        };
        let whole = show(vec![text.to_owned()]);
        assert_eq!(whole, show(text.chars().map(String::from).collect()));
        // Runs of one style are one.
        ["h", "c", "b", "i"]
            .iter()
            .fold(whole, |whole, tag| whole.replace(&format!("><{tag}>"), "").replace(&format!("> <{tag}>"), " "))
    }

    #[test]
    fn marks_become_styles() {
        for (text, shown) in [
            ("plain", "plain"),
            ("a **b c** d", "a <b>b c> d"),
            ("*i* and `c*d`\n", "<i>i> and <c>c*d>\n"),
            ("# Head\ntext", "<h>Head>\ntext"),
            ("- one\n  * two\n", "• one\n  • two\n"),
            ("```rust\nlet *x;\n```\nend", "<c>let *x;>\nend"),
            ("2 * 3 * 4", "2 * 3 * 4"),
            ("**open", "<b>open>"),
            ("#hash -dash", "#hash -dash"),
            ("end **b**", "end <b>b>"),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(render(text), shown, "{text}");
        }
    }

    #[test]
    fn text_is_shown_when_it_comes() {
        let mut markdown = Markdown::default();
        assert_eq!(markdown.push("Hel"), "Hel");
        assert_eq!(markdown.push("lo *"), "lo ");
    }
}
