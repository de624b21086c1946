//! [`Codes`]: which code a generation may have, and has.
//!
//! The library that makes a generation is known before its plan is sent. A plan that a kill took back leaves the number of
//! its generation to another; once a generation was seen live with some code, it has that code for ever, unless it is
//! rolled back.

use super::branches::Branches;
use super::found::{Check, Found};
use refit_admin::api::{EngineState, Status};
use std::collections::{BTreeMap, BTreeSet};

/// The number of a chain's first generation.
pub(super) const FIRST: u64 = 1;

/// Hexadecimal digits of an artifact that stand in the name of what is mapped, at least.
const DIGITS_MIN: usize = 8;

/// What is live.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) generation: u64,
    /// The artifacts of all kinds.
    pub(super) artifacts: BTreeSet<String>,
    /// The engines that are.
    pub(super) poisoned: Vec<String>,
}

impl From<&Status> for Live {
    fn from(status: &Status) -> Self {
        let kinds = status.kinds.iter();
        let poisoned = status.engines.iter();
        let poisoned = poisoned.filter(|engine| engine.state != EngineState::Live);
        Self {
            generation: status.generation.0,
            artifacts: kinds.map(|kind| kind.artifact.clone()).collect(),
            poisoned: poisoned.map(|engine| engine.id.clone()).collect(),
        }
    }
}

/// The code of generations.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    /// The artifacts that each generation may have.
    planned: BTreeMap<u64, BTreeSet<String>>,
    /// The one that it had.
    live: BTreeMap<u64, String>,
    /// The branch that all of that is of.
    branch: u64,
}

impl Codes {
    /// Of a chain that begins with this artifact.
    pub(super) fn beginning(artifact: &str) -> Self {
        Self {
            planned: BTreeMap::from([(FIRST, BTreeSet::from([artifact.to_owned()]))]),
            live: BTreeMap::new(),
            branch: 0,
        }
    }

    /// Generations that were taken back leave their numbers to others.
    pub(super) fn follow(&mut self, branches: &Branches) {
        let base = branches.base_since(self.branch);
        self.planned.retain(|generation, _| *generation <= base);
        self.live.retain(|generation, _| *generation <= base);
        self.branch = branches.newest();
    }

    /// A plan is about to be sent that would make this generation with this artifact.
    pub(super) fn plans(&mut self, generation: u64, artifact: &str) {
        let planned = self.planned.entry(generation).or_default();
        planned.insert(artifact.to_owned());
    }

    /// A node that is ready says what is live.
    pub(super) fn looks(&mut self, live: &Live) -> Vec<Found> {
        let Live {
            generation,
            artifacts,
            poisoned,
        } = live;
        let mut found = Vec::new();
        let mut find = |detail: String| found.push(Found::new(Check::CodeDiffers, detail));
        for engine in poisoned {
            find(format!("engine `{engine}` is poisoned"));
        }
        let [artifact] = artifacts.iter().collect::<Vec<_>>()[..] else {
            find(format!(
                "generation {generation} has the code of {artifacts:?}"
            ));
            return found;
        };
        let planned = self.planned.get(generation);
        if planned.is_none_or(|planned| !planned.contains(artifact)) {
            find(format!(
                "generation {generation} has {artifact}; plans named {planned:?} for it"
            ));
        }
        let before = self.live.entry(*generation);
        let before = before.or_insert_with(|| artifact.clone());
        if before != artifact {
            find(format!(
                "generation {generation} has {artifact}, and had {before}"
            ));
        }
        found
    }

    /// What a node has mapped, by its names, when no upgrade is under way.
    pub(super) fn maps(&self, generation: u64, mapped: &BTreeSet<String>) -> Vec<Found> {
        let Some(live) = self.live.get(&generation) else {
            return Vec::new();
        };
        let is_live = |name: &String| {
            name.split(['-', '.'])
                .any(|part| part.len() >= DIGITS_MIN && live.starts_with(part))
        };
        match mapped.len() == 1 && mapped.iter().all(is_live) {
            true => Vec::new(),
            false => {
                let detail = format!("generation {generation} is {live}, and mapped is {mapped:?}");
                vec![Found::new(Check::CodeDiffers, detail)]
            }
        }
    }

    /// The generations that the node's history of upgrades says were made since it began with `first`, when its live one
    /// is `generation`.
    pub(super) fn history(first: u64, generation: u64, made: &[u64]) -> Vec<Found> {
        let mut made = made.to_vec();
        made.sort_unstable();
        match made.iter().copied().eq(first + 1..=generation) {
            true => Vec::new(),
            false => {
                let detail = format!(
                    "generation {generation} is live, and the history has upgrades to {made:?}"
                );
                vec![Found::new(Check::HistoryIncomplete, detail)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "11112222333344445555";
    const TWO: &str = "aaaabbbbccccddddeeee";

    fn live(generation: u64, artifacts: &[&str]) -> Live {
        Live {
            generation,
            artifacts: artifacts.iter().map(|it| (*it).to_owned()).collect(),
            poisoned: Vec::new(),
        }
    }

    fn codes() -> Codes {
        let mut codes = Codes::beginning(ONE);
        codes.plans(2, TWO);
        codes.plans(2, ONE);
        codes
    }

    #[test]
    fn a_generation_has_the_code_of_one_of_its_plans_and_keeps_it() {
        let mut codes = codes();
        assert_eq!(codes.looks(&live(1, &[ONE])), []);
        assert_eq!(codes.looks(&live(2, &[TWO])), []);
        assert_eq!(codes.looks(&live(2, &[TWO])), []);
        let changed = codes.looks(&live(2, &[ONE]));
        assert!(changed[0].detail.contains("and had"), "{changed:?}");
        assert_eq!(
            codes.looks(&live(1, &[TWO])).len(),
            2,
            "not planned, and changed"
        );
        assert_eq!(codes.looks(&live(3, &[ONE])).len(), 1, "not planned");
    }

    #[test]
    fn a_mix_of_codes_and_a_poisoned_engine_are_found() {
        let mut codes = codes();
        assert_eq!(codes.looks(&live(2, &[ONE, TWO])).len(), 1);
        assert_eq!(codes.looks(&live(1, &[])).len(), 1);
        let poisoned = Live {
            poisoned: vec!["kv".to_owned()],
            ..live(1, &[ONE])
        };
        let found = codes.looks(&poisoned);
        assert_eq!((found.len(), found[0].check), (1, Check::CodeDiffers));
    }

    #[test]
    fn what_is_mapped_is_the_live_code_alone() {
        let mut codes = codes();
        assert_eq!(codes.looks(&live(2, &[TWO])), []);
        let maps = |names: &[&str]| {
            let names = names.iter().map(|it| (*it).to_owned()).collect();
            codes.maps(2, &names).len()
        };
        assert_eq!(maps(&["refit-aaaabbbbcccc-3"]), 0);
        assert_eq!(maps(&["refit-aaaabbbbcccc-3", "refit-111122223333-1"]), 1);
        assert_eq!(maps(&["refit-111122223333-1"]), 1);
        assert_eq!(maps(&[]), 1);
    }

    #[test]
    fn the_history_has_each_generation_behind_the_first_once() {
        assert_eq!(Codes::history(1, 1, &[]), []);
        assert_eq!(Codes::history(1, 3, &[3, 2]), []);
        assert_eq!(Codes::history(3, 4, &[4]), []);
        for wrong in [&[2][..], &[3], &[2, 3, 3], &[2, 3, 4]] {
            assert_eq!(Codes::history(1, 3, wrong).len(), 1, "{wrong:?}");
        }
    }
}
