//! [`Label`]: the name of code, as text that is never freed.

use crate::fault::{cut, escape};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Different labels that a process keeps; later ones are all unknown.
pub const LABELS_MAX: usize = 4_096;

/// Longest text of a label, in bytes.
pub const LABEL_TEXT_BYTES_MAX: usize = 64;

/// The name of an engine kind's code. There is one for each kind, package and version, and it is never
/// freed: a signal handler or another thread may read it whatever becomes of the code.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    kind: String,
    package: String,
    version: String,
}

static LABELS: Mutex<BTreeSet<&'static Label>> = Mutex::new(BTreeSet::new());

/// Of code that has no name yet, or came after [`LABELS_MAX`].
static UNKNOWN: Label = Label {
    kind: String::new(),
    package: String::new(),
    version: String::new(),
};

impl Label {
    /// The label of these texts; escaped and cut, because a module gave them.
    pub(in crate::host) fn of(kind: &str, package: &str, version: &str) -> &'static Self {
        let label = Self {
            kind: shown(kind),
            package: shown(package),
            version: shown(version),
        };
        let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = labels.get(&label) {
            return known;
        }
        if labels.len() >= LABELS_MAX {
            return Self::unknown();
        }
        let label: &'static Self = Box::leak(Box::new(label));
        labels.insert(label);
        label
    }

    /// The label of code whose name is not known.
    pub fn unknown() -> &'static Self {
        &UNKNOWN
    }

    /// The engine kind; empty if it is not known.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The package that it was built from.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// The package's version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// `kv (kv-engine 0.3.1)`; `(unknown)`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind.is_empty() {
            return f.write_str("(unknown)");
        }
        write!(f, "{} ({} {})", self.kind, self.package, self.version)
    }
}

fn shown(text: &str) -> String {
    let mut text = text.to_owned();
    escape(&mut text);
    cut(&mut text, LABEL_TEXT_BYTES_MAX);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_has_the_same_label_and_its_texts_forge_no_line() {
        let label = Label::of("kv\n", "package", "1.0.0");
        assert!(std::ptr::eq(label, Label::of("kv\n", "package", "1.0.0")));
        assert!(!std::ptr::eq(label, Label::of("kv\n", "package", "1.0.1")));
        assert_eq!(label.to_string(), "kv\\n (package 1.0.0)");
    }
}
