//! `refit chaos`: kills nodes under load, again and again, and checks that each comes back entirely old or entirely new.
//!
//! A node is a child process, `refit run --store redb --announce-steps FD`: it says each step that it takes on the way of
//! something to the disk, and waits, and is killed there ([`life`], [`heard`]). In a [`round`] one node has several lives
//! on one data folder; clients keep a [`ledger`] over all of them, upgrades run meanwhile ([`upgrades`]), and
//! what the next life says is compared ([`course`]). First a round or two without such kills show which steps there are;
//! then each round is played with kills that its seed chooses ([`choice`]).
//!
//! A pause writes nothing and nothing may wait in it, so no step is inside of one: kills by time fall there too.

mod branches;
mod choice;
mod clients;
mod codes;
mod course;
mod error;
mod found;
mod heard;
mod ledger;
mod life;
mod picture;
mod random;
mod report;
mod round;
mod upgrades;

use crate::args::{ChaosArgs, Kills};
use crate::commands::upgrade_plan::library;
use crate::demo::sources;
use crate::failure::Failure;
use crate::show;
use choice::Seen;
use found::Violation;
use random::Random;
use report::Report;
use round::{Played, Round, Setup};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use upgrades::Libraries;

/// How long the last life of a node goes on.
const RUNS_ON: Duration = Duration::from_millis(400);

/// How long a node goes on at least that shows which steps it takes.
const SHOWS: Duration = Duration::from_secs(2);

/// Rounds, if nobody says how many.
const ROUNDS: u32 = 20;

/// A round takes about so long, in seconds, with a program that was built for release.
const ROUND_S: u64 = 3;

/// The kills that leave recoveries with much to do, and that of a restore, before it is known which steps there are.
const SHOWING_KILLS: &str =
    "checkpoint-synced#2,put-rollback-done,restart-upgrade,restore/keep-done";

/// Plays all rounds.
pub(crate) fn run(args: &ChaosArgs) -> Result<(), Failure> {
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    show::talk(format_args!(
        "chaos: nodes with a store, {} clients and upgrades; each is killed, also as it recovers,\n\
         and must come back with all that was acknowledged. Seed {seed}.\n\
         First three engine libraries are built from source: one to three minutes the first time.",
        args.clients
    ));
    let chaos = Chaos {
        setup: setup(args)?,
        folder: Folder::of(args)?,
        clients: args.clients,
    };
    let mut report = Report::of(seed);
    let rounds = chaos.rounds(args, seed, &mut report)?;
    show::talk(format_args!(
        "{} rounds, about {} s",
        rounds.len(),
        rounds.len() as u64 * ROUND_S
    ));
    let began = Instant::now();
    for (number, planned) in (1..).zip(&rounds) {
        let played = chaos.play(planned, number, &mut report)?;
        show::talk(format_args!(
            "round {number}/{} at {} s: killed at {}; {} acknowledged, {} violations",
            rounds.len(),
            began.elapsed().as_secs(),
            planned.kills,
            played.acknowledged,
            report.violations.len()
        ));
    }
    match args.output.json {
        true => show::json(&report)?,
        false => show::data(&report.text())?,
    }
    Ok(report.check().map_err(Box::new)?)
}

fn setup(args: &ChaosArgs) -> Result<Setup, Failure> {
    let [first, one, other] = sources::successive()?;
    let offered = |path: &Path| library("kv", path);
    Ok(Setup {
        libraries: Libraries {
            first: offered(&first)?,
            later: [offered(&one)?, offered(&other)?],
        },
        clients: args.clients.into(),
    })
}

/// Where the folders of rounds are.
enum Folder {
    Temporary(PathBuf),
    Named(PathBuf),
}

