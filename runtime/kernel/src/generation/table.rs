//! [`GenerationTable`]: all engine code that is live together, immutable once made.

use crate::generation::powers::Powers;
use crate::generation::replaced::ReplacedStates;
use crate::parameters::grants::Grants;
use refit_abi::Generation;
use refit_abi::descriptor::Ability;
use refit_abi::host::{Kind, Migration};
use std::sync::Arc;

/// A kind's index in the table; the same in all generations of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindIndex(pub u32);

/// One kind's code in a generation.
#[derive(Clone, Debug)]
pub struct KindEntry {
    /// The code.
    pub kind: Kind,
    /// The generation that brought this code.
    pub since: Generation,
    /// How states of the generation before become this code's, if they are not yet.
    pub pending: Option<Pending>,
}

/// The work left for an engine whose state is still as the old code left it. It is done when the engine is first
/// touched, or by the sweep.
#[derive(Clone, Debug)]
pub enum Pending {
    /// The step's second half, on what the transition prepared.
    Settle {
        /// The step.
        step: Box<Migration>,
        /// Takes the states that it leaves over.
        replaced: Arc<ReplacedStates>,
    },
    /// The whole new state is there; the old one waits to be dropped by the code that made it.
    Replace(Arc<ReplacedStates>),
}

impl Pending {
    /// The second half of a step.
    pub fn settle(step: Migration) -> Self {
        let replaced = ReplacedStates::of_step(step.clone());
        let step = Box::new(step);
        Self::Settle { step, replaced }
    }

    /// The new states are whole; the old ones are of this code's making.
    pub fn replace(old: Kind) -> Self {
        Self::Replace(ReplacedStates::of(old))
    }

    /// The states that it leaves over.
    pub(crate) fn replaced(&self) -> &Arc<ReplacedStates> {
        match self {
            Self::Settle { replaced, .. } | Self::Replace(replaced) => replaced,
        }
    }
}

/// The code that comes in the place of a kind's in the next generation.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The kind.
    pub index: KindIndex,
    /// Its new code.
    pub kind: Kind,
    /// How the states that the old code has left become the new code's.
    pub pending: Option<Pending>,
}

/// All engine code of one generation.
#[derive(Clone, Debug)]
pub struct GenerationTable {
    number: Generation,
    kinds: Vec<KindEntry>,
    grants: Arc<Grants>,
    powers: Arc<Powers>,
}

impl GenerationTable {
    /// The first generation: `kinds` in the order that fixes their [`KindIndex`].
    /// Every kind is granted what it declares.
    pub fn first(kinds: Vec<Kind>) -> Arc<Self> {
        Self::first_with(kinds, Grants::default())
    }

    /// As [`GenerationTable::first`], with what the node grants.
    pub fn first_with(kinds: Vec<Kind>, grants: Grants) -> Arc<Self> {
        Self::at(Generation(1), kinds, grants)
    }

    /// The generation `number`, as a node has it after upgrades: `kinds` in the order that fixes their
    /// [`KindIndex`], none of them pending.
    pub fn at(number: Generation, kinds: Vec<Kind>, grants: Grants) -> Arc<Self> {
        let entry = |kind| KindEntry {
            kind,
            since: number,
            pending: None,
        };
        let kinds = kinds.into_iter().map(entry).collect();
        Self::of(number, kinds, Arc::new(grants))
    }

    fn of(number: Generation, kinds: Vec<KindEntry>, grants: Arc<Grants>) -> Arc<Self> {
        let powers = Powers::new(kinds.iter().map(|entry| entry.kind.descriptor()), &grants);
        Arc::new(Self {
            number,
            kinds,
            grants,
            powers: Arc::new(powers),
        })
    }

    /// The next generation: this one with some kinds' code replaced and kinds added at the end.
    pub fn next(&self, replaced: Vec<Replacement>, added: Vec<Kind>) -> Arc<Self> {
        let number = self.number.next();
        let mut kinds: Vec<KindEntry> = self
            .kinds
            .iter()
            .map(|entry| KindEntry {
                pending: None,
                ..entry.clone()
            })
            .collect();
        for new in replaced {
            if let Some(entry) = kinds.get_mut(new.index.0 as usize) {
                *entry = KindEntry {
                    kind: new.kind,
                    since: number,
                    pending: new.pending,
                };
            }
        }
        let added = added.into_iter().map(|kind| KindEntry {
            kind,
            since: number,
            pending: None,
        });
        kinds.extend(added);
        Self::of(number, kinds, self.grants.clone())
    }

    /// The same generation once the sweep is done: no state of the one before is left, and its code
    /// is no longer held.
    pub fn settled(&self) -> Arc<Self> {
        let kinds = self
            .kinds
            .iter()
            .map(|e| KindEntry {
                pending: None,
                ..e.clone()
            })
            .collect();
        Arc::new(Self {
            number: self.number,
            kinds,
            grants: self.grants.clone(),
            powers: self.powers.clone(),
        })
    }

    /// This generation, with what is granted: itself, if that is so already.
    pub(crate) fn granting(self: &Arc<Self>, grants: &Grants) -> Arc<Self> {
        if *self.grants == *grants {
            return self.clone();
        }
        Self::of(self.number, self.kinds.clone(), Arc::new(grants.clone()))
    }

    /// Its number.
    pub fn number(&self) -> Generation {
        self.number
    }

    /// Whether engines of kind `from` may do `ability` to those of kind `to`.
    #[inline]
    pub fn may(&self, from: KindIndex, ability: Ability, to: KindIndex) -> bool {
        from == to || self.powers.may(from, ability, to)
    }

    /// The node's grants.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The code of a kind.
    pub fn get(&self, index: KindIndex) -> Option<&KindEntry> {
        self.kinds.get(index.0 as usize)
    }

    /// The kind called `name`.
    pub fn find(&self, name: &str) -> Option<(KindIndex, &KindEntry)> {
        self.iter()
            .find(|(_, entry)| entry.kind.descriptor().kind == name)
    }

    /// All kinds in order.
    pub fn iter(&self) -> impl Iterator<Item = (KindIndex, &KindEntry)> {
        self.kinds
            .iter()
            .enumerate()
            .map(|(index, entry)| (KindIndex(index as u32), entry))
    }

    /// Whether some engines' states may still be as the old code left them.
    pub fn is_pending(&self) -> bool {
        self.kinds.iter().any(|entry| entry.pending.is_some())
    }
}
