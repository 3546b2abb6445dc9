//! Computed prefixes that had to leave the KV cache, kept in the machine's memory: copying them back is much cheaper
//! than computing them again. Bounded in bytes; the least recently used go first. Pure data.

use chaku_llama::Token;

pub(crate) struct PromptCache {
    entries: Vec<Entry>,
    budget: usize,
    /// Invariant: the sum of the entries' sizes, at most `budget`.
    used: usize,
    clock: u64,
}

struct Entry {
    tokens: Vec<Token>,
    group: u64,
    state: Vec<u8>,
    last_used: u64,
}

/// An entry that begins with what is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    entry: usize,
    /// Tokens in common.
    pub(crate) length: usize,
    /// Tokens the entry holds.
    pub(crate) whole: usize,
}

impl PromptCache {
    /// Of so many bytes; 0 = none.
    pub(crate) fn new(budget: usize) -> Self {
        PromptCache { entries: Vec::new(), budget, used: 0, clock: 0 }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.budget == 0
    }

    /// Bytes it holds.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Whether these tokens are in it already.
    pub(crate) fn covers(&self, tokens: &[Token], group: u64, whole: bool) -> bool {
        self.entries.iter().any(|entry| {
            entry.group == group && if whole { entry.tokens == tokens } else { entry.tokens.starts_with(tokens) }
        })
    }

    /// Keeps what a sequence held. What is too large for the budget is dropped.
    pub(crate) fn insert(&mut self, tokens: Vec<Token>, group: u64, state: Vec<u8>, whole: bool) {
        let size = size(&tokens, &state);
        if size > self.budget || tokens.is_empty() || self.covers(&tokens, group, whole) {
            return;
        }
        if !whole {
            // Whatever they serve for, the longer one does, too.
            self.remove(|entry| entry.group == group && tokens.starts_with(&entry.tokens));
        }
        while self.used + size > self.budget {
            let Some(oldest) = self.entries.iter().map(|entry| entry.last_used).min() else { return };
            self.remove(|entry| entry.last_used == oldest);
        }
        self.used += size;
        let last_used = self.tick();
        self.entries.push(Entry { tokens, group, state, last_used });
    }

    /// The entry that shares most of its beginning with `tokens`. With `whole` only one that is a beginning of `tokens`
    /// altogether.
    pub(crate) fn longest(&self, tokens: &[Token], group: u64, whole: bool) -> Option<Found> {
        let found = self.entries.iter().enumerate().filter(|(_, entry)| entry.group == group).map(|(index, entry)| {
            let length = entry.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
            Found { entry: index, length, whole: entry.tokens.len() }
        });
        found
            .filter(|found| found.length > 0 && (!whole || found.length == found.whole))
            .max_by_key(|found| found.length)
    }

    /// What was found: its tokens, their group and the state. Valid until the next insert.
    pub(crate) fn get(&mut self, found: Found) -> (&[Token], u64, &[u8]) {
        let clock = self.tick();
        let entry = &mut self.entries[found.entry];
        entry.last_used = clock;
        (&entry.tokens, entry.group, &entry.state)
    }

    fn remove(&mut self, which: impl Fn(&Entry) -> bool) {
        let gone: usize =
            self.entries.extract_if(.., |entry| which(entry)).map(|entry| size(&entry.tokens, &entry.state)).sum();
        self.used -= gone;
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

fn size(tokens: &[Token], state: &[u8]) -> usize {
    size_of_val(tokens) + state.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(budget: usize, entries: &[&[Token]]) -> PromptCache {
        let mut cache = PromptCache::new(budget);
        for tokens in entries {
            cache.insert(tokens.to_vec(), 0, vec![0; 100], false);
        }
        cache
    }

    #[test]
    fn the_longest_common_beginning_is_found_and_groups_do_not_mix() {
        let cache = cache(1000, &[&[1, 2, 3], &[1, 2, 4, 5, 6], &[7]]);
        let found = cache.longest(&[1, 2, 4, 9], 0, false).unwrap();
        assert_eq!((found.length, found.whole), (3, 5));
        assert_eq!(cache.longest(&[1, 2, 4, 9], 1, false), None);
        assert_eq!(cache.longest(&[9], 0, false), None);
        let whole = cache.longest(&[1, 2, 3, 9], 0, true).unwrap();
        assert_eq!((whole.length, whole.whole), (3, 3));
    }

    #[test]
    fn the_budget_holds_and_the_least_recently_used_go_first() {
        let mut cache = cache(250, &[&[1], &[2]]);
        assert_eq!(cache.used(), 208);
        let first = cache.longest(&[1], 0, false).unwrap();
        assert_eq!(cache.get(first).0, [1]);
        cache.insert(vec![3], 0, vec![0; 100], false);
        assert!(cache.covers(&[1], 0, false) && cache.covers(&[3], 0, false) && !cache.covers(&[2], 0, false));
        cache.insert(vec![4], 0, vec![0; 1000], false);
        assert!(!cache.covers(&[4], 0, false) && cache.used() <= 250);
    }

    #[test]
    fn a_longer_entry_replaces_its_beginnings_where_a_part_can_be_used() {
        let mut cache = cache(1000, &[&[1, 2]]);
        cache.insert(vec![1, 2, 3], 0, vec![0; 10], false);
        assert_eq!(cache.entries.len(), 1);
        cache.insert(vec![1], 0, vec![0; 10], false);
        assert_eq!(cache.entries.len(), 1);
        cache.insert(vec![1], 0, vec![0; 10], true);
        assert_eq!(cache.entries.len(), 2);
    }
}
