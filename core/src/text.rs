//! From token bytes to text a reader may see: whole code points, and never a part of a stop string.

use crate::event::Text;
use crate::sampling::Sampled;

/// Turns tokens into [`Text`] events, one for each token.
///
/// A token is held back while its bytes end inside a character, or may be the beginning of a stop string. At most as many
/// tokens are held as the longest stop string has bytes, and [`MOST_IDLE`] more.
pub(crate) struct TextStream {
    stops: Vec<String>,
    /// Tokens not shown yet, oldest first.
    held: Vec<(Sampled, Vec<u8>)>,
    /// Bytes of a character whose beginning was shown with an earlier token. Invariant: at most 3.
    partial: Vec<u8>,
}

/// A character's other tokens, and tokens without bytes: a model that makes nothing else must not fill the memory.
const MOST_IDLE: usize = 16;

/// What became of a token.
pub(crate) struct Shown {
    /// Events to deliver, in order.
    pub(crate) events: Vec<Text>,
    /// A stop string was met: the answer ends here.
    pub(crate) stopped: bool,
}

impl TextStream {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        TextStream { stops, held: Vec::new(), partial: Vec::new() }
    }

    /// Takes the next token and its bytes.
    pub(crate) fn push(&mut self, token: impl Into<Sampled>, bytes: Vec<u8>) -> Shown {
        self.held.push((token.into(), bytes));
        let pending: Vec<u8> = self.held.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        if let Some(at) = self.stops.iter().filter_map(|stop| find(&pending, stop.as_bytes())).min() {
            return Shown { events: self.show_until(at), stopped: true };
        }
        let unsafe_tail = unfinished_character(&pending).max(stop_beginning(&pending, &self.stops));
        let mut events = self.show_whole(pending.len() - unsafe_tail);
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        if self.held.len() > longest + MOST_IDLE {
            events.extend(self.show_whole(usize::MAX));
            self.close(&mut events);
        }
        Shown { events, stopped: false }
    }

    /// The answer is over: shows what was held back, an unfinished character as U+FFFD.
    pub(crate) fn finish(&mut self) -> Vec<Text> {
        let mut events = self.show_whole(usize::MAX);
        self.close(&mut events);
        events
    }

    /// Shows the held tokens that lie wholly in the first `safe` pending bytes.
    fn show_whole(&mut self, safe: usize) -> Vec<Text> {
        let mut end = 0;
        let fits = |(_, bytes): &&(Sampled, Vec<u8>)| {
            end += bytes.len();
            end <= safe
        };
        let count = self.held.iter().take_while(fits).count();
        let tokens: Vec<_> = self.held.drain(..count).collect();
        let mut events: Vec<_> = tokens.into_iter().map(|(token, bytes)| self.show(token, bytes)).collect();
        // What is held next begins a character, so the one before will never be finished.
        let next = self.held.iter().find_map(|(_, bytes)| bytes.first());
        if next.is_some_and(|byte| byte & 0xC0 != 0x80) {
            self.close(&mut events);
        }
        events
    }

    /// Shows the first `at` pending bytes, cutting the token they end in, and drops the rest.
    fn show_until(&mut self, at: usize) -> Vec<Text> {
        let mut left = at;
        let mut events = Vec::new();
        for (token, mut bytes) in std::mem::take(&mut self.held) {
            if left == 0 {
                break;
            }
            bytes.truncate(left);
            left -= bytes.len();
            events.push(self.show(token, bytes));
        }
        self.close(&mut events);
        events
    }

    fn show(&mut self, Sampled { token, logprob, top_logprobs }: Sampled, bytes: Vec<u8>) -> Text {
        let (text, replaced) = self.decode(&bytes);
        Text { text, token: Some(token), bytes, replaced, logprob, top_logprobs }
    }

    /// Makes an unfinished character at the end of the answer visible.
    fn close(&mut self, events: &mut [Text]) {
        if let (false, Some(last)) = (self.partial.is_empty(), events.last_mut()) {
            last.text.push(char::REPLACEMENT_CHARACTER);
            last.replaced = true;
        }
        self.partial.clear();
    }

    /// The characters that `bytes` complete. Bytes that can never become a character are replaced at once, and it says
    /// whether some were.
    fn decode(&mut self, bytes: &[u8]) -> (String, bool) {
        self.partial.extend_from_slice(bytes);
        let mut text = String::new();
        let mut replaced = false;
        let mut rest: &[u8] = &self.partial;
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    rest = &[];
                    break;
                }
                Err(error) => error,
            };
            let (whole, after) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(whole));
            rest = after;
            let Some(broken) = error.error_len() else { break };
            text.push(char::REPLACEMENT_CHARACTER);
            replaced = true;
            rest = &rest[broken..];
        }
        self.partial = rest.to_vec();
        (text, replaced)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// How many bytes at the end may be the beginning of a stop string.
fn stop_beginning(pending: &[u8], stops: &[String]) -> usize {
    let longest = |stop: &String| {
        let most = pending.len().min(stop.len() - 1);
        (1..=most).rev().find(|&n| pending.ends_with(&stop.as_bytes()[..n]))
    };
    stops.iter().filter_map(longest).max().unwrap_or(0)
}

