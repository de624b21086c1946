//! The same script, again and on more workers: everything that can be seen must be the same.

use crate::testkit::Testkit;

/// Workers of each run. The first two find what differs from run to run, the last what depends on the
/// number of workers.
const WORKERS: [usize; 3] = [1, 1, 2];

/// Runs a script three times, on one, one and two workers, and asserts that states, replies, events, log
/// lines and dead letters are the same, byte for byte. Threads share a round from 512 messages on: a
/// script that is to show something about them sends that many. The script starts the engines.
///
/// # Panics
/// If something differs, or as the script does.
#[track_caller]
pub fn assert_deterministic(setup: impl Fn() -> Testkit, script: impl Fn(&mut Testkit)) {
    let mut first: Option<Vec<(&str, String)>> = None;
    for (run, workers) in WORKERS.into_iter().enumerate() {
        let mut kit = setup().workers(workers);
        script(&mut kit);
        let seen = seen(&kit);
        let Some(first) = &first else {
            first = Some(seen);
            continue;
        };
        for ((what, before), (_, now)) in first.iter().zip(&seen) {
            assert!(
                before == now,
                "the {what} differ in run {} ({workers} workers): is there a clock, a hash map's order or a static?",
                run + 1
            );
        }
    }
}

/// All that can be seen of a testkit.
#[track_caller]
fn seen(kit: &Testkit) -> Vec<(&'static str, String)> {
    vec![
        ("states", format!("{:?}", kit.states())),
        ("replies", format!("{:?}", kit.effects.replies)),
        ("events", format!("{:?}", kit.effects.events)),
        ("log lines", format!("{:?}", kit.effects.logs)),
        ("dead letters", format!("{:?}", kit.dead_letters())),
        ("heights", format!("{:?}", kit.frame)),
    ]
}
