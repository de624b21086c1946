//! [`Course`]: a round on its way.
//!
//! ```text
//! life 1 ── killed ── life 2 ── killed … ── last life: checked, runs on, is at rest, checked
//!                                            └─ killed at rest ── once more: the same again ── told to stop
//! ```
//!
//! The clients write and read over all of it: what they are told is checked as it comes.

use super::branches::At;
use super::choice::merge;
use super::clients::{Clients, repeat};
use super::codes::{self, Codes};
use super::found::{Check, Found};
use super::heard::Heard;
use super::life::{BY_TIME, Does, Life, Place};
use super::picture::Picture;
use super::random::Random;
use super::remove;
use super::round::{Played, Round};
use super::upgrades::{Known, Libraries, Upgrades};
use crate::args::Kill;
use crate::client::Client;
use crate::commands::snapshot_create::{self, WantedSnapshot};
use crate::failure::Failure;
use refit_abi::codes as abi_codes;
use refit_admin::api::{Status, UpgradeReport, UpgradeState};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

/// Longest time from the start of a node until it takes messages.
const READY_MAX: Duration = Duration::from_secs(120);

/// How long a node that is ready may take to come to the step at which it is to be killed.
const LIFE_MAX: Duration = Duration::from_secs(10);

/// Longest time in which each kind of upgrade comes.
const SHOWS_MAX: Duration = Duration::from_secs(60);

/// Longest time that a snapshot takes to be restored.
const RESTORE_MAX: Duration = Duration::from_secs(60);

/// Longest time from the word to stop until the end.
const STOP_MAX: Duration = Duration::from_secs(60);

/// Between two looks at a node.
const LOOK: Duration = Duration::from_millis(2);

/// Longest wait for one status, and between two tries.
const STATUS_MAX: Duration = Duration::from_secs(1);
const STATUS_LOOK: Duration = Duration::from_millis(15);

/// Why a round does not go on.
pub(super) enum Stop {
    Found(Found),
    Failure(Failure),
}

impl From<Found> for Stop {
    fn from(found: Found) -> Self {
        Self::Found(found)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// What a round begins with.
pub(super) struct Begun<'a> {
    pub(super) place: Place,
    pub(super) libraries: &'a Libraries,
    pub(super) known: Known,
    pub(super) random: Random,
}

/// A round on its way.
pub(super) struct Course<'a> {
    begun: Begun<'a>,
    client: Client,
    lives: usize,
    /// The generation with which the node's history of upgrades begins.
    history_from: u64,
    /// A life was killed while it tried the last block again, and none came behind that since.
    has_tried: bool,
    played: Played,
}

impl<'a> Course<'a> {
    pub(super) fn new(begun: Begun<'a>) -> Self {
        Self {
            client: Client::new(begun.place.address(), None),
            begun,
            lives: 0,
            history_from: codes::FIRST,
            has_tried: false,
            played: Played::default(),
        }
    }

    pub(super) fn played(self) -> Played {
        self.played
    }

    /// All of it.
    pub(super) async fn play(&mut self, round: &Round<'_>, clients: Clients) -> Result<(), Stop> {
        for kill in &round.kills.0 {
            match kill {
                Kill::Restoring { .. } => self.restored(kill).await?,
                _ => self.killed(kill).await?,
            }
        }
        let mut life = self.start(None)?;
        self.ready(&mut life).await?;
        self.check(&mut life).await?;
        let upgrades = self.upgrades(None);
        let goes_on = async {
            tokio::time::sleep(round.runs_on).await;
            let began = Instant::now();
            while round.shows && !upgrades.has_shown() && began.elapsed() < SHOWS_MAX {
                tokio::time::sleep(STATUS_LOOK).await;
            }
            clients.end().await;
            upgrades.end().await;
        };
        alive(&mut life, goes_on).await?;
        self.note(&life, true);
        self.check(&mut life).await?;
        self.check_rest(&mut life).await?;
        let picture = alive(&mut life, Picture::take(&self.client)).await??;
        self.kill(life)?;
        let mut life = self.start(None)?;
        self.ready(&mut life).await?;
        let again = alive(&mut life, Picture::take(&self.client)).await??;
        self.finds(picture.compare(&again));
        self.check(&mut life).await?;
        match life.stop(STOP_MAX) {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(self.ended(&life, "as it was told to stop").into()),
            None => Err(silent(&life, "it was told to stop").into()),
        }
    }

    fn start(&mut self, kill: Option<&Kill>) -> Result<Life, Stop> {
        self.begin(Does::Runs, kill)
    }

    fn begin(&mut self, does: Does<'_>, kill: Option<&Kill>) -> Result<Life, Stop> {
        self.lives += 1;
        self.played.restarts = self.lives as u64 - 1;
        let heard = Heard::new(kill, self.has_tried);
        let started = Life::start(&self.begun.place, does, self.lives, heard);
        started.map_err(|error| Failure::start(error).into())
    }