impl Folder {
    fn of(args: &ChaosArgs) -> Result<Self, Failure> {
        if let Some(folder) = &args.dir {
            std::fs::create_dir_all(folder).map_err(Failure::start)?;
            return Ok(Self::Named(folder.clone()));
        }
        let made = tempfile::Builder::new().prefix("refit-chaos-").tempdir();
        // Removed at the end, unless it has the folder of a round with a violation.
        Ok(Self::Temporary(made.map_err(Failure::start)?.keep()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(path) | Self::Named(path) => path,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            // It stays if there is something in it.
            let _ = std::fs::remove_dir(path);
        }
    }
}

/// A round that will be played.
#[derive(Debug)]
struct Planned {
    seed: u64,
    kills: Kills,
    /// Its last life goes on until each kind of upgrade has come.
    shows: bool,
}

struct Chaos {
    setup: Setup,
    folder: Folder,
    clients: u16,
}

impl Chaos {
    /// The rounds that the arguments ask for. Plays some before, to see which steps there are.
    fn rounds(
        &self,
        args: &ChaosArgs,
        seed: u64,
        report: &mut Report,
    ) -> Result<Vec<Planned>, Failure> {
        let mut random = Random::of(seed);
        if let Some(kills) = &args.kill {
            let planned = |number| Planned {
                // The first one is that of the command which a violation names.
                seed: match number {
                    0 => seed,
                    _ => random.next(),
                },
                kills: kills.clone(),
                shows: false,
            };
            // One, unless more are asked for.
            return Ok((0..args.rounds.unwrap_or(1)).map(planned).collect());
        }
        let seen = self.steps(seed, report)?;
        let kills: Vec<_> = match args.all_steps {
            true => seen.at_each(args.seeds, &mut random),
            false => {
                let choose = |_| seen.at_random(&mut random);
                (0..args.rounds.unwrap_or(ROUNDS)).map(choose).collect()
            }
        };
        let planned = |kills| Planned {
            seed: random.next(),
            kills,
            shows: false,
        };
        Ok(kills.into_iter().map(planned).collect())
    }

    /// The steps that nodes take: of one that is not killed under load, and of one that recovers with an upgrade to make
    /// again.
    fn steps(&self, seed: u64, report: &mut Report) -> Result<Seen, Failure> {
        let mut seen = Seen::default();
        let showing = SHOWING_KILLS.parse().unwrap_or_default();
        for kills in [Kills::default(), showing] {
            let planned = Planned {
                seed,
                kills,
                shows: true,
            };
            let played = self.play(&planned, 0, report)?;
            seen.add(&played.seen);
        }
        show::talk(format_args!(
            "a node takes {} different steps, as it recovers {}, and the restore of a snapshot {}",
            seen.first.len(),
            seen.again.len(),
            seen.restore.len()
        ));
        Ok(seen)
    }

    /// Plays a round, and adds it to the report; its folder goes if nothing was found.
    fn play(&self, planned: &Planned, number: u32, report: &mut Report) -> Result<Played, Failure> {
        let folder = self.folder.path().join(format!("round-{number}"));
        // What an earlier one with the same name has left is another node's.
        remove(&folder)?;
        let round = Round {
            setup: &self.setup,
            folder: folder.clone(),
            seed: planned.seed,
            kills: &planned.kills,
            runs_on: match planned.shows {
                true => SHOWS,
                false => RUNS_ON,
            },
            shows: planned.shows,
        };
        let mut played = round.play()?;
        report.add(&played, planned.shows);
        let found = std::mem::take(&mut played.found);
        if found.is_empty() {
            remove(&folder)?;
            return Ok(played);
        }
        let kept = self
            .folder
            .path()
            .join(format!("violated-{number}-{}", planned.seed));
        let kept = match std::fs::rename(&folder, &kept) {
            Ok(()) => kept,
            Err(_) => folder,
        };
        let (seed, clients, kills) = (planned.seed, self.clients, &planned.kills);
        let again = match kills.0.is_empty() {
            true => format!("refit chaos --seed {seed} --clients {clients} --rounds 1"),
            false => format!("refit chaos --seed {seed} --clients {clients} --kill {kills}"),
        };
        for found in found {
            let violation = Violation {
                round: number,
                seed,
                step: played.killed.last().cloned(),
                found,
                again: again.clone(),
                folder: kept.display().to_string(),
            };
            show::talk(&violation);
            report.violations.push(violation);
        }
        Ok(played)
    }
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::start(error)),
        _ => Ok(()),
    }
}
