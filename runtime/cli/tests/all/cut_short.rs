//! A rehearsal that loops, and a node that ends meanwhile: neither outlives or delays the other.

use crate::node::{Running, build};
use crate::rehearsal::{loops, put, repository, version_2};
use crate::served::Folder;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for what ends at once; far below the rehearsals' own deadline.
const SOON: Duration = Duration::from_secs(20);

/// Longest wait for a node that finishes its requests before it ends, for 10 s at most; far below the
/// rehearsals' own deadline too.
const REQUESTS: Duration = Duration::from_secs(60);

/// The deadline of the rehearsals: none of these tests waits for it.
const DEADLINE: &str = "5min";

/// A node whose plan is being rehearsed, without end.
struct Rehearsing {
    _folder: Folder,
    node: Running,
    plan: Child,
    /// The process that rehearses.
    rehearsal: u32,
}

impl Rehearsing {
    fn start() -> Self {
        let folder = Folder::new();
        let v1 = repository().join("engines/kv/history/v1");
        let v1 = build(&folder, v1.to_str().unwrap());
        let bad = format!("kv={}", build(&folder, &version_2("kv-loops", loops)));
        let node = Running::start_with(&folder, &v1, &["--rehearsal-wait", DEADLINE]);
        put(&folder);
        let mut plan = folder.command(&["upgrade", "plan", &bad]);
        plan.stdout(Stdio::null()).stderr(Stdio::null());
        let plan = plan.spawn().unwrap();
        let rehearsal = eventually("a rehearsal", || rehearsal_of(node.pid()));
        Self {
            _folder: folder,
            node,
            plan,
            rehearsal,
        }
    }

    fn end(mut self) {
        self.plan.wait().unwrap();
        let path = format!("/proc/{}", self.rehearsal);
        eventually("the rehearsal's end", || {
            (!Path::new(&path).exists()).then_some(())
        });
    }
}

/// A process that rehearses for `node` and has run for a while: it is in its loop. The node's helper has started it.
fn rehearsal_of(node: u32) -> Option<u32> {
    let children = std::fs::read_dir("/proc").unwrap();
    let mut pids = children.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.find(|pid: &u32| {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
        let stat = read("stat").unwrap_or_default();
        // After the name, which may hold anything: the state, the parent, …, the 12th the user time.
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |place: usize| fields.get(place).and_then(|field| field.parse().ok());
        number(1).and_then(parent_of) == Some(node)
            && number(11) > Some(20)
            && read("cmdline").is_ok_and(|line| line.starts_with("refit\0rehearsal\0"))
    })
}

/// The process that has started this one.
fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_node_that_is_told_to_stop_does_not_wait_for_a_rehearsal() {
    let mut rehearsing = Rehearsing::start();
    assert_eq!(rehearsing.node.stopped_within(REQUESTS), Some(0));
    rehearsing.end();
}

#[test]
fn a_rehearsal_does_not_outlive_the_plan_that_asked_for_it() {
    let mut rehearsing = Rehearsing::start();
    rehearsing.plan.kill().unwrap();
    rehearsing.end();
}

#[test]
fn a_rehearsal_does_not_outlive_a_node_that_is_killed() {
    let mut rehearsing = Rehearsing::start();
    rehearsing.node.kill();
    rehearsing.end();
}
