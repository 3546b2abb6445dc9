//! Keys that a host has beside the options: where a program reads its model's name from, say. A [`super::Config`] reads them
//! from the same places, with the same order among these.

/// A key of the host's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostKey {
    /// What it is called, as in a file: without dashes in front.
    pub name: &'static str,
    /// Other names of it, with dashes or without.
    pub aliases: &'static [&'static str],
    /// Environment variables for it, beside `CHAKU_` and the name in capitals.
    pub env: &'static [&'static str],
    /// What values it takes.
    pub value: HostValue,
}

/// What values a host's key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostValue {
    /// On or off, in the words that a switch of the options has. `no-` before a name turns it off.
    Switch,
    /// Any text.
    Text,
}

impl HostKey {
    /// How a name stands for it, if it does: whether it turns it off.
    pub(super) fn is_called(&self, name: &str) -> Option<bool> {
        let bare = name.trim_start_matches('-');
        let is =
            |bare: &str| self.name == bare || self.aliases.iter().any(|alias| alias.trim_start_matches('-') == bare);
        if let Some(ours) = name.strip_prefix("CHAKU_") {
            return (ours.to_ascii_lowercase() == self.name.replace('-', "_")).then_some(false);
        }
        if is(bare) || self.env.contains(&bare) {
            return Some(false);
        }
        if self.value != HostValue::Switch {
            return None;
        }
        let negated_env = name.strip_prefix("LLAMA_ARG_NO_").map(|rest| format!("LLAMA_ARG_{rest}"));
        let negated = bare.strip_prefix("no-").is_some_and(is)
            || negated_env.is_some_and(|positive| self.env.contains(&positive.as_str()));
        negated.then_some(true)
    }
}
