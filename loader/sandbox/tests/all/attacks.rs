//! A build script attacks: whatever it tries is refused or ended, at L3 and at L2, and nothing of it is left.

use crate::room::{By, Place, Told};
use refit_sandbox::{How, Level, Limits, Over, Policy, SandboxError, User};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The levels at which all is tried.
const LEVELS: [Level; 2] = [Level::L3, Level::L2];

/// A place in which the attacker is compiled already.
fn place(level: Level, by: By) -> Place {
    let place = Place::new(level, by);
    let found = place.launcher().find(User::default()).unwrap();
    assert!(
        found.supports(level),
        "this kernel lacks what the attacks are held by: {found}"
    );
    let mut first = place.order("cargo", &["build", "--offline"]);
    first.limits = Limits::default();
    first.outputs = vec!["debug".into()];
    let told = place.run(first);
    assert!(
        told.ended.as_ref().is_ok_and(|ended| ended.succeeded()),
        "{}\n{:?}",
        told.text,
        told.ended
    );
    place
}

/// Has the attacker attack.
fn attack(place: &mut Place, attack: &str, limits: impl FnOnce(&mut Limits)) -> Told {
    let before = place.limits;
    limits(&mut place.limits);
    place
        .variables
        .insert("ATTACK".to_owned(), attack.to_owned());
    let mut order = place.order("cargo", &["build", "--offline"]);
    order.seed = Some(place.path("given"));
    let told = place.run(order);
    place.limits = before;
    assert_eq!(place.left(), [""; 0], "processes after {attack}");
    if place.level == Level::L3 {
        let files = fs::read_dir(place.path("target")).unwrap();
        assert_eq!(files.count(), 0, "files after {attack}");
    }
    told
}

/// What the attacker was told, by the name of what it tried.
fn answers(told: &Told) -> BTreeMap<String, i64> {
    let lines = told
        .text
        .lines()
        .filter_map(|line| line.split_once(": told "));
    let answers = lines.filter_map(|(_, answer)| answer.split_once('='));
    answers
        .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
        .collect()
}

#[test]
fn what_leads_out_of_the_room_is_refused() {
    for level in LEVELS {
        let mut place = place(level, By::Ordinary);
        let told = attack(&mut place, "look", |_| ());
        let mut answers = answers(&told);
        let processes = answers.remove("processes").unwrap();
        match level {
            // cargo, the script, and the room's first process.
            Level::L3 => assert!(
                (1..=4).contains(&processes),
                "{processes} processes are seen"
            ),
            _ => assert_eq!(processes, -13, "no list of processes"),
        }
        assert_eq!(answers.len(), 31, "{level}: {answers:?}\n{}", told.text);
        let allowed: Vec<_> = answers.iter().filter(|(_, errno)| **errno == 0).collect();
        assert!(allowed.is_empty(), "{level}: {allowed:?}");
        assert_eq!(
            fs::read_to_string(place.path("home/key")).unwrap(),
            "secret"
        );
        for folder in ["/tmp", "/dev/shm", "/usr/bin", "/", "/dev"] {
            assert!(!Path::new(folder).join("refit-evil").exists(), "{folder}");
        }
        for folder in ["home", "source", "", "toolchain"] {
            assert!(!place.path(folder).join("refit-evil").exists(), "{folder}");
        }
        assert!(told.ended.unwrap().succeeded(), "{level}");
    }
}

#[test]
fn a_build_that_does_not_attack_is_built_at_each_level() {
    for (level, by) in [
        (Level::L3, By::Ordinary),
        (Level::L2, By::Ordinary),
        (Level::L3, By::Tester),
        (Level::L2, By::Tester),
    ] {
        let mut place = place(level, by);
        let told = attack(&mut place, "none", |_| ());
        assert!(
            told.ended.unwrap().succeeded(),
            "{level} {by:?}: {}",
            told.text
        );
    }
}

