//! Tests what a module may leave behind in the process, and what the loader does with it: no thread, thread-local
//! key, signal handler or backtrace of a module that was retired crashes the process, at once or later.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]
#![expect(unsafe_code, reason = "signals are sent to this process")]

mod common;

use common::{hostile, loader, tell, tell_here};
use refit_abi::host::Explain;
use refit_loader::sys::signals::Signal;
use refit_loader::sys::threads::THREADS_MAX;
use refit_loader::sys::{address, keys, maps, threads};
use refit_loader::{KEYS_RESERVED, LoadedModule, Loader, PinReason, Retired};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for threads to end, on a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// These tests share the process: they run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load(loader: &Loader) -> LoadedModule {
    loader.load_file(&hostile()).unwrap()
}

fn base(loaded: &LoadedModule) -> usize {
    address::base_of(loaded.module().code_address()).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < WAIT_MAX, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pinned(retired: Retired) -> PinReason {
    match retired {
        Retired::Pinned { reason } => reason,
        Retired::Unmapped { .. } => panic!("it was unmapped"),
    }
}

/// Sends a signal to this process.
fn raise(signal: Signal) {
    // SAFETY: the tests that send it have a handler for it.
    assert_eq!(unsafe { libc::raise(signal.0) }, 0);
}

#[test]
fn every_one_of_many_short_threads_runs_once() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    // Twice as many as are remembered at once.
    let each = 2 * THREADS_MAX / 6;
    let made = tell(loaded.module(), "storm", &each.to_string());
    assert!(made as usize > THREADS_MAX, "{made} threads were made");
    until("all ran", || tell(loaded.module(), "storm-ran", "") == made);
    assert_eq!(tell(loaded.module(), "storm-threads", ""), made);
    assert_eq!(tell(loaded.module(), "storm-twice", ""), 0);
    assert!(loaded.retire().is_unmapped());
}

#[test]
fn a_chain_of_threads_each_of_which_starts_the_next_is_seen_at_every_look() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    let own = base(&loaded);
    tell(loaded.module(), "chain", "1");
    for look in 0..300 {
        assert!(!threads::living(own).is_empty(), "look {look}");
    }
    tell(loaded.module(), "chain", "0");
    until("the chain ends", || threads::living(own).is_empty());
    assert!(loaded.retire().is_unmapped());
}

#[test]
fn a_thread_made_by_c11_pins_its_library_until_it_ends() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    let module = loaded.module().clone();
    assert_eq!(tell(&module, "worker", "1"), 0);
    let own = base(&loaded);
    // At one look: between two of them it may have begun.
    let living = threads::living(own);
    assert_eq!(living.tids.len() + living.starting, 1);
    assert_eq!(tell(&module, "worker", "0"), 0);
    until("the worker ends", || threads::living(own).is_empty());
    assert_eq!(tell(&module, "worker", "1"), 0);
    drop(module);
    let PinReason::Threads(living) = pinned(loaded.retire()) else {
        panic!("a thread of it lives");
    };
    assert_eq!(living.tids.len(), 1);
    // Nobody can tell it to end any more: it lives as long as this process, and so does its code.
    assert_eq!((loader.sweep(), loader.pinned().len()), (0, 1));
}

#[test]
fn threads_that_leave_by_pthread_exit_or_are_cancelled_are_gone() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    assert_eq!(tell(loaded.module(), "leave", ""), 6);
    assert!(loaded.retire().is_unmapped());
}

#[test]
fn keys_are_taken_back_whoever_destroys_their_values() {
    let _alone = alone();
    let loader = loader();
    for word in [
        "current",
        "key-of-free",
        "key-without-destructor",
        "key-of-c11",
    ] {
        let loaded = load(&loader);
        let own = base(&loaded);
        tell(loaded.module(), word, "");
        let made = keys::of(own).len();
        assert!(made > 0, "{word}");
        assert_eq!(loaded.retire(), Retired::Unmapped { keys: made }, "{word}");
        assert!(keys::of(own).is_empty(), "{word}");
    }
}

#[test]
fn nothing_is_loaded_when_an_engine_might_find_no_key() {
    let _alone = alone();
    let loader = loader();
    let mut made: Vec<u32> = Vec::new();
    let error = loop {
        match loader.load_file(&hostile()) {
            Ok(loaded) => assert!(loaded.retire().is_unmapped()),
            Err(error) => break error,
        }
        for _ in 0..16 {
            let mut key = 0;
            // SAFETY: a place for a key; it is deleted below.
            let status = unsafe { libc::pthread_key_create(&raw mut key, None) };
            assert_eq!(status, 0, "it was refused too late");
            made.push(key);
        }
    };
    assert_eq!(error.code(), "too-few-keys");
    assert!(made.len() <= keys::KEYS_MAX - KEYS_RESERVED + 16);
    for key in made {
        // SAFETY: made above.
        assert_eq!(unsafe { libc::pthread_key_delete(key) }, 0);
    }
    assert!(load(&loader).retire().is_unmapped());
}

#[test]
fn a_handler_that_a_module_left_pins_it_until_it_is_gone() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    let number = libc::SIGUSR1.to_string();
    tell(loaded.module(), "handler", &number);
    let module = loaded.module().clone();
    raise(Signal(libc::SIGUSR1));
    assert_eq!(tell(&module, "handler", &number), 1);
    drop(module);
    let reason = pinned(loaded.retire());
    assert_eq!(reason.code(), "pinned-signal-handlers");
    assert!(reason.to_string().contains("SIGUSR1"), "{reason}");
    raise(Signal(libc::SIGUSR1));
    assert_eq!(loader.sweep(), 0);
    take_away(Signal(libc::SIGUSR1));
    assert_eq!((loader.sweep(), loader.pinned().len()), (1, 0));
}

