//! A confined node whose helper has ended: it serves on, says what it refuses and why, and leaves no dead process behind.

use crate::node::{Running, build};
use crate::rehearsal::{loops, put, repository, version_2};
use crate::sandbox::{helper_of, is_zombie};
use crate::served::Folder;
use crate::taken_back::{status, upgraded};
use refit_abi::Generation;
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(60);

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ends the helper of a node; gives the number that it had.
fn end_helper(node: &Running) -> u32 {
    let helper = helper_of(node.pid()).expect("it has a helper");
    let pid = Pid::from_raw(i32::try_from(helper).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    helper
}

#[test]
fn an_upgrade_and_a_roll_back_are_refused_status_says_why_and_the_next_start_is_as_any_other() {
    let folder = Folder::new();
    let node = upgraded(&folder);
    assert_eq!(status(&folder).upgrades_refused, None);
    end_helper(&node);
    until("the status does not say it", || {
        status(&folder).upgrades_refused.is_some()
    });
    let why = status(&folder).upgrades_refused.unwrap();
    assert_eq!(why.code, "no-helper");
    let shown = folder.run(&["status"]).stdout;
    let is_told = shown.contains("(no-helper)") && shown.contains(&why.next);
    assert!(is_told, "{shown}");

    let v1 = repository().join("engines/kv/history/v1");
    let v1 = build(&folder, v1.to_str().unwrap());
    let another = format!("plan kv={v1} --out another.json");
    for order in ["rollback", "rollback --check", "apply plan.json", &another] {
        let line = format!("upgrade {order}");
        let ran = folder.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.exit, 40, "{order}: {ran:?}");
        assert!(ran.stderr.contains("no-helper"), "{order}: {ran:?}");
    }
    put(&folder);
    let after = status(&folder);
    assert_eq!((after.generation, after.branch), (Generation(2), 0));
    assert_eq!(node.stop(), Some(0));

    let node = Running::start_with(&folder, &v1, &["--code=live"]);
    assert_eq!(status(&folder).upgrades_refused, None);
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_helper_that_ends_after_its_node_started_again_in_its_place_is_no_zombie() {
    let folder = Folder::new();
    let node = upgraded(&folder);
    let before = helper_of(node.pid());
    assert_eq!(folder.run(&["upgrade", "rollback"]).exit, 0);
    assert_eq!(helper_of(node.pid()), before, "it goes along");
    let helper = end_helper(&node);
    until("it stays", || {
        !std::path::Path::new(&format!("/proc/{helper}")).exists()
    });
    assert!(!is_zombie(helper));
    until("the status does not say it", || {
        status(&folder).upgrades_refused.is_some()
    });
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_rehearsal_whose_helper_ends_is_over_at_once_and_is_not_the_migrations_fault() {
    // It is at the transition, which does not end: it goes with the helper.
    let is_at_it = |child| {
        let threads = std::fs::read_dir(format!("/proc/{child}/task")).into_iter();
        let mut names = threads.flatten().flatten().map(|thread| {
            let name = thread.path().join("comm");
            std::fs::read_to_string(name).unwrap_or_default()
        });
        names.any(|name| name.trim_end() == "refit-rehearsal")
    };
    helper_ends_when(is_at_it);
}

#[test]
fn a_rehearsal_that_outlives_its_helper_is_over_at_once_too() {
    // It has not asked to go with the helper yet.
    helper_ends_when(|child| is_called(child, "rehearsal"));
}

fn helper_ends_when(is_due: impl Fn(u32) -> bool) {
    let folder = Folder::new();
    let v1 = repository().join("engines/kv/history/v1");
    let v1 = build(&folder, v1.to_str().unwrap());
    let endless = build(&folder, &version_2("kv-loops", loops));
    let node = Running::start_with(&folder, &v1, &["--rehearsal-wait", "60s"]);
    put(&folder);
    let helper = helper_of(node.pid()).expect("it has a helper");
    let rehearses = || helper_of(helper).is_some_and(&is_due);
    let endless = format!("kv={endless}");
    let plan = ["upgrade", "plan", &endless];
    let ran = std::thread::scope(|scope| {
        let planned = scope.spawn(|| folder.run(&plan));
        until("it does not rehearse", rehearses);
        let since = Instant::now();
        end_helper(&node);
        let ran = planned.join().unwrap();
        assert!(since.elapsed() < Duration::from_secs(30), "{ran:?}");
        ran
    });
    assert_eq!(ran.exit, 40, "{ran:?}");
    assert!(ran.stderr.contains("no-helper"), "{ran:?}");
    assert!(!ran.stderr.contains("migration"), "{ran:?}");
    assert_eq!(node.stop(), Some(0));
}

/// Whether a process was started under this command.
fn is_called(process: u32, command: &str) -> bool {
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .any(|word| word == command.as_bytes())
}
