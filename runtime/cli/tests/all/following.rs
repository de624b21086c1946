//! Looking on: an upgrade that is followed, one that is waited for, a status that is shown again and again.

use crate::served::{Folder, Ran};
use refit_test_support::Double;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;

/// Starts a command whose stderr and stdout are read while it runs.
fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let mut command = folder.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Reads the command's stderr up to a line that contains `text`, interrupts it, and gives what it left.
fn interrupted_at(child: Child, text: &str) -> Ran {
    at(child, text, |pid| kill_process(pid, Signal::INT).unwrap())
}

/// Reads the command's stderr up to a line that contains `text`, does something, and gives what it left.
fn at(mut child: Child, text: &str, deed: impl FnOnce(Pid)) -> Ran {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(text) {
        let mut line = String::new();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended: {said}");
        said.push_str(&line);
    }
    deed(Pid::from_child(&child));
    stderr.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    let ran = Ran::of(output);
    Ran {
        stderr: said,
        ..ran
    }
}

#[track_caller]
fn says_that_it_goes_on(ran: &Ran) {
    assert_eq!(ran.exit, 130, "{ran:?}");
    for part in [
        "upgrade 4 goes on in the node",
        "refit upgrade status 4 --follow",
        "refit upgrade cancel 4",
    ] {
        assert!(ran.stderr.contains(part), "no `{part}`: {ran:?}");
    }
}

#[test]
fn an_apply_that_is_interrupted_says_that_the_upgrade_goes_on_and_how_to_follow_it() {
    let folder = Folder::new();
    let _served = folder.serve();
    folder.write("later.json", r#"{"upgrade":4}"#);
    let apply = start(&folder, &["upgrade", "apply", "later.json"]);
    says_that_it_goes_on(&interrupted_at(apply, "waits for the end of block"));
}

#[test]
fn an_upgrade_is_followed_over_a_start_that_knows_of_it_only_once_its_log_is_executed() {
    let folder = Folder::new();
    let double = Double::default();
    let starting = double.starting.clone();
    starting.store(true, Ordering::Release);
    let _served = folder.serve_double(double);
    folder.write("plan.json", r#"{"upgrade":1}"#);
    let apply = start(&folder, &["upgrade", "apply", "plan.json"]);
    let ran = at(apply, "the node is starting", |_| {
        starting.store(false, Ordering::Release);
    });
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.contains("committed"), "{ran:?}");
}

#[test]
fn who_follows_sees_each_phase_and_is_told_the_same_when_interrupted() {
    let folder = Folder::new();
    let _served = folder.serve();
    let follow = start(&folder, &["upgrade", "status", "4", "--follow"]);
    let ran = interrupted_at(follow, "waits for the end of block");
    says_that_it_goes_on(&ran);
    assert!(
        ran.stderr.contains("upgrade 4 is staged (41.2 ms)"),
        "{ran:?}"
    );
}

#[test]
fn an_upgrade_that_has_ended_is_followed_no_further() {
    let folder = Folder::new();
    let _served = folder.serve();
    let ran = folder.run(&["upgrade", "status", "1", "--follow"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.contains("committed"), "{ran:?}");
}

#[test]
fn who_waits_exits_as_the_upgrade_ended() {
    let folder = Folder::new();
    let _served = folder.serve();
    for (id, exit) in [("1", 0), ("2", 30), ("3", 20)] {
        let ran = folder.run(&["upgrade", "wait", id]);
        assert_eq!(ran.exit, exit, "{ran:?}");
    }
    let ran = folder.run(&["upgrade", "wait", "4", "--timeout", "300ms"]);
    assert_eq!(ran.exit, 40, "{ran:?}");
    assert!(ran.stderr.contains("--follow"), "{ran:?}");
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_status_is_shown_again_until_nobody_reads_it() {
    let folder = Folder::new();
    let _served = folder.serve();
    let mut child = start(&folder, &["status", "--watch=100ms", "--json"]);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let lines: Vec<_> = stdout.lines().take(3).map(Result::unwrap).collect();
    for line in &lines {
        let status: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(status["height"], 41, "{line}");
    }
    // The reader is gone now.
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_watch_without_a_pause_between_two_looks_is_refused() {
    let folder = Folder::new();
    let ran = folder.run(&["status", "--watch=1ms"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.stderr.contains("100ms"), "{ran:?}");
}