    fn upgrades(&mut self, kill: Option<&Kill>) -> Upgrades {
        let random = Random::of(self.begun.random.next());
        let begun = &self.begun;
        let address = begun.place.address();
        Upgrades::start(address, begun.libraries, &begun.known, random, kill)
    }

    /// One life, up to its kill.
    async fn killed(&mut self, kill: &Kill) -> Result<(), Stop> {
        let mut life = self.start(Some(kill))?;
        let upgrades = self.upgrades(Some(kill));
        let killed = self.until_killed(&mut life, kill).await;
        upgrades.abort();
        killed?;
        self.bury(life);
        Ok(())
    }

    async fn until_killed(&mut self, life: &mut Life, kill: &Kill) -> Result<(), Stop> {
        let (mut ready, mut looked) = (None::<Instant>, Instant::now());
        loop {
            if life.killed().is_some() {
                self.note(life, ready.is_some());
                return Ok(());
            }
            self.is_there(life, ready.is_some())?;
            let is_due = match kill {
                Kill::After(after) => life.age() >= *after,
                _ => ready.is_some_and(|ready| ready.elapsed() >= LIFE_MAX),
            };
            if is_due {
                if !matches!(kill, Kill::After(_)) {
                    self.played.missed.push(kill.to_string());
                }
                return match life.kill() {
                    true => {
                        self.note(life, ready.is_some());
                        Ok(())
                    }
                    false => Err(silent(life, "it tries its last block again").into()),
                };
            }
            if ready.is_none() && looked.elapsed() >= STATUS_LOOK {
                looked = Instant::now();
                let is_ready = self.is_ready(life).await;
                // It may have been killed as it was about to answer.
                if life.killed().is_none()
                    && let Some(status) = is_ready?
                {
                    ready = Some(Instant::now());
                    self.note(life, false);
                    self.lives_again(&status);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Notes the steps of a life: all of those of the first one, those until it was ready of a later one.
    fn note(&mut self, life: &Life, is_behind: bool) {
        match (self.lives, is_behind) {
            (1, _) => self.played.seen.first = life.counts(),
            (_, true) => {}
            (_, false) => merge(&mut self.played.seen.again, &life.counts()),
        }
    }

    /// Its status, if the node takes messages.
    async fn is_ready(&self, life: &Life) -> Result<Option<Status>, Stop> {
        let asked = tokio::time::timeout(STATUS_MAX, self.client.get::<Status>("/v1/status"));
        let Ok(Ok(status)) = asked.await else {
            return Ok(None);
        };
        match &status.halted {
            Some(halted) => {
                let detail = format!("{}: {}\n{}", halted.code, halted.detail, life.tail());
                Err(Found::new(Check::NodeHalted, detail).into())
            }
            None => Ok(Some(status).filter(|status| status.starting.is_none())),
        }
    }

    /// Sees that the node has not ended by itself, and is not silent for too long.
    fn is_there(&self, life: &mut Life, is_ready: bool) -> Result<(), Stop> {
        if life.ended().is_some() {
            return Err(self.ended(life, "by itself").into());
        }
        match !is_ready && life.age() > READY_MAX {
            true => Err(silent(life, "it was started").into()),
            false => Ok(()),
        }
    }

    async fn ready(&mut self, life: &mut Life) -> Result<Status, Stop> {
        loop {
            self.is_there(life, false)?;
            if let Some(status) = self.is_ready(life).await? {
                self.note(life, false);
                self.lives_again(&status);
                return Ok(status);
            }
            tokio::time::sleep(STATUS_LOOK).await;
        }
    }

    /// A life takes messages for the first time.
    fn lives_again(&self, status: &Status) {
        let mut ledger = self.begun.known.ledger.borrow_mut();
        ledger.lives_again(status.branch);
    }

    /// Loses the node's folder, once a snapshot was taken of it, and makes another of that.
    async fn restored(&mut self, kill: &Kill) -> Result<(), Stop> {
        let mut life = self.start(None)?;
        self.ready(&mut life).await?;
        let file = self
            .begun
            .place
            .folder
            .join(format!("life-{}.snapshot", self.lives));
        let wanted = WantedSnapshot {
            out: Some(&file),
            with_code: true,
        };
        let taken = alive(&mut life, snapshot_create::take(&self.client, wanted)).await??;
        self.kill(life)?;
        let lost = self.begun.place.folder.join("lost");
        let data = self.begun.place.data();
        remove(&lost)?;
        std::fs::rename(&data, &lost).map_err(Failure::start)?;
        self.restore(&file, Some(kill)).await?;
        self.has_tried = false;
        self.history_from = taken.generation.0;
        self.played.restored += 1;
        let known = &self.begun.known;
        known.ledger.borrow_mut().restored(At {
            branch: taken.branch,
            height: taken.height.0,
            generation: taken.generation.0,
        });
        Ok(())
    }

    /// Restores a snapshot: killed, and once more.
    async fn restore(&mut self, file: &Path, kill: Option<&Kill>) -> Result<(), Stop> {
        for kill in [kill, None] {
            let mut life = self.begin(Does::Restores(file), kill)?;
            let ended = loop {
                if life.killed().is_some() {
                    break None;
                }
                if let Some(status) = life.ended() {
                    break Some(status);
                }
                if life.age() > RESTORE_MAX {
                    return Err(silent(&life, "it was to restore a snapshot").into());
                }
                tokio::time::sleep(LOOK).await;
            };
            merge(&mut self.played.seen.restore, &life.counts());
            let Some(status) = ended else {
                self.bury(life);
                continue;
            };
            // What was killed behind its last step has done all of it.
            let is_there = life.tail().contains(abi_codes::SNAPSHOT_CHAIN_THERE);
            if !status.success() && !is_there {
                let detail = format!("{status}\n{}", life.tail());
                return Err(Found::new(Check::NotRestored, detail).into());
            }
            if let Some(kill) = kill {
                self.played.missed.push(kill.to_string());
            }
            return Ok(());
        }
        Ok(())
    }

    /// Checks a node that is ready against all that was told before.
    async fn check(&mut self, life: &mut Life) -> Result<(), Stop> {
        let known = self.begun.known.clone();
        let floor = known.ledger.borrow().floor(0);
        let status = alive(life, self.client.get::<Status>("/v1/status")).await??;
        let live = known.stands(&status);
        let at = At {
            branch: status.branch,
            height: status.height.0,
            generation: status.generation.0,
        };
        known.ledger.borrow_mut().looks(floor, at);
        self.finds(known.codes.borrow_mut().looks(&live));
        let address = self.begun.place.address();
        let repeated = repeat(&address, &known.ledger, &mut self.begun.random);
        Ok(alive(life, repeated).await?)
    }

    /// Checks a node at rest: its history of upgrades, and what it has mapped.
    async fn check_rest(&mut self, life: &mut Life) -> Result<(), Stop> {
        let status = alive(life, self.client.get::<Status>("/v1/status")).await??;
        let history = self.client.get::<Vec<UpgradeReport>>("/v1/upgrades");
        let history = alive(life, history).await??;
        let committed = history
            .iter()
            .filter(|report| report.state == UpgradeState::Committed);
        let made: Vec<_> = committed.map(|report| report.to.0).collect();
        let generation = status.generation.0;
        self.finds(Codes::history(self.history_from, generation, &made));
        self.finds(history.iter().filter_map(revised).collect());
        let mapped = life.mapped();
        let found = self.begun.known.codes.borrow().maps(generation, &mapped);
        self.finds(found);
        Ok(())
    }

    fn kill(&mut self, mut life: Life) -> Result<(), Stop> {
        match life.kill() {
            true => {
                self.bury(life);
                Ok(())
            }
            false => Err(silent(&life, "it tries its last block again").into()),
        }
    }

    fn bury(&mut self, life: Life) {
        let step = life.killed().unwrap_or_else(|| BY_TIME.to_owned());
        self.played.killed.push(step);
        self.has_tried = life.bury();
    }

    fn finds(&self, found: Vec<Found>) {
        self.begun.known.ledger.borrow_mut().finds(found);
    }

    fn ended(&self, life: &Life, how: &str) -> Found {
        let detail = format!("in life {}, {how}\n{}", self.lives, life.tail());
        Found::new(Check::NodeEnded, detail)
    }
}

/// The code of before says the same to what clients are told here.
fn revised(report: &UpgradeReport) -> Option<Found> {
    let back = report.rolled_back.as_ref();
    let back = back.filter(|back| (back.revised, back.lost) != (0, 0))?;
    let detail = format!("upgrade {}: {back:?}", report.id);
    Some(Found::new(Check::RepliesRevised, detail))
}

fn silent(life: &Life, since: &str) -> Found {
    let age = life.age().as_secs();
    let detail = format!("{since}, {age} s after its start\n{}", life.tail());
    Found::new(Check::NodeSilent, detail)
}

/// Does something with a node that is not to end meanwhile.
async fn alive<T>(life: &mut Life, work: impl Future<Output = T>) -> Result<T, Found> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = tokio::time::sleep(STATUS_LOOK) => {}
        }
        if let Some(status) = life.ended() {
            let detail = format!("{status}\n{}", life.tail());
            return Err(Found::new(Check::NodeEnded, detail));
        }
    }
}
