//! [`Report`]: all rounds together, as a table and as one document.

use super::error::ChaosError;
use super::found::Violation;
use super::round::Played;
use super::upgrades::Ended;
use crate::show::table::table;
use serde::Serialize;
use std::collections::BTreeMap;

/// The sums over all rounds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) seed: u64,
    /// Those that were asked for.
    pub(super) rounds: u64,
    /// Those before them, which showed the steps that nodes take. All other sums are over both.
    showing_rounds: u64,
    kills: u64,
    kills_per_step: BTreeMap<String, u64>,
    /// Kills that were to be at a step to which the node did not come in time: it was killed then.
    missed: Vec<String>,
    restarts: u64,
    /// Snapshots that were restored, and the acknowledged messages that came after them.
    restored: u64,
    undone: u64,
    /// Messages that were acknowledged.
    acknowledged: u64,
    /// Reads that were compared with what was known before.
    verified: u64,
    /// Acknowledged requests that were sent again, and answers compared.
    repeated: u64,
    upgrades: Ended,
    pub(super) violations: Vec<Violation>,
}

impl Report {
    pub(super) fn of(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Adds a round, whose violations the caller adds.
    pub(super) fn add(&mut self, played: &Played, shows: bool) {
        match shows {
            true => self.showing_rounds += 1,
            false => self.rounds += 1,
        }
        self.kills += played.killed.len() as u64;
        for step in &played.killed {
            *self.kills_per_step.entry(step.clone()).or_default() += 1;
        }
        self.missed.extend(played.missed.iter().cloned());
        self.restarts += played.restarts;
        self.restored += played.restored;
        self.undone += played.undone;
        self.acknowledged += played.acknowledged;
        self.verified += played.verified;
        self.repeated += played.repeated;
        self.upgrades.committed += played.upgrades.committed;
        self.upgrades.offline += played.upgrades.offline;
        self.upgrades.taken_back += played.upgrades.taken_back;
        for (code, count) in &played.upgrades.refused {
            *self.upgrades.refused.entry(code.clone()).or_default() += count;
        }
    }

    pub(super) fn text(&self) -> String {
        let steps = self.kills_per_step.iter();
        let rows: Vec<_> = steps
            .map(|(step, kills)| [step.clone(), kills.to_string()])
            .collect();
        let Self {
            seed,
            rounds,
            showing_rounds,
            kills,
            restarts,
            restored,
            undone,
            acknowledged,
            verified,
            repeated,
            upgrades,
            violations,
            ..
        } = self;
        let mut text = table(["killed at", "kills"], &rows);
        text.push_str(&format!(
            "\nseed {seed}: {rounds} rounds, and {showing_rounds} before them to see the steps; {kills} kills, {restarts} restarts\n\
             {} upgrades, for {} of which the node stopped; {} were taken back\n\
             {restored} snapshots restored, which did not have {undone} acknowledged messages\n\
             {acknowledged} messages acknowledged, {repeated} of them sent again, {verified} reads compared\n",
            upgrades.committed, upgrades.offline, upgrades.taken_back
        ));
        for (code, count) in &upgrades.refused {
            text.push_str(&format!("{count} upgrades did not happen: {code}\n"));
        }
        if !self.missed.is_empty() {
            let missed = self.missed.join(", ");
            text.push_str(&format!("not come to, and killed later: {missed}\n"));
        }
        text.push_str(&format!("{} violations\n", violations.len()));
        for violation in violations {
            text.push_str(&format!("{violation}\n"));
        }
        text
    }

    pub(super) fn check(&self) -> Result<(), ChaosError> {
        match self.violations.len() {
            0 => Ok(()),
            violations => Err(ChaosError::Violated { violations }),
        }
    }
}
