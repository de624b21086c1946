//! Many generations in one process leave nothing behind. One test, alone in its process, so that
//! what it counts is its own.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod common;

use common::{counter, loader};
use refit_abi::raw::Codec;
use refit_loader::{Candidate, LoadedModule, Loader};
use std::fs;
use std::path::Path;

/// More than the thread-local keys of a process, each generation taking one.
const GENERATIONS: usize = 1100;

/// Generations with bytes of their own, each probed.
const DISTINCT: usize = 20;

/// Generations after which everything should have its size.
const WARM: usize = 5;

/// Growth of resident memory that is allowed after the warm-up, in KiB: less than 2 KiB each.
const GROWTH_KIB_MAX: u64 = 2 * GENERATIONS as u64;

/// The counts that must not grow: mappings that name a module, threads, file descriptors.
fn counts() -> [usize; 3] {
    let entries = |path: &str| fs::read_dir(path).unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    [
        maps.matches("refit-").count(),
        entries("/proc/self/task"),
        entries("/proc/self/fd"),
    ]
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn candidate(bytes: Vec<u8>) -> Candidate {
    Candidate::from_bytes(bytes, Path::new("generation").to_owned()).unwrap()
}

fn load(loader: &Loader, candidate: Candidate) -> LoadedModule {
    let staged = loader.stage(candidate.inspect().unwrap()).unwrap();
    loader.load(loader.probe(staged).unwrap()).unwrap()
}

/// Calls into the module so that its standard library takes a key.
fn enter(loaded: &LoadedModule) {
    let module = loaded.module().clone();
    let crew = std::thread::spawn(move || {
        let kind = module.kind("counter").unwrap();
        let instance = kind.decode(&[41]).unwrap();
        let mut answer = Vec::new();
        kind.query(&instance, Codec::Json, b"null", &mut answer)
            .unwrap();
        assert_eq!(answer, b"42");
        kind.discard(instance).unwrap();
    });
    crew.join().unwrap();
}

/// Counts once the joined threads have left the system's list.
fn settled(expected: [usize; 3]) -> [usize; 3] {
    for _ in 0..100 {
        if counts() == expected {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    counts()
}

#[test]
fn a_thousand_generations_leave_maps_threads_descriptors_and_keys_as_they_were() {
    let loader = loader();
    let bytes = fs::read(counter()).unwrap();
    let same = candidate(bytes.clone());
    let before = counts();

    // As a swap does: the next generation is loaded before the one before is retired.
    let mut current = load(&loader, same.clone());
    for serial in 0..DISTINCT {
        // Bytes after the last table change nothing but the hash.
        let next = load(
            &loader,
            candidate([&bytes[..], &serial.to_le_bytes()].concat()),
        );
        assert_ne!(next.artifact(), current.artifact());
        enter(&next);
        assert!(std::mem::replace(&mut current, next).retire().is_unmapped());
    }
    let mut resident = 0;
    for generation in 0..GENERATIONS {
        let next = load(&loader, same.clone());
        enter(&next);
        assert!(std::mem::replace(&mut current, next).retire().is_unmapped());
        if generation == WARM {
            resident = resident_kib();
        }
    }
    let growth = resident_kib().saturating_sub(resident);
    println!("{GENERATIONS} generations: resident memory grew by {growth} KiB from {resident} KiB");
    assert!(current.retire().is_unmapped());
    assert_eq!((loader.mapped(), loader.pinned().len()), (0, 0));
    assert_eq!(settled(before), before);
    assert!(growth < GROWTH_KIB_MAX, "grew by {growth} KiB");
}
