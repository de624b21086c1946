//! The meaning of a change of JSON words for both sides, where the schema stays the same.

use refit_abi::words::{MemberWords, TypeWords, Words};

/// The direction: words that others write and the engine reads, or the other way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Messages, queries, configurations.
    Read,
    /// Replies and answers.
    Written,
}

/// The differences of words, in lines that a person reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewording {
    /// Words that are no longer understood, or not as they were.
    pub(crate) lost: Vec<String>,
    /// Words that are understood in addition.
    pub(crate) added: Vec<String>,
}

impl Rewording {
    /// The differences between the words of one schema.
    pub(crate) fn of(old: &Words, new: &Words, way: Way) -> Self {
        let mut found = Self::default();
        if old.id == new.id {
            return found;
        }
        // By place: the schema is the same, and with it the order of types and members.
        for (old, new) in old.types.iter().zip(&new.types) {
            found.of_type(old, new, way);
        }
        if old.types.len() != new.types.len() {
            found
                .lost
                .push("other types have words of their own".to_owned());
        }
        found
    }

    fn of_type(&mut self, old: &TypeWords, new: &TypeWords, way: Way) {
        let name = &new.name;
        if old.is_transparent != new.is_transparent {
            let now = if new.is_transparent { "is" } else { "is not" };
            self.lost
                .push(format!("`{name}` {now} written as its only field"));
            return;
        }
        if way == Way::Read {
            match (old.refuses_unknown, new.refuses_unknown) {
                (false, true) => self
                    .lost
                    .push(format!("`{name}` refuses fields that it does not know")),
                (true, false) => self
                    .added
                    .push(format!("`{name}` passes over fields that it does not know")),
                _ => {}
            }
        }
        self.of_members(name, &old.members, &new.members, way);
    }

    fn of_members(&mut self, of: &str, old: &[MemberWords], new: &[MemberWords], way: Way) {
        for (old, new) in old.iter().zip(new) {
            let name = format!("{of}.{}", new.name);
            match way {
                Way::Read => self.of_read(&name, old, new),
                Way::Written if old.written != new.written => self.lost.push(format!(
                    "`{name}` was written `{}` and is written `{}`",
                    old.written, new.written
                )),
                Way::Written => {}
            }
            self.of_members(&name, &old.fields, &new.fields, way);
        }
    }

    fn of_read(&mut self, name: &str, old: &MemberWords, new: &MemberWords) {
        for word in old.read.iter().filter(|word| !new.read.contains(word)) {
            let now = new.read.first().map_or("", String::as_str);
            self.lost.push(format!(
                "`{name}` was read as `{word}` and is read as `{now}`"
            ));
        }
        for word in new.read.iter().filter(|word| !old.read.contains(word)) {
            self.added.push(format!("`{name}` is read as `{word}` too"));
        }
        match (old.may_be_absent, new.may_be_absent) {
            (true, false) => self
                .lost
                .push(format!("`{name}` may not be left out any more")),
            (false, true) => self.added.push(format!("`{name}` may be left out")),
            _ => {}
        }
    }
}
