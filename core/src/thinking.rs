//! Where an answer's thinking is, so that a constraint waits for its end. What the template says of it is known as text, which
//! a model may write in tokens of any cut: the end is looked for in the text. Pure data.

use chaku_llama::Token;

/// The thinking of one answer that is held to a constraint afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Thinking {
    /// What begins it, where the prompt has not begun it.
    start: Vec<Token>,
    /// Texts that end it.
    ends: Vec<Vec<u8>>,
    /// What the template has between its end and the content.
    lead: Vec<Token>,
    place: Place,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// So many tokens of `start` were said.
    Before(usize),
    /// The end of what was thought, as long as an end that is not complete yet may be.
    Within(Vec<u8>),
    /// So many tokens of `lead` were said.
    After(usize),
}

/// What becomes of a token that the model would say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// It belongs to the thinking, or to what comes between that and the answer.
    Thought,
    /// The answer began without any thinking, and the constraint with it.
    Answer,
    /// It cannot be said here: it would end the answer before it began, or begin it in the middle of a token.
    Refused,
}

impl Thinking {
    /// Thinking that the prompt has begun, or that begins with `start` if the model likes. `None` if nothing ends it.
    pub(crate) fn new(start: Option<Vec<Token>>, ends: Vec<Vec<u8>>, lead: Vec<Token>) -> Option<Self> {
        let ends: Vec<_> = ends.into_iter().filter(|end| !end.is_empty()).collect();
        let place = match &start {
            Some(start) if start.is_empty() => return None,
            Some(_) => Place::Before(0),
            None => Place::Within(Vec::new()),
        };
        (!ends.is_empty()).then(|| Thinking { start: start.unwrap_or_default(), ends, lead, place })
    }

    /// The one token that may come next, where only one may.
    pub(crate) fn forced(&self) -> Option<Token> {
        match self.place {
            Place::Before(said) if said > 0 => self.start.get(said).copied(),
            Place::After(said) => self.lead.get(said).copied(),
            _ => None,
        }
    }

    /// What becomes of a token with these bytes; `ends`: it would end the answer.
    pub(crate) fn verdict(&self, token: Token, bytes: &[u8], ends: bool) -> Verdict {
        match &self.place {
            Place::Before(0) if self.start.first() != Some(&token) => Verdict::Answer,
            Place::Before(_) | Place::After(_) => Verdict::Thought,
            Place::Within(tail) => match self.end_in(&[tail, bytes].concat()) {
                Some(rest) if rest.iter().all(u8::is_ascii_whitespace) => Verdict::Thought,
                None if !ends => Verdict::Thought,
                _ => Verdict::Refused,
            },
        }
    }

    /// A token that is a [`Verdict::Thought`] was said.
    pub(crate) fn accept(&mut self, bytes: &[u8]) {
        self.place = match std::mem::replace(&mut self.place, Place::After(0)) {
            Place::Before(said) if said + 1 < self.start.len() => Place::Before(said + 1),
            Place::Before(_) => Place::Within(Vec::new()),
            Place::After(said) => Place::After(said + 1),
            Place::Within(tail) => {
                let mut tail = [&tail, bytes].concat();
                match self.end_in(&tail) {
                    Some(_) => Place::After(0),
                    None => {
                        let longest = self.ends.iter().map(Vec::len).max().unwrap_or(0);
                        tail.drain(..tail.len().saturating_sub(longest));
                        Place::Within(tail)
                    }
                }
            }
        };
    }

    /// Whether the answer itself comes next.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.place, Place::After(said) if said >= self.lead.len())
    }

    /// What follows the first end in a text.
    fn end_in<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let after = |at: usize| self.ends.iter().find_map(|end| text[at..].strip_prefix(end.as_slice()));
        (0..text.len()).find_map(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Token = 1;
    const MORE: Token = 2;
    const LEAD: Token = 3;
    const OTHER: Token = 9;

    fn thinking(start: Option<Vec<Token>>) -> Thinking {
        Thinking::new(start, vec![b"</think>".to_vec(), b"<call>".to_vec()], vec![LEAD]).unwrap()
    }

    /// Says pieces that must all be thoughts.
    fn say(thinking: &mut Thinking, pieces: &[&str]) {
        for piece in pieces {
            assert_eq!(thinking.verdict(OTHER, piece.as_bytes(), false), Verdict::Thought, "{piece}");
            thinking.accept(piece.as_bytes());
            assert!(!thinking.is_over(), "{piece}");
        }
    }

    #[test]
    fn the_end_is_found_however_it_is_cut() {
        for end in
            [&["</think>"][..], &["<", "/thi", "nk", ">"], &["so.</th", "ink>\n\n"], &["<<", "/think>"], &["<call>"]]
        {
            let mut thinking = thinking(None);
            say(&mut thinking, &["Hm, </thing>", " </", "t"]);
            say(&mut thinking, end);
            assert_eq!(thinking.forced(), Some(LEAD), "{end:?}");
            thinking.accept(b"");
            assert!(thinking.is_over());
        }
    }

    #[test]
    fn an_answer_neither_begins_within_a_token_of_thinking_nor_ends_there() {
        let mut thinking = thinking(None);
        say(&mut thinking, &["a"]);
        assert_eq!(thinking.verdict(OTHER, b"</think>{", false), Verdict::Refused);
        assert_eq!(thinking.verdict(OTHER, b"<|end|>", true), Verdict::Refused);
        assert_eq!(
            thinking.verdict(OTHER, b"</think>", true),
            Verdict::Thought,
            "what ends the thinking ends only that"
        );
    }

    #[test]
    fn a_model_that_need_not_think_begins_with_either() {
        let may = thinking(Some(vec![OPEN, MORE]));
        assert_eq!(may.forced(), None);
        assert_eq!(may.verdict(OTHER, b"{", false), Verdict::Answer);
        let mut does = may;
        assert_eq!(does.verdict(OPEN, b"<", false), Verdict::Thought);
        does.accept(b"<");
        assert_eq!(does.forced(), Some(MORE), "what began is gone through with");
        does.accept(b"think>");
        say(&mut does, &["a", "</think>"]);
        assert_eq!(does.forced(), Some(LEAD));
    }

    #[test]
    fn what_has_no_mark_is_no_thinking() {
        assert!(Thinking::new(None, vec![Vec::new()], Vec::new()).is_none());
        assert!(Thinking::new(Some(Vec::new()), vec![b"x".to_vec()], Vec::new()).is_none());
    }
}
