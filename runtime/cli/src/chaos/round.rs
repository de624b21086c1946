//! [`Round`]: one node in a folder of its own, with its clients, its upgrades and its kills, and what became of it.

use super::choice::Seen;
use super::clients::Clients;
use super::codes::Codes;
use super::course::{Begun, Course, Stop};
use super::found::Found;
use super::ledger::Ledger;
use super::life::Place;
use super::random::Random;
use super::upgrades::{Ended, Known, Libraries};
use crate::args::Kills;
use crate::commands::block_on;
use crate::failure::Failure;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;

/// What all rounds have.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) libraries: Libraries,
    pub(super) clients: usize,
}

/// One round.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub(super) setup: &'a Setup,
    pub(super) folder: PathBuf,
    pub(super) seed: u64,
    pub(super) kills: &'a Kills,
    /// How long its last life goes on.
    pub(super) runs_on: Duration,
    /// Its last life goes on until each kind of upgrade has come.
    pub(super) shows: bool,
}

/// What became of a round.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// The steps at which lives were killed, and that none came to which were to be.
    pub(super) killed: Vec<String>,
    pub(super) missed: Vec<String>,
    pub(super) restarts: u64,
    /// Snapshots that were restored, and the acknowledged messages that they did not have.
    pub(super) restored: u64,
    pub(super) undone: u64,
    pub(super) acknowledged: u64,
    pub(super) verified: u64,
    pub(super) repeated: u64,
    pub(super) upgrades: Ended,
    pub(super) found: Vec<Found>,
    /// The steps of the first life, those of each later one until it took messages, and those of restores.
    pub(super) seen: Seen,
}

impl Round<'_> {
    /// Plays it.
    pub(super) fn play(&self) -> Result<Played, Failure> {
        block_on(LocalSet::new().run_until(self.run()))?
    }

    async fn run(&self) -> Result<Played, Failure> {
        std::fs::create_dir_all(&self.folder).map_err(Failure::start)?;
        let mut random = Random::of(self.seed);
        let first = &self.setup.libraries.first;
        let place = Place {
            folder: std::path::absolute(&self.folder).map_err(Failure::start)?,
            library: PathBuf::from(&first.path),
        };
        let ledger = Rc::new(RefCell::new(Ledger::of(self.setup.clients)));
        let known = Known {
            ledger: ledger.clone(),
            codes: Rc::new(RefCell::new(Codes::beginning(&first.artifact))),
            ended: Rc::default(),
        };
        let clients = Clients::start(&place.address(), &ledger, &mut random);
        let mut course = Course::new(Begun {
            place,
            libraries: &self.setup.libraries,
            known: known.clone(),
            random,
        });
        match course.play(self, clients).await {
            Ok(()) => {}
            Err(Stop::Found(found)) => ledger.borrow_mut().finds([found]),
            Err(Stop::Failure(failure)) => return Err(failure),
        }
        let mut ledger = ledger.borrow_mut();
        Ok(Played {
            acknowledged: ledger.acknowledged_in_all(),
            undone: ledger.undone(),
            verified: ledger.verified(),
            repeated: ledger.repeated(),
            upgrades: known.ended.borrow().clone(),
            found: ledger.take_found(),
            ..course.played()
        })
    }
}
