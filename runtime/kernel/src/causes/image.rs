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
    /// Its place.
    pub place: CauseIndex,
    /// The work done because of it, less the part that blocks have forgiven.
    pub spent: Spent,
}

impl Causes {
    /// All causes, in the order of their places.
    pub(crate) fn images(&self) -> impl Iterator<Item = CauseImage> + '_ {
        let places = self.list.iter().enumerate().filter(|(_, it)| it.is_live);
        places.map(|(place, it)| CauseImage {
            place: CauseIndex(place as u32),
            spent: it.spent_at(self.height, &self.bounds),
        })
    }

    /// Puts the causes in their places; waiting letters are counted as they are put back. Places that no node reaches
    /// are left out.
    pub(crate) fn restore(&mut self, causes: &[CauseImage], height: Height) {
        self.height = height;
        for image in causes {
            let place = image.place.0 as usize;
            if place >= CAUSES_MAX {
                continue;
            }
            if place >= self.list.len() {
                let free = (self.list.len()..place).map(|place| Reverse(place as u32));
                self.free.extend(free);
                self.list.resize_with(place + 1, Cause::default);
            }
            let it = &mut self.list[place];
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
