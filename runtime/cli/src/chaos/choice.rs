//! The choice of kills: at random, or at each step that was seen.

use super::heard::Counts;
use super::random::Random;
use crate::args::{Kill, Kills};
use std::time::Duration;

/// Longest time until a kill by time, in milliseconds.
const AFTER_MS_MAX: u64 = 2_500;

/// Most kills of recoveries behind the first kill: while the start from a kill replays, and so on.
const DEPTH_MAX: u64 = 3;

/// The steps of a first life that leave a recovery with much to do, if nodes take them, and how often each must come: an
/// upgrade to make again (the first one is of the beginning), one for which the node has stopped, one to take back.
const LEAVE_MUCH: [(&str, u32); 3] = [
    ("checkpoint-synced", 2),
    ("restart-upgrade", 1),
    ("put-rollback-done", 1),
];

/// The steps that nodes take.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// In a first life.
    pub(super) first: Counts,
    /// In a recovery.
    pub(super) again: Counts,
    /// In the restore of a snapshot.
    pub(super) restore: Counts,
}

impl Seen {
    /// Adds what nodes were heard to announce: each step counts as often as it came at most in one life.
    pub(super) fn add(&mut self, other: &Seen) {
        merge(&mut self.first, &other.first);
        merge(&mut self.again, &other.again);
        merge(&mut self.restore, &other.restore);
    }

    /// Kills at random.
    pub(super) fn at_random(&self, random: &mut Random) -> Kills {
        let first = match random.one_in(4) {
            true => by_time(random),
            false => some(&self.first, random),
        };
        let mut kills = vec![first];
        let mut depth = 0;
        while depth < DEPTH_MAX && random.one_in(2) {
            depth += 1;
            kills.push(match random.below(6) {
                0 => by_time(random),
                1 => restoring(&self.restore, random),
                _ => some(&self.again, random),
            });
        }
        Kills(kills)
    }

    /// A kill at each step, in a first life, in a recovery and in a restore, with kills of the recoveries behind it: none with the first
    /// of `seeds`, one with the next, and so on.
    pub(super) fn at_each(&self, seeds: u32, random: &mut Random) -> Vec<Kills> {
        let mut all = Vec::new();
        for (step, count) in &self.first {
            for seed in 0..seeds {
                let mut kills = vec![at(step, *count, random)];
                self.deepen(&mut kills, seed.into(), random);
                all.push(Kills(kills));
            }
        }
        for (step, count) in &self.again {
            for seed in 0..seeds {
                let mut kills = vec![self.leaves_much(random), at(step, *count, random)];
                self.deepen(&mut kills, u64::from(seed) % DEPTH_MAX, random);
                all.push(Kills(kills));
            }
        }
        for (step, count) in &self.restore {
            for seed in 0..seeds {
                let mut kills = vec![self.leaves_much(random), restores(step, *count, random)];
                self.deepen(&mut kills, u64::from(seed) % DEPTH_MAX, random);
                all.push(Kills(kills));
            }
        }
        all
    }

    /// Kills a first life so that the next has much to do.
    fn leaves_much(&self, random: &mut Random) -> Kill {
        let comes = |(step, occurrence): &&(&str, u32)| {
            self.first
                .get(*step)
                .is_some_and(|count| count >= occurrence)
        };
        let come: Vec<_> = LEAVE_MUCH.iter().filter(comes).collect();
        match random.pick(&come) {
            Some((step, occurrence)) => Kill::At {
                step: (*step).to_owned(),
                occurrence: *occurrence,
            },
            None => some(&self.first, random),
        }
    }

    fn deepen(&self, kills: &mut Vec<Kill>, depth: u64, random: &mut Random) {
        for _ in 0..depth % (DEPTH_MAX + 1) {
            kills.push(some(&self.again, random));
        }
    }
}

/// Adds the steps of one life: each counts as often as it came at most in one.
pub(super) fn merge(into: &mut Counts, counts: &Counts) {
    for (step, count) in counts {
        let most = into.entry(step.clone()).or_default();
        *most = (*count).max(*most);
    }
}

fn by_time(random: &mut Random) -> Kill {
    Kill::After(Duration::from_millis(random.below(AFTER_MS_MAX)))
}

/// At one of these steps, each as probable as any; by time if there is none.
fn some(counts: &Counts, random: &mut Random) -> Kill {
    let steps: Vec<_> = counts.iter().collect();
    match random.pick(&steps) {
        Some((step, count)) => at(step, **count, random),
        None => by_time(random),
    }
}

/// At one of these steps of a restore; by time if there is none.
fn restoring(counts: &Counts, random: &mut Random) -> Kill {
    let steps: Vec<_> = counts.iter().collect();
    match random.pick(&steps) {
        Some((step, count)) => restores(step, **count, random),
        None => by_time(random),
    }
}

/// At any of the times that a step of a restore came: each comes again as often.
fn restores(step: &str, count: u32, random: &mut Random) -> Kill {
    let occurrence = u32::try_from(random.below(count.into()) + 1).unwrap_or(1);
    Kill::Restoring {
        step: step.to_owned(),
        occurrence,
    }
}

/// At any of the times that a step came, the last ones left out: another run may not get there.
fn at(step: &str, count: u32, random: &mut Random) -> Kill {
    let most = u64::from(count) * 2 / 3;
    let occurrence = u32::try_from(random.below(most.max(1)) + 1).unwrap_or(1);
    Kill::At {
        step: step.to_owned(),
        occurrence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        let counts = |steps: &[(&str, u32)]| {
            let steps = steps
                .iter()
                .map(|(step, count)| ((*step).to_owned(), *count));
            steps.collect::<Counts>()
        };
        let mut seen = Seen::default();
        for again in [2, 9] {
            seen.add(&Seen {
                first: counts(&[("blocks-done", 90), ("checkpoint-synced", 3)]),
                again: counts(&[("block-read", again)]),
                restore: counts(&[("keep-done", 1)]),
            });
        }
        seen
    }

    #[test]
    fn each_step_is_killed_at_with_each_seed_and_recoveries_too_three_deep_and_restores() {
        let all = seen().at_each(4, &mut Random::of(1));
        assert_eq!(all.len(), 16);
        let depths: Vec<_> = all.iter().map(|kills| kills.0.len()).collect();
        assert_eq!(depths[..4], [1, 2, 3, 4]);
        assert_eq!(depths[8..], [2, 3, 4, 2, 2, 3, 4, 2]);
        for kills in &all[12..] {
            assert_eq!(kills.0[1].to_string(), "restore/keep-done#1");
        }
        for kills in &all[8..12] {
            assert_eq!(kills.0[0].to_string(), "checkpoint-synced#2");
            assert!(kills.0[1].to_string().starts_with("block-read#"), "{kills}");
        }
    }

    #[test]
    fn a_seed_chooses_the_same_kills_each_time_and_only_steps_and_times_that_come() {
        let seen = seen();
        for seed in 0..200 {
            let kills = seen.at_random(&mut Random::of(seed));
            assert_eq!(kills, seen.at_random(&mut Random::of(seed)));
            for kill in &kills.0 {
                match kill {
                    Kill::Restoring { step, occurrence } => {
                        assert!(seen.restore[step] >= *occurrence);
                    }
                    Kill::At { step, occurrence } => {
                        let count = seen.first.get(step).or(seen.again.get(step));
                        assert!(count.is_some_and(|count| occurrence <= count), "{kill}");
                    }
                    Kill::After(after) => assert!(after.as_millis() < AFTER_MS_MAX.into()),
                }
            }
        }
    }
}