/// Has a signal do what it does by default, and asks for nothing.
fn take_away(signal: Signal) {
    // SAFETY: all zero is the default.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the default is always there, and nobody gets the handler that was set.
    let set = unsafe { libc::sigaction(signal.0, &raw const default, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

/// The way in which the program gets the handler that a module has installed.
#[derive(Clone, Copy, Debug)]
enum Learn {
    /// It installs its own, as a crate for signals does, and gets the handler that was set.
    Instead,
    /// It asks.
    Ask,
    /// It has the signal ignored, and puts back later what was there.
    Ignore,
}

fn learn(how: Learn, signal: Signal) {
    extern "C" fn own(_: libc::c_int) {}
    // SAFETY: all zero is a valid action.
    let mut found: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a handler of this program, which does nothing, and places for what is asked.
    let done = unsafe {
        match how {
            Learn::Instead => libc::signal(signal.0, own as *const () as usize) != libc::SIG_ERR,
            Learn::Ignore => libc::signal(signal.0, libc::SIG_IGN) != libc::SIG_ERR,
            Learn::Ask => libc::sigaction(signal.0, std::ptr::null(), &raw mut found) == 0,
        }
    };
    assert!(done);
}

#[test]
fn a_handler_that_the_program_was_given_keeps_its_library() {
    let _alone = alone();
    let loader = loader();
    for (place, how) in [Learn::Instead, Learn::Ask, Learn::Ignore]
        .into_iter()
        .enumerate()
    {
        let loaded = load(&loader);
        let signal = Signal(libc::SIGRTMIN() + 1 + place as i32);
        tell(loaded.module(), "handler", &signal.0.to_string());
        learn(how, signal);
        take_away(signal);
        let reason = pinned(loaded.retire());
        assert_eq!(reason, PinReason::HandlerKnown { signal }, "{how:?}");
    }
}

#[test]
fn a_handler_that_a_module_took_away_itself_does_not_keep_it() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    let number = (libc::SIGRTMIN() + 4).to_string();
    tell(loaded.module(), "handler", &number);
    tell(loaded.module(), "handler-over-another", &number);
    tell(loaded.module(), "handler-off", &number);
    assert!(loaded.retire().is_unmapped());
}

#[test]
fn a_handler_that_another_module_may_call_keeps_its_library() {
    let _alone = alone();
    let loader = loader();
    let (first, second) = (load(&loader), load(&loader));
    let number = libc::SIGUSR2.to_string();
    tell(first.module(), "handler", &number);
    tell(second.module(), "handler-over-another", &number);
    let reason = pinned(first.retire());
    let signal = Signal(libc::SIGUSR2);
    assert_eq!(reason, PinReason::HandlerKnown { signal });
    // The second one's handler calls the first one's.
    raise(signal);
    assert_eq!(tell(second.module(), "handler-off", &number), 1);
    assert!(second.retire().is_unmapped());
    assert_eq!(
        loader.pinned().len(),
        1,
        "who knows it is not known any more"
    );
}

#[test]
fn a_handler_that_another_module_took_away_keeps_its_library() {
    let _alone = alone();
    let loader = loader();
    let (first, second) = (load(&loader), load(&loader));
    let signal = Signal(libc::SIGRTMIN() + 5);
    tell(first.module(), "handler", &signal.0.to_string());
    tell(second.module(), "handler-off", &signal.0.to_string());
    assert_eq!(pinned(first.retire()), PinReason::HandlerKnown { signal });
    assert!(second.retire().is_unmapped());
}

#[test]
fn what_a_module_gave_to_atexit_runs_when_it_is_closed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("note");
    let loader = loader();
    let loaded = load(&loader);
    tell(loaded.module(), "current", "");
    assert_eq!(tell(loaded.module(), "at-exit", path.to_str().unwrap()), 0);
    assert!(loaded.retire().is_unmapped());
    let note = std::fs::read_to_string(path).unwrap();
    assert!(note.starts_with("ThreadId"), "{note}");
}

#[test]
fn a_backtrace_leaves_no_code_and_its_view_of_the_file_is_counted() {
    let _alone = alone();
    let loader = loader();
    let loaded = load(&loader);
    let name = loaded.name().to_owned();
    assert!(tell(loaded.module(), "backtrace", "") > 0);
    assert!(loaded.retire().is_unmapped());
    let views = maps::read().unwrap();
    let views: Vec<_> = views
        .iter()
        .filter(|view| view.path.contains(&name))
        .collect();
    assert!(views.iter().all(|view| !view.executable));
    let bytes: usize = views.iter().map(|view| view.end - view.start).sum();
    assert_eq!(loader.viewed_bytes(), bytes);
    assert_eq!((loader.mapped(), loader.pinned().len()), (0, 0));
}

#[test]
fn a_thread_that_lives_on_after_it_called_in_crashes_nothing_when_it_ends() {
    let _alone = alone();
    let loader = loader();
    for (word, is_unmapped) in [("current", true), ("key-of-free", true), ("local", false)] {
        let loaded = load(&loader);
        let module = loaded.module().clone();
        let (end, ended) = channel::<()>();
        let (entered, has_entered) = channel();
        let careless = std::thread::spawn(move || {
            tell_here(&module, word, "");
            drop(module);
            entered.send(()).unwrap();
            let _ = ended.recv();
        });
        has_entered.recv().unwrap();
        let retired = loaded.retire();
        assert_eq!(retired.is_unmapped(), is_unmapped, "{word}: {retired:?}");
        drop(end);
        careless.join().unwrap();
        // The library that it held goes with the next close.
        assert!(load(&loader).retire().is_unmapped());
        assert_eq!((loader.mapped(), loader.pinned().len()), (0, 0), "{word}");
    }
}
