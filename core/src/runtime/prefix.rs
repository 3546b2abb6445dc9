//! What is in the KV cache: for each sequence its tokens, as a path through a forest of runs. Sequences that were
//! copied from each other share the runs of their common beginning, as they share the cells. Pure data.
//!
//! A run is kept as long as a sequence goes through it. Two runs under one parent may begin alike: sequences that came
//! to the same tokens by themselves hold cells of their own.

use chaku_llama::{SeqId, Token};

type RunId = usize;

#[derive(Debug, Default)]
pub(crate) struct Prefixes {
    /// Slots of runs; free ones are `None`.
    runs: Vec<Option<Run>>,
    free: Vec<RunId>,
    roots: Vec<RunId>,
    /// By sequence id.
    sequences: Vec<Path>,
    /// Invariant: the sum of the runs' lengths.
    used: usize,
}

#[derive(Debug)]
struct Run {
    /// Invariant: not empty.
    tokens: Vec<Token>,
    parent: Option<RunId>,
    children: Vec<RunId>,
    /// Sequences whose path goes through it or ends here. Invariant: not empty.
    holders: Vec<SeqId>,
}

#[derive(Debug, Clone, Default)]
struct Path {
    /// The last run; `None` = the sequence is empty.
    leaf: Option<RunId>,
    length: usize,
    /// What it was computed with (adapters): others cannot use it.
    group: u64,
}

/// A sequence that begins with what is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) sequence: SeqId,
    pub(crate) length: usize,
}

impl Prefixes {
    /// So many sequences, all empty.
    pub(crate) fn new(sequences: usize) -> Self {
        Prefixes { sequences: vec![Path::default(); sequences], ..Prefixes::default() }
    }

    /// Tokens that the KV cache holds; shared ones count once.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Tokens of a sequence.
    pub(crate) fn length(&self, sequence: SeqId) -> usize {
        self.path(sequence).length
    }

    /// Tokens that would be free if the sequence were dropped.
    pub(crate) fn unshared(&self, sequence: SeqId) -> usize {
        self.runs_of(sequence)
            .map(|run| self.run(run))
            .take_while(|run| run.holders.len() == 1)
            .map(|run| run.tokens.len())
            .sum()
    }

    /// Tokens that at least one of the sequences holds for which `counts` says yes.
    pub(crate) fn held_by(&self, counts: impl Fn(SeqId) -> bool) -> usize {
        let held = |run: &&Run| run.holders.iter().any(|&holder| counts(holder));
        self.runs.iter().flatten().filter(held).map(|run| run.tokens.len()).sum()
    }

    /// Whether any of the sequence's tokens from `from` on are another's, too.
    pub(crate) fn is_shared_from(&self, sequence: SeqId, from: usize) -> bool {
        self.length(sequence) - self.unshared(sequence) > from
    }

    /// The tokens of a sequence.
    pub(crate) fn tokens(&self, sequence: SeqId) -> Vec<Token> {
        let mut runs: Vec<RunId> = self.runs_of(sequence).collect();
        runs.reverse();
        runs.into_iter().flat_map(|run| self.run(run).tokens.iter().copied()).collect()
    }

    pub(crate) fn group(&self, sequence: SeqId) -> u64 {
        self.path(sequence).group
    }

    /// How many of its first tokens a sequence shares with `tokens`.
    pub(crate) fn common(&self, sequence: SeqId, tokens: &[Token]) -> usize {
        let mut runs: Vec<RunId> = self.runs_of(sequence).collect();
        runs.reverse();
        let mut done = 0;
        for run in runs {
            let run = &self.run(run).tokens;
            let same = common(run, &tokens[done..]);
            done += same;
            if same < run.len() {
                break;
            }
        }
        done
    }

    /// The sequence that shares most of its beginning with `tokens`. With `whole` only one that is a beginning of
    /// `tokens` altogether.
    pub(crate) fn longest(&self, tokens: &[Token], group: u64, whole: bool) -> Option<Match> {
        let mut best: Option<Match> = None;
        // (run, tokens before it)
        let mut open: Vec<(RunId, usize)> = self.roots.iter().map(|&root| (root, 0)).collect();
        while let Some((id, before)) = open.pop() {
            let run = self.run(id);
            let same = common(&run.tokens, &tokens[before..]);
            let length = before + same;
            let fits = |sequence: &&SeqId| {
                let path = self.path(**sequence);
                path.group == group && (!whole || path.length == length)
            };
            if same > 0 && best.is_none_or(|best| best.length < length) {
                let holder = run.holders.iter().find(fits);
                best = holder.map(|&sequence| Match { sequence, length }).or(best);
            }
            if same == run.tokens.len() {
                open.extend(run.children.iter().map(|&child| (child, length)));
            }
        }
        best
    }

