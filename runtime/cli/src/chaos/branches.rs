//! [`Branches`]: what roll-backs and restores have made of what clients were told.
//!
//! ```text
//!  branch 0   … 7 8 9 │ 10 11 12          generation 1, then 2: what was told at 10 to 12 was told by generation 2
//!  branch 1           │ 10 11 12 13 …     the same entries at the same heights, carried out by generation 1
//! ```
//!
//! So a roll-back changes no height and no value, and of each generation that it takes back it makes the one before. A
//! branch begins with an order that was known before it was sent, and with nothing else.

use super::found::{Check, Found};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Where an answer was made, or a look was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) branch: u64,
    pub(super) height: u64,
    pub(super) generation: u64,
}

/// A roll-back that is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The branch that ends with it.
    pub(super) branch: u64,
    /// The generation that is live again then.
    pub(super) base: u64,
    /// The node has said that it carries it out.
    pub(super) is_accepted: bool,
}

/// The branches of a node's chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Branches {
    newest: u64,
    /// The generation that each begins with, in place of all later ones.
    bases: BTreeMap<u64, u64>,
    ordered: Option<Order>,
}

impl Branches {
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// What was there is there on the newest branch now.
    pub(super) fn now(&self, at: At) -> At {
        let generation = at.generation.min(self.base_since(at.branch));
        At {
            branch: at.branch.max(self.newest),
            generation,
            ..at
        }
    }

    /// The lowest generation to which the chain went back behind a branch; none: the highest number there is.
    pub(super) fn base_since(&self, branch: u64) -> u64 {
        let later = self.bases.range(branch + 1..);
        later.map(|(_, base)| *base).min().unwrap_or(u64::MAX)
    }

    /// A roll-back is about to be ordered.
    pub(super) fn orders(&mut self, order: Order) {
        self.ordered = Some(order);
    }

    /// The node has said whether it carries the one out that was ordered.
    pub(super) fn is_told(&mut self, is_accepted: bool) {
        self.ordered = self.ordered.filter(|_| is_accepted).map(|order| Order {
            is_accepted,
            ..order
        });
    }

    /// The node's log is on this branch.
    pub(super) fn stands_on(&mut self, branch: u64) -> Option<Found> {
        let newest = self.newest;
        match branch.cmp(&newest) {
            Ordering::Equal => None,
            Ordering::Less => {
                let detail = format!("branch {branch}, after branch {newest} was told");
                Some(Found::new(Check::BranchWentBack, detail))
            }
            Ordering::Greater => {
                self.newest = branch;
                let order = self.ordered.take();
                match order.filter(|order| order.branch == newest && branch == newest + 1) {
                    Some(order) => {
                        self.bases.insert(branch, order.base);
                        None
                    }
                    None => {
                        let detail = format!(
                            "branch {branch}, after branch {newest}: ordered was {order:?}"
                        );
                        Some(Found::new(Check::BranchUnordered, detail))
                    }
                }
            }
        }
    }

    /// A life that began after the last order takes messages: what it has not carried out was not decided.
    pub(super) fn settle(&mut self) -> Option<Found> {
        let order = self.ordered.take().filter(|order| order.is_accepted)?;
        let detail = format!("the node had accepted {order:?}, and another life has not done it");
        Some(Found::new(Check::RollBackForgotten, detail))
    }

    /// The chain goes on from a snapshot that was taken of this branch, under the next one.
    pub(super) fn restored(&mut self, snapshot: At) {
        self.newest = snapshot.branch + 1;
        self.bases.insert(self.newest, snapshot.generation);
        self.ordered = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order {
        branch: 0,
        base: 1,
        is_accepted: false,
    };

    fn check(found: Option<Found>) -> Option<Check> {
        found.map(|found| found.check)
    }

    #[test]
    fn behind_a_roll_back_all_that_was_told_is_of_the_generation_before() {
        let mut branches = Branches::default();
        let told = |branch, generation| At {
            branch,
            height: 12,
            generation,
        };
        branches.orders(ORDER);
        assert_eq!(branches.now(told(0, 2)), told(0, 2));
        assert_eq!(branches.stands_on(1), None);
        assert_eq!(branches.now(told(0, 2)), told(1, 1));
        assert_eq!(branches.now(told(1, 2)), told(1, 2), "it came anew");
        branches.restored(told(1, 2));
        assert_eq!(branches.now(told(1, 4)), told(2, 2));
        assert_eq!(branches.now(told(0, 4)), told(2, 1));
    }

    #[test]
    fn a_branch_begins_with_its_order_alone_and_never_ends() {
        let mut branches = Branches::default();
        assert_eq!(check(branches.stands_on(1)), Some(Check::BranchUnordered));
        branches.orders(ORDER);
        assert_eq!(
            check(branches.stands_on(2)),
            Some(Check::BranchUnordered),
            "another branch's"
        );
        assert_eq!(check(branches.stands_on(0)), Some(Check::BranchWentBack));
        assert_eq!(branches.newest(), 2);
    }

    #[test]
    fn an_accepted_roll_back_must_be_carried_out_by_the_next_life_and_another_may() {
        let mut branches = Branches::default();
        branches.orders(ORDER);
        assert_eq!(branches.settle(), None);
        assert_eq!(check(branches.stands_on(1)), Some(Check::BranchUnordered));
        let mut branches = Branches::default();
        branches.orders(ORDER);
        branches.is_told(true);
        assert_eq!(check(branches.settle()), Some(Check::RollBackForgotten));
        branches.orders(ORDER);
        branches.is_told(false);
        assert_eq!(branches.settle(), None);
        assert_eq!(check(branches.stands_on(1)), Some(Check::BranchUnordered));
    }
}
