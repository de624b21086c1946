//! [`Powers`]: what the kinds of a generation may do to each other, worked out once.

use crate::generation::table::KindIndex;
use crate::parameters::grants::Grants;
use refit_abi::descriptor::{Ability, KindDescriptor};

/// The abilities of each kind towards each other kind, by their indices in the table: declared and granted.
#[derive(Debug)]
pub(crate) struct Powers {
    kinds: usize,
    /// A bit for each [`Ability`], at `from × kinds + to`.
    bits: Vec<u8>,
}

impl Powers {
    pub(crate) fn new<'d>(
        kinds: impl Iterator<Item = &'d KindDescriptor>,
        grants: &Grants,
    ) -> Self {
        let kinds: Vec<&KindDescriptor> = kinds.collect();
        let mut bits = vec![0; kinds.len() * kinds.len()];
        for (from, descriptor) in kinds.iter().enumerate() {
            for need in &descriptor.needs {
                let to = kinds.iter().position(|other| other.kind == need.kind);
                let granted = grants.grants(&descriptor.kind, need.ability, &need.kind);
                if let Some(to) = to.filter(|_| granted) {
                    bits[from * kinds.len() + to] |= bit(need.ability);
                }
            }
        }
        Self {
            kinds: kinds.len(),
            bits,
        }
    }

    #[inline]
    pub(crate) fn may(&self, from: KindIndex, ability: Ability, to: KindIndex) -> bool {
        let index = from.0 as usize * self.kinds + to.0 as usize;
        self.bits
            .get(index)
            .is_some_and(|bits| bits & bit(ability) != 0)
    }
}

fn bit(ability: Ability) -> u8 {
    match ability {
        Ability::Message => 1,
        Ability::Spawn => 2,
        Ability::Read => 4,
    }
}
