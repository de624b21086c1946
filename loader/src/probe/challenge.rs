//! [`Challenge`]: a question by whose answer a probe proves that it is one.
//!
//! The program that probes is named by a path, and anyone may name any. Its report is believed only with
//! an answer that is made from a question of this very probe, the interface, and the file's bytes as the child
//! read them: a program that is not built with this crate's [`super::child`], one of another interface, and
//! a report about other bytes or of another time have none.

use super::InterfaceId;
use crate::artifact::ArtifactId;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// The variable in which a child finds the question.
pub(crate) const VARIABLE: &str = "REFIT_PROBE_QUESTION";

/// The purpose of the answers, hashed into them so that no hash made for another purpose is one.
const PURPOSE: &str = "refit 2026 answer of a probe";

/// A question to one child.
#[derive(Clone, Debug)]
pub(super) struct Challenge(String);

impl Challenge {
    /// A question that was never asked before.
    pub(super) fn new() -> Self {
        let random = || RandomState::new().hash_one(std::process::id());
        Self(format!("{:016x}{:016x}", random(), random()))
    }

    /// The question that this process was asked; empty if none was.
    pub(super) fn asked() -> Self {
        Self(std::env::var(VARIABLE).unwrap_or_default())
    }

    /// The question, for the child's environment.
    pub(super) fn question(&self) -> &str {
        &self.0
    }

    /// The answer of a probe of these bytes.
    pub(super) fn answer(&self, artifact: ArtifactId) -> String {
        let mut hasher = blake3::Hasher::new_derive_key(PURPOSE);
        hasher.update(&InterfaceId::of_this_program().to_bytes());
        hasher.update(&artifact.to_bytes());
        hasher.update(self.0.as_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_for_one_question_and_one_file() {
        let (one, other) = (Challenge::new(), Challenge::new());
        let (file, another) = (ArtifactId::of(b"a"), ArtifactId::of(b"b"));
        assert_eq!(one.answer(file), one.answer(file));
        assert_ne!(one.answer(file), one.answer(another));
        assert_ne!(one.answer(file), other.answer(file));
    }
}
