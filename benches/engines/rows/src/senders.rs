//! [`Senders`]: the newest number of each sender, and what was wrong with the numbers.

use crate::Summary;
use refit_abi::{Sender, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest number of each sender, and what was wrong with the numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Senders {
    newest: BTreeMap<[u8; 16], u64>,
    lost: u64,
    duplicated: u64,
    reordered: u64,
}

impl Senders {
    /// Notes a sender's number: the one after its newest is right, any other is counted as a fault.
    pub fn note(&mut self, sender: Sender, number: u64) {
        let sender = match sender {
            Sender::Client(id) => id.to_bytes(),
            Sender::Engine(id) => id.to_bytes(),
            Sender::Timer => [0; 16],
        };
        let newest = self.newest.entry(sender).or_default();
        match number {
            _ if number == *newest => self.duplicated += 1,
            _ if number < *newest => self.reordered += 1,
            _ => {
                self.lost += number - *newest - 1;
                *newest = number;
            }
        }
    }

    /// The summary that the bench checks: the senders' part from here, the rows' part as given.
    pub fn summary(&self, version: u32, entries: u64, checksum: u64) -> Summary {
        let newest = self.newest.values().sum();
        let Self {
            lost,
            duplicated,
            reordered,
            ..
        } = *self;
        Summary {
            version,
            entries,
            checksum,
            newest,
            lost,
            duplicated,
            reordered,
        }
    }
}
