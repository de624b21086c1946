//! Forgets old answers and silent clients of the table of keys, and counts them.

use super::name::Name;
use super::{Keys, Share};
use crate::parameters::keys::KeyBounds;
use crate::reply::refusal::KeyRefusal;
use refit_abi::{ClientId, Height};

/// The number of forgotten answers and clients, for the node's metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// Answers to requests that are not done again.
    pub(crate) answers: u64,
    /// Clients that are forgotten completely.
    pub(crate) clients: u64,
}

impl Keys {
    /// Takes the counts since the last call.
    pub(crate) fn take_forgotten(&mut self) -> Forgotten {
        std::mem::take(&mut self.forgotten)
    }

    /// Forgets the names that were silent longest, of any share, while there is no place for one more of a share and
    /// they were silent long enough. A name whose message waits is not silent.
    pub(super) fn make_room(&mut self, share: Share, now: Height) -> Result<(), KeyRefusal> {
        while !self.has_room(share) {
            let Some((last, client)) = self.by_age.first().copied() else {
                return Ok(());
            };
            let until = Height(
                last.0
                    .saturating_add(self.limits.name_blocks)
                    .saturating_add(1),
            );
            if now < until {
                return Err(match self.held.by(share) {
                    0 => KeyRefusal::NoPlace { until },
                    held => KeyRefusal::ShareFull { held, until },
                });
            }
            if let Some(name) = self.names.get_mut(&client)
                && !name.taken.is_empty()
            {
                name.heard(client, now, &mut self.by_age);
                continue;
            }
            self.by_age.remove(&(last, client));
            if let Some(name) = self.names.remove(&client) {
                self.forgotten.clients += 1;
                self.held.one_less(name.share);
                self.bytes -= name.bytes();
                self.resized(client, name.size(), None);
            }
        }
        Ok(())
    }

    /// Whether a share may hold one more name.
    fn has_room(&self, share: Share) -> bool {
        let (held, places) = (self.held.by(share), self.limits.names);
        let free = places.saturating_sub(self.names.len());
        held < free && held < self.held.part_of(places, share)
    }

    pub(super) fn resized(&mut self, client: ClientId, before: Option<u32>, now: Option<u32>) {
        if before != now {
            if let Some(size) = before {
                self.by_size.remove(&(size, client));
            }
            self.by_size.extend(now.map(|size| (size, client)));
        }
    }

    /// The clients with the most lose their lowest numbers until the rest fits.
    pub(super) fn forget_beyond_bytes(&mut self) {
        while self.bytes > self.limits.bytes {
            let Some((size, client)) = self.by_size.last().copied() else {
                return;
            };
            let Some(name) = self.names.get_mut(&client) else {
                return;
            };
            let bytes = name.bytes();
            let had_outcome = name.forget_lowest().unwrap_or_default();
            self.forgotten.answers += u64::from(had_outcome);
            self.bytes = self.bytes - bytes + name.bytes();
            let now = name.size();
            self.resized(client, Some(size), now);
        }
    }
}

/// One client loses its lowest numbers until the rest is its share; returns how many answers were lost.
pub(super) fn beyond_share(name: &mut Name, limits: KeyBounds) -> u64 {
    let mut lost = 0;
    while name.answered.len() > limits.answered || name.bytes() > limits.bytes_per_name {
        let Some(had_outcome) = name.forget_lowest() else {
            break;
        };
        lost += u64::from(had_outcome);
    }
    lost
}
