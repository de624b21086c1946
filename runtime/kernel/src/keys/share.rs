//! [`Held`]: how the ways by which clients come in, each a [`Share`], divide the places of names among themselves.
//!
//! A name belongs to the share under which it first came, and takes up one of its places, whichever way it comes by
//! later. Shares that hold names split the places equally, with one part left for a share that is not there yet: one
//! alone fills half of all, two a third each. And a share takes in new names only while it holds fewer than are free:
//! so a newcomer finds places even while earlier shares hold the larger parts of before, and no name is forgotten
//! before its time for that.

use refit_abi::host::Share;
use std::collections::BTreeMap;

/// How many names each share holds; those that hold none are not here.
#[derive(Debug, Default)]
pub(super) struct NameCounts(BTreeMap<Share, usize>);

impl NameCounts {
    pub(super) fn by(&self, share: Share) -> usize {
        self.0.get(&share).copied().unwrap_or_default()
    }

    /// The most that a share may hold of so many places; one at least.
    pub(super) fn part_of(&self, places: usize, share: Share) -> usize {
        let is_new = !self.0.contains_key(&share);
        let shares = self.0.len() + usize::from(is_new);
        (places / (shares + 1)).max(1)
    }

    pub(super) fn one_more(&mut self, share: Share) {
        *self.0.entry(share).or_default() += 1;
    }

    pub(super) fn one_less(&mut self, share: Share) {
        if let Some(held) = self.0.get_mut(&share) {
            *held -= 1;
            if *held == 0 {
                self.0.remove(&share);
            }
        }
    }

    /// How many names there are, and of how many shares.
    #[cfg(test)]
    pub(super) fn totals(&self) -> (usize, usize) {
        (self.0.values().sum(), self.0.len())
    }
}