#[test]
fn a_fork_bomb_is_kept_small_and_ends_with_its_time() {
    for level in LEVELS {
        let mut place = place(level, By::Ordinary);
        let told = attack(&mut place, "fork-bomb", |limits| limits.wall_ms = 2_000);
        assert!(is_over(&told, Over::Time), "{level}: {:?}", told.ended);
    }
}

#[test]
fn root_is_held_to_the_number_of_processes_too() {
    let mut place = place(Level::L3, By::Tester);
    let told = attack(&mut place, "fork-bomb", |limits| limits.wall_ms = 2_000);
    assert!(is_over(&told, Over::Time), "{:?}", told.ended);
}

#[test]
fn memory_has_an_end_for_one_process_and_for_all_together() {
    for level in LEVELS {
        let mut place = place(level, By::Ordinary);
        let told = attack(&mut place, "memory", |limits| limits.memory_bytes = 8 << 30);
        let taken = answers(&told)["memory"];
        assert!(
            (256..1_024).contains(&taken),
            "{level}: {taken} MiB of 1 GiB"
        );
        let told = attack(&mut place, "children", |_| ());
        assert!(is_over(&told, Over::Memory), "{level}: {:?}", told.ended);
    }
}

#[test]
fn endless_output_ends() {
    for level in LEVELS {
        let mut place = place(level, By::Ordinary);
        for noise in ["stderr", "warnings"] {
            // cargo keeps what a script says in its memory: that is what ends.
            let told = attack(&mut place, noise, |limits| limits.wall_ms = 120_000);
            let is_ended = match &told.ended {
                Err(SandboxError::Over { over, .. }) => matches!(over, Over::Memory | Over::Said),
                Ok(ended) => !ended.succeeded(),
                Err(_) => false,
            };
            assert!(is_ended, "{level} {noise}: {:?}", told.ended);
        }
        let mut order = place.order("/usr/bin/yes", &["noise"]);
        order.limits.wall_ms = 60_000;
        let told = place.run(order);
        assert!(is_over(&told, Over::Said), "{level}: {:?}", told.ended);
        assert!(told.text.len() as u64 <= place.limits.said_bytes);
    }
}

#[test]
fn a_disk_cannot_be_filled_with_bytes_nor_with_files() {
    for level in LEVELS {
        let mut place = place(level, By::Ordinary);
        for (attacked, over) in [
            ("fill-bytes", Over::TargetBytes),
            ("fill-files", Over::TargetFiles),
        ] {
            let told = attack(&mut place, attacked, |_| ());
            match level {
                // The file system has a size: ENOSPC.
                Level::L3 => assert_eq!(
                    answers(&told).get("filled"),
                    Some(&28),
                    "{attacked}: {}",
                    told.text
                ),
                _ => assert!(is_over(&told, over), "{attacked}: {:?}", told.ended),
            }
        }
        let told = attack(&mut place, "fill-one", |_| ());
        assert!(told.text.contains("signal: 25"), "{level}: {}", told.text);
    }
}

#[test]
fn a_script_that_spins_is_ended_by_its_processor_time() {
    for level in LEVELS {
        let mut place = place(level, By::Ordinary);
        let told = attack(&mut place, "spin", |limits| limits.cpu_s = 1);
        assert!(told.text.contains("SIGKILL"), "{level}: {}", told.text);
        assert_eq!(told.ended.unwrap().how, How::Exited { code: 101 });
    }
}

#[test]
fn below_the_least_level_nothing_is_run() {
    let place = Place::new(Level::L2, By::Ordinary);
    let found = place.launcher().find(User::default()).unwrap();
    let policy = Policy {
        at_least: Level::L3,
        at_most: Level::L2,
    };
    let refused = policy.choose(&found).unwrap_err();
    assert!(matches!(refused, SandboxError::TooWeak { .. }), "{refused}");
}

fn is_over(told: &Told, wanted: Over) -> bool {
    matches!(&told.ended, Err(SandboxError::Over { over, .. }) if *over == wanted)
}