/// How many bytes at the end are the beginning of a character.
fn unfinished_character(pending: &[u8]) -> usize {
    let tail = pending.iter().rev().take(3).position(|byte| byte & 0xC0 != 0x80);
    let Some(back) = tail else { return 0 };
    let lead = pending[pending.len() - 1 - back];
    let needs = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    if needs > back + 1 { back + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use chaku_llama::Token;

    use super::*;

    fn run(stops: &[&str], tokens: &[&[u8]]) -> (Vec<Text>, bool) {
        let mut stream = TextStream::new(stops.iter().map(|s| s.to_string()).collect());
        let mut events = Vec::new();
        for (i, bytes) in tokens.iter().enumerate() {
            let shown = stream.push(i as Token, bytes.to_vec());
            events.extend(shown.events);
            if shown.stopped {
                return (events, true);
            }
        }
        events.extend(stream.finish());
        (events, false)
    }

    fn text(events: &[Text]) -> String {
        events.iter().map(|event| event.text.as_str()).collect()
    }

    #[test]
    fn a_character_split_over_tokens_comes_whole_and_no_token_is_lost() {
        let smile = "a😀b".as_bytes();
        let (events, _) = run(&[], &[&smile[..2], &smile[2..4], &smile[4..]]);
        assert_eq!(events.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["a", "", "😀b"]);
        assert_eq!(events.iter().flat_map(|e| e.bytes.clone()).collect::<Vec<_>>(), smile);
        assert!(events.iter().all(|e| !e.replaced));
    }

    #[test]
    fn an_unfinished_character_at_the_end_is_replaced_and_flagged() {
        let (events, _) = run(&[], &[b"ok ", &[0xF0, 0x9F]]);
        assert_eq!(text(&events), "ok \u{FFFD}");
        assert_eq!(
            events.iter().map(|e| (e.token, e.replaced)).collect::<Vec<_>>(),
            [(Some(0), false), (Some(1), true)]
        );
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced_at_once() {
        let (events, _) = run(&[], &[&[b'a', 0xFF, b'b'], b"c"]);
        assert_eq!(text(&events), "a\u{FFFD}bc");
        assert_eq!(events.iter().map(|e| e.replaced).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_token_that_is_held_back_keeps_how_likely_it_was() {
        let mut stream = TextStream::new(vec!["stop".to_owned()]);
        let sampled = |token, logprob| Sampled { logprob: Some(logprob), ..Sampled::from(token) };
        assert!(stream.push(sampled(1, -1.0), b"st".to_vec()).events.is_empty());
        let events = stream.push(sampled(2, -2.0), b"art".to_vec()).events;
        assert_eq!(
            events.iter().map(|e| (e.token, e.logprob)).collect::<Vec<_>>(),
            [(Some(1), Some(-1.0)), (Some(2), Some(-2.0))]
        );
    }

    #[test]
    fn a_stop_string_over_three_tokens_never_leaks() {
        let (events, stopped) = run(&["stop here"], &[b"one", b" two st", b"op ", b"here", b" three"]);
        assert!(stopped);
        assert_eq!(text(&events), "one two ");
        assert_eq!(events.iter().flat_map(|e| e.bytes.clone()).collect::<Vec<_>>(), b"one two ");
    }

    #[test]
    fn a_beginning_that_does_not_become_the_stop_string_is_shown() {
        let (events, stopped) = run(&["stop here"], &[b"st", b"op th", b"ere"]);
        assert!(!stopped);
        assert_eq!(text(&events), "stop there");
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn the_earliest_of_several_stop_strings_wins() {
        let (events, stopped) = run(&["c", "bc"], &[b"ab", b"c"]);
        assert!(stopped);
        assert_eq!(text(&events), "a");
    }

    #[test]
    fn a_stop_string_that_is_one_split_character_is_found() {
        let e = "é".as_bytes();
        let (events, stopped) = run(&["é"], &[b"caf", &e[..1], &e[1..]]);
        assert!(stopped);
        assert_eq!(text(&events), "caf");
    }

    #[test]
    fn text_may_end_in_the_beginning_of_a_stop_string() {
        let (events, stopped) = run(&["###"], &[b"a", b"##"]);
        assert!(!stopped);
        assert_eq!(text(&events), "a##");
    }

    #[test]
    fn whatever_the_tokens_and_stop_strings_the_text_is_that_of_the_bytes_before_the_stop() {
        let mut state = 12345u64;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % limit
        };
        let parts: [&[u8]; 9] =
            [b"a", b"b", b"c", "é".as_bytes(), "😀".as_bytes(), &[0xF0], &[0x9F], &[0xE2, 0x82], b""];
        let some_stops = ["ab", "abc", "b", "aab", "é", "😀a", "ca", "aaaa"];
        for case in 0..50_000 {
            let stops: Vec<&str> = (0..below(3)).map(|_| some_stops[below(8) as usize]).collect();
            let tokens: Vec<Vec<u8>> = (0..below(12))
                .map(|_| (0..below(4)).flat_map(|_| parts[below(9) as usize].to_vec()).collect())
                .collect();
            let (events, stopped) = run(&stops, &tokens.iter().map(Vec::as_slice).collect::<Vec<_>>());

            // What is seen with the token that completes the first stop string; a longer one may have begun before it.
            let first_stop = |seen: &[u8]| stops.iter().filter_map(|stop| find(seen, stop.as_bytes())).min();
            let seen = (1..=tokens.len()).map(|n| tokens[..n].concat()).find(|seen| first_stop(seen).is_some());
            let all = seen.unwrap_or_else(|| tokens.concat());
            let stop = first_stop(&all);
            let wanted = &all[..stop.unwrap_or(all.len())];
            let bytes: Vec<u8> = events.iter().flat_map(|event| event.bytes.clone()).collect();
            assert_eq!((bytes.as_slice(), stopped), (wanted, stop.is_some()), "case {case}: {stops:?} {tokens:?}");
            assert_eq!(text(&events), String::from_utf8_lossy(wanted), "case {case}: {stops:?} {tokens:?}");
            assert!(stopped || events.len() == tokens.len(), "case {case}: one event a token");
            let replaced = events.iter().any(|event| event.replaced);
            assert_eq!(replaced, std::str::from_utf8(wanted).is_err(), "case {case}: {stops:?} {tokens:?}");
        }
    }
}