    /// Appends tokens that were computed.
    pub(crate) fn extend(&mut self, sequence: SeqId, group: u64, tokens: &[Token]) {
        if tokens.is_empty() {
            return;
        }
        self.used += tokens.len();
        let leaf = self.path(sequence).leaf;
        let alone = leaf.filter(|&leaf| self.run(leaf).holders.len() == 1);
        let end = match alone {
            Some(leaf) => {
                self.run_mut(leaf).tokens.extend_from_slice(tokens);
                leaf
            }
            None => self.insert(Run {
                tokens: tokens.to_vec(),
                parent: leaf,
                children: Vec::new(),
                holders: vec![sequence],
            }),
        };
        let path = self.path_mut(sequence);
        (path.leaf, path.group) = (Some(end), group);
        path.length += tokens.len();
    }

    /// An empty sequence begins with the first `length` tokens of another.
    pub(crate) fn share(&mut self, from: SeqId, to: SeqId, length: usize) {
        debug_assert!(self.length(to) == 0 && length <= self.length(from) && from != to);
        let group = self.path(from).group;
        let leaf = self.split(from, length);
        *self.path_mut(to) = Path { leaf, length, group };
        let mut next = leaf;
        while let Some(id) = next {
            let run = self.run_mut(id);
            run.holders.push(to);
            next = run.parent;
        }
    }

    /// Forgets a sequence's tokens from `length` on.
    pub(crate) fn truncate(&mut self, sequence: SeqId, length: usize) {
        if length >= self.length(sequence) {
            return;
        }
        let end = self.split(sequence, length);
        let mut next = self.path(sequence).leaf;
        while next != end {
            let Some(id) = next else { break };
            next = self.run(id).parent;
            self.let_go(id, sequence);
        }
        let path = self.path_mut(sequence);
        (path.leaf, path.length) = (end, length);
    }

    /// The tokens `keep` to `keep + discard` of a sequence that shares nothing from there on are gone, and the rest
    /// moved up.
    pub(crate) fn cut_out(&mut self, sequence: SeqId, keep: usize, discard: usize) {
        debug_assert!(!self.is_shared_from(sequence, keep));
        let rest = self.tokens(sequence).split_off(keep + discard);
        let group = self.path(sequence).group;
        self.truncate(sequence, keep);
        self.extend(sequence, group, &rest);
    }

    /// Makes a run end after the sequence's first `length` tokens; says which.
    fn split(&mut self, sequence: SeqId, length: usize) -> Option<RunId> {
        let mut end = self.path(sequence).length;
        let mut next = self.path(sequence).leaf;
        while let Some(id) = next {
            let begin = end - self.run(id).tokens.len();
            if length >= end {
                return Some(id);
            }
            if length > begin {
                return Some(self.split_run(id, length - begin));
            }
            (end, next) = (begin, self.run(id).parent);
        }
        None
    }

    /// Cuts a run in two: what comes after `at` becomes its child. The first part keeps the id's place above, the
    /// second the id, so that paths that end there still do. Says the id of the first part.
    fn split_run(&mut self, id: RunId, at: usize) -> RunId {
        let run = self.run_mut(id);
        let rest = run.tokens.split_off(at);
        let begin = std::mem::replace(&mut run.tokens, rest);
        let (parent, holders) = (run.parent, run.holders.clone());
        let first = self.place(Run { tokens: begin, parent, children: vec![id], holders });
        self.run_mut(id).parent = Some(first);
        for sibling in self.siblings(parent).iter_mut().filter(|sibling| **sibling == id) {
            *sibling = first;
        }
        first
    }

    fn insert(&mut self, run: Run) -> RunId {
        let parent = run.parent;
        let id = self.place(run);
        self.siblings(parent).push(id);
        id
    }

    fn place(&mut self, run: Run) -> RunId {
        match self.free.pop() {
            Some(id) => {
                self.runs[id] = Some(run);
                id
            }
            None => {
                self.runs.push(Some(run));
                self.runs.len() - 1
            }
        }
    }

    /// A sequence goes through this run no more.
    fn let_go(&mut self, id: RunId, sequence: SeqId) {
        let run = self.run_mut(id);
        run.holders.retain(|&holder| holder != sequence);
        if run.holders.is_empty() {
            let (parent, tokens) = (run.parent, run.tokens.len());
            self.used -= tokens;
            self.siblings(parent).retain(|&sibling| sibling != id);
            self.runs[id] = None;
            self.free.push(id);
        }
    }

    fn siblings(&mut self, parent: Option<RunId>) -> &mut Vec<RunId> {
        match parent {
            Some(parent) => &mut self.run_mut(parent).children,
            None => &mut self.roots,
        }
    }

    /// From the last run to the first.
    fn runs_of(&self, sequence: SeqId) -> impl Iterator<Item = RunId> + '_ {
        std::iter::successors(self.path(sequence).leaf, |&id| self.run(id).parent)
    }

    fn path(&self, sequence: SeqId) -> &Path {
        &self.sequences[sequence as usize]
    }

    fn path_mut(&mut self, sequence: SeqId) -> &mut Path {
        &mut self.sequences[sequence as usize]
    }

    fn run(&self, id: RunId) -> &Run {
        self.runs[id].as_ref().expect("a run lives as long as a sequence goes through it")
    }

    fn run_mut(&mut self, id: RunId) -> &mut Run {
        self.runs[id].as_mut().expect("a run lives as long as a sequence goes through it")
    }
}

fn common(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
#[path = "prefix_tests.rs"]
mod tests;
