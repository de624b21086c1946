//! The causes of an [`Image`](crate::Image).

use super::{Cause, CauseIndex, Causes};
use crate::limits::CAUSES_MAX;
use crate::parameters::spent::Spent;
use refit_abi::Height;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// One cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseImage {
    /// Its index.
    pub index: CauseIndex,
    /// The work done because of it, less the part that blocks have forgiven.
    pub spent: Spent,
}

impl Causes {
    /// All causes, in the order of their indices.
    pub(crate) fn images(&self) -> impl Iterator<Item = CauseImage> + '_ {
        let live = self.list.iter().enumerate().filter(|(_, it)| it.is_live);
        live.map(|(index, it)| CauseImage {
            index: CauseIndex(index as u32),
            spent: it.spent_at(self.height, &self.bounds),
        })
    }

    /// Puts the causes under their indices; waiting letters are counted as they are put back. Indices that no node reaches
    /// are left out.
    pub(crate) fn restore(&mut self, causes: &[CauseImage], height: Height) {
        self.height = height;
        for image in causes {
            let index = image.index.0 as usize;
            if index >= CAUSES_MAX {
                continue;
            }
            if index >= self.list.len() {
                let free = (self.list.len()..index).map(|free| Reverse(free as u32));
                self.free.extend(free);
                self.list.resize_with(index + 1, Cause::default);
            }
            let it = &mut self.list[index];
            self.live += usize::from(!it.is_live);
            *it = Cause {
                is_live: true,
                spent: image.spent,
                height,
                ..Cause::default()
            };
        }
    }

    /// Whether there is such a cause.
    pub(crate) fn has(&self, cause: CauseIndex) -> bool {
        self.list.get(cause.0 as usize).is_some_and(|it| it.is_live)
    }
}
