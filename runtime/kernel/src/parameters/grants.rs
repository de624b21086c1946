//! Capabilities: what engines of one kind may do to those of another, as their modules declare it and
//! the node grants it.

use refit_abi::descriptor::{Ability, CapabilityDescriptor, KindDescriptor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The node's grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// For each kind that is listed, all that it may do. A kind that is not listed is granted what it
    /// declares.
    pub listed: BTreeMap<String, Vec<CapabilityDescriptor>>,
}

impl Grants {
    /// Whether `kind` is granted `ability` on `to`, if it declares it.
    pub fn grants(&self, kind: &str, ability: Ability, to: &str) -> bool {
        let Some(granted) = self.listed.get(kind) else {
            return true;
        };
        granted
            .iter()
            .any(|grant| grant.ability == ability && grant.kind == to)
    }

    /// The kinds named here that are not among `kinds`: names yet to come, or misspelt.
    pub fn unknown<'a>(&'a self, kinds: &[&str]) -> Vec<&'a str> {
        let granted = self
            .listed
            .values()
            .flatten()
            .map(|grant| grant.kind.as_str());
        let named = self.listed.keys().map(String::as_str).chain(granted);
        let unknown: BTreeSet<&str> = named.filter(|name| !kinds.contains(name)).collect();
        unknown.into_iter().collect()
    }

    /// The abilities that a kind declares and is not granted.
    pub fn missing<'d>(
        &self,
        descriptor: &'d KindDescriptor,
    ) -> impl Iterator<Item = &'d CapabilityDescriptor> {
        descriptor
            .needs
            .iter()
            .filter(|need| !self.grants(&descriptor.kind, need.ability, &need.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_no_kind_are_found_in_sections_and_in_what_they_grant() {
        let grant = |kind: &str| CapabilityDescriptor {
            ability: Ability::Message,
            kind: kind.to_owned(),
        };
        let listed = [
            ("kv", vec![grant("index"), grant("indx")]),
            ("kvv", vec![grant("indx")]),
        ];
        let listed = listed.map(|(kind, granted)| (kind.to_owned(), granted));
        let grants = Grants {
            listed: listed.into(),
        };
        assert_eq!(grants.unknown(&["kv", "index"]), ["indx", "kvv"]);
        assert_eq!(grants.unknown(&["kv", "kvv", "index", "indx"]), [""; 0]);
    }
}
