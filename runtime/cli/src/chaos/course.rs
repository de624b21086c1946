//! [`Course`]: a round on its way.
//!
//! ```text
//! life 1 ── killed ── life 2 ── killed … ── last life: checked, runs on, is at rest, checked
//!                                            └─ killed at rest ── once more: the same again ── told to stop
//! ```
//!
//! The clients write and read over all of it: what they are told is checked as it comes.

use super::clients::{Clients, Shared, repeat};
use super::codes::{Codes, Live};
use super::found::{Check, Found};
use super::heard::Heard;
use super::life::{BY_TIME, Life, Place};
use super::picture::Picture;
use super::random::Random;
use super::round::Played;
use super::upgrades::{Known, Libraries, Upgrades};
use crate::args::{Kill, Kills};
use crate::client::Client;
use crate::failure::Failure;
use refit_admin::api::{Status, UpgradeReport, UpgradeState};
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

/// Longest time from the start of a node until it takes messages.
const READY_MAX: Duration = Duration::from_secs(120);

/// How long a node that is ready may take to come to the step at which it is to be killed.
const LIFE_MAX: Duration = Duration::from_secs(5);

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
    pub(super) ledger: Shared,
    pub(super) known: Known,
    pub(super) random: Random,
}

/// A round on its way.
pub(super) struct Course<'a> {
    begun: Begun<'a>,
    client: Client,
    lives: usize,
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
            has_tried: false,
            played: Played::default(),
        }
    }

    pub(super) fn played(self) -> Played {
        self.played
    }

    /// All of it.
    pub(super) async fn play(
        &mut self,
        kills: &Kills,
        runs_on: Duration,
        clients: Clients,
    ) -> Result<(), Stop> {
        for kill in &kills.0 {
            self.killed(kill).await?;
        }
        let mut life = self.start(None)?;
        self.ready(&mut life).await?;
        self.check(&mut life).await?;
        let upgrades = self.upgrades();
        let goes_on = async {
            tokio::time::sleep(runs_on).await;
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
        self.lives += 1;
        self.played.restarts = self.lives as u64 - 1;
        let heard = Heard::new(kill, self.has_tried);
        let started = Life::start(&self.begun.place, self.lives, heard);
        started.map_err(|error| Failure::start(error).into())
    }

    fn upgrades(&mut self) -> Upgrades {
        let random = Random::of(self.begun.random.next());
        let begun = &self.begun;
        Upgrades::start(begun.place.address(), begun.libraries, &begun.known, random)
    }

    /// One life, up to its kill.
    async fn killed(&mut self, kill: &Kill) -> Result<(), Stop> {
        let mut life = self.start(Some(kill))?;
        let upgrades = self.upgrades();
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
                Kill::At { .. } => ready.is_some_and(|ready| ready.elapsed() >= LIFE_MAX),
            };
            if is_due {
                if matches!(kill, Kill::At { .. }) {
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
                if life.killed().is_none() && is_ready? {
                    ready = Some(Instant::now());
                    self.note(life, false);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Notes the steps of a life: all of those of the first one, those until it was ready of a later one.
    fn note(&mut self, life: &Life, is_behind: bool) {
        match (self.lives, is_behind) {
            (1, _) => self.played.first = life.counts(),
            (_, true) => {}
            (_, false) => self.played.again.push(life.counts()),
        }
    }

    /// Whether the node takes messages.
    async fn is_ready(&self, life: &Life) -> Result<bool, Stop> {
        let asked = tokio::time::timeout(STATUS_MAX, self.client.get::<Status>("/v1/status"));
        let Ok(Ok(status)) = asked.await else {
            return Ok(false);
        };
        match &status.halted {
            Some(halted) => {
                let detail = format!("{}: {}\n{}", halted.code, halted.detail, life.tail());
                Err(Found::new(Check::NodeHalted, detail).into())
            }
            None => Ok(status.starting.is_none()),
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

    async fn ready(&mut self, life: &mut Life) -> Result<(), Stop> {
        loop {
            self.is_there(life, false)?;
            if self.is_ready(life).await? {
                self.note(life, false);
                return Ok(());
            }
            tokio::time::sleep(STATUS_LOOK).await;
        }
    }

    /// Checks a node that is ready against all that was told before.
    async fn check(&mut self, life: &mut Life) -> Result<(), Stop> {
        let floor = self.begun.ledger.borrow().floor(0);
        let status = alive(life, self.client.get::<Status>("/v1/status")).await??;
        {
            let mut ledger = self.begun.ledger.borrow_mut();
            ledger.stands_on(status.branch);
            ledger.looks(floor, status.height.0, status.generation.0);
            ledger.finds(
                self.begun
                    .known
                    .codes
                    .borrow_mut()
                    .looks(&Live::from(&status)),
            );
        }
        let address = self.begun.place.address();
        let repeated = repeat(&address, &self.begun.ledger, &mut self.begun.random);
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
        self.finds(Codes::history(generation, &made));
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
        self.begun.ledger.borrow_mut().finds(found);
    }

    fn ended(&self, life: &Life, how: &str) -> Found {
        let detail = format!("in life {}, {how}\n{}", self.lives, life.tail());
        Found::new(Check::NodeEnded, detail)
    }
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
