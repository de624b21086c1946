//! The name of this run of the node.

use refit_admin::api::Life;
use std::hash::{BuildHasher, RandomState};
use std::process;
use std::time::SystemTime;

/// Draws one. The standard library's hasher has its keys from the system's random numbers; nothing that a block
/// decides depends on it.
pub(crate) fn begin() -> Life {
    // Chosen by chance: a client must not take a node that was started again for the one that it knew. Nothing in a
    // block depends on it.
    Life(RandomState::new().hash_one((process::id(), SystemTime::now())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lives_have_two_names() {
        assert_ne!(begin(), begin());
    }
}
