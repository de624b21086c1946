//! What engines leave behind on the node's threads, and what puts another program in the node's place: each is named,
//! and what does not return keeps no later upgrade from being taken.

use crate::node::build;
use crate::rehearsal::{repository, version_2};
use crate::served::{Folder, Ran};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, read_to_string};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(60);

/// A node of a store and of an engine that leaves things behind, with a file as its log.
struct Node<'a> {
    folder: &'a Folder,
    child: Child,
}

impl<'a> Node<'a> {
    fn start(folder: &'a Folder) -> Self {
        Self::start_with(folder, "--sandbox=on")
    }

    fn start_with(folder: &'a Folder, sandbox: &str) -> Self {
        let library = |path: &str| build(folder, repository().join(path).to_str().unwrap());
        let (parting, kv) = (
            library("tests/fixtures/parting"),
            library("engines/kv/history/v1"),
        );
        let engines = [format!("p={parting}"), format!("kv={kv}")];
        let [first, second] = engines.each_ref().map(String::as_str);
        let run = ["run", "--engine", first, "--engine", second];
        let mut command = folder.command(&run);
        command
            .args(["--workers", "1", "--probation-blocks", "0", sandbox])
            .env_remove("RUST_BACKTRACE");
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let node = Self { folder, child };
        let deadline = Instant::now() + SOON;
        // It says how it is before its engines have started, and answers queries behind that.
        while folder.run(&["query", "kv", r#""length""#]).exit != 0 {
            assert!(
                Instant::now() < deadline,
                "it does not answer: {}",
                node.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        node
    }

    fn tell(&self, deed: &str) -> Ran {
        self.folder.run(&["send", "p", &format!("{deed:?}")])
    }

    /// Brings in another store.
    fn upgrade(&self, edition: &str) -> Ran {
        let source = version_2(&format!("kv-{edition}"), |state| {
            format!("{state}\n#[used]\nstatic EDITION: &str = {edition:?};\n")
        });
        let library = format!("kv={}", build(self.folder, &source));
        let plan = ["upgrade", "plan", &library, "--no-rehearsal"];
        let planned = self.folder.run(&plan);
        assert_eq!(planned.exit, 0, "{planned:?}");
        let apply = ["upgrade", "apply", "plan.json", "--no-rehearsal"];
        self.folder.run(&apply)
    }

    /// The node's status, once no upgrade is under way.
    fn once_ended(&self) -> serde_json::Value {
        let deadline = Instant::now() + SOON;
        loop {
            let status = self.folder.run(&["status", "--json"]).stdout;
            let status: serde_json::Value = serde_json::from_str(&status).unwrap();
            if status["upgrade"].is_null() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The one line of the log that has this in it; it may be written after what it tells of was answered.
    fn line(&self, part: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            let log = self.log();
            let whole = log.rfind('\n').map_or("", |end| &log[..end]);
            let mut lines = whole.lines().filter(|line| line.contains(part));
            if let Some(line) = lines.next() {
                assert_eq!(lines.next(), None, "{part}");
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "no `{part}`: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.ended()
    }

    fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_thread_that_does_not_end_keeps_code_mapped_and_no_upgrade_from_being_taken() {
    let folder = Folder::new();
    let node = Node::start(&folder);
    assert_eq!(node.tell("linger").exit, 0);
    for (edition, pinned) in [("first", 1), ("second", 2)] {
        let applied = node.upgrade(edition);
        assert_eq!(applied.exit, 0, "{applied:?}");
        let status = node.once_ended();
        assert_eq!(status["libraries"]["pinned"], pinned);
    }
    let line = node.line("a thread of the crew does not end");
    for part in ["refit-g1", "parting 1.2.3"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let stays = "a thread that may have run its code does not end";
    assert!(node.log().contains(stays), "{}", node.log());
    // The crew that ends with the node has a value of the same kind.
    assert_eq!(node.tell("linger").exit, 0);
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_destructor_that_panics_as_a_thread_ends_is_named_with_its_library() {
    let folder = Folder::new();
    let mut node = Node::start(&folder);
    assert_eq!(node.tell("panic").exit, 0);
    let _the_node_ends_meanwhile = node.upgrade("first");
    assert_eq!(node.ended().signal(), Some(6));
    let line = node.line("at the end");
    for part in [
        "a destructor of a thread-local value of an engine panicked",
        "as the thread ended",
        "library=\"refit-",
        "thread=\"refit-g1-0\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn an_engine_that_puts_another_program_in_the_nodes_place_is_named_and_one_in_a_childs_is_not() {
    // Inside, it puts none there.
    let folder = Folder::new();
    let mut node = Node::start_with(&folder, "--sandbox=off");
    assert_eq!(node.tell("fork").exit, 0);
    assert!(!node.log().contains("another program"), "{}", node.log());
    assert_eq!(node.tell("replace_by_none").exit, 0);
    assert!(node.line("/nowhere/at-all").contains("kind=parting"));
    let refused = "the system refused the other program: the process goes on";
    assert!(node.line(refused).contains(" ERROR "));
    // It would have the node end with the next client that hangs up, whether or not there is such a program.
    let kept = node.tell("replace_by_safe_code");
    assert!(kept.stderr.contains("not permitted"), "{kept:?}");
    node.tell("replace");
    assert_eq!(node.ended().code(), Some(0));
    let line = node.line("/bin/true");
    for part in [
        "it called execv",
        "engine=p ",
        "kind=parting",
        "version=1.2.3",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_reply_or_an_answer_that_is_too_long_is_refused_by_name_and_the_engine_goes_on() {
    // With its two quotes, the longest that is taken.
    const MOST: usize = (64 << 20) - 2;
    let folder = Folder::new();
    let node = Node::start(&folder);
    let say = |bytes: usize| folder.run(&["send", "p", &format!(r#"{{"say":{bytes}}}"#)]);
    let ask = |bytes: usize| folder.run(&["query", "p", &bytes.to_string()]);
    for (ran, code) in [
        (say(MOST + 1), "reply-too-large"),
        (ask(MOST + 1), "answer-too-large"),
    ] {
        assert_ne!(ran.exit, 0, "{code}");
        assert!(ran.stderr.contains(code), "{}", ran.stderr);
    }
    for line in ["the reply to message", "the answer of engine"] {
        let line = node.line(line);
        assert!(line.contains("67108864"), "{line}");
        assert!(line.contains("engine=p"), "{line}");
    }
    assert_eq!(say(MOST).stdout.trim().len(), MOST + 2);
    assert_eq!(ask(MOST).stdout.trim().len(), MOST + 2);
    assert_eq!(node.tell("count").stdout.trim(), "\"3\"");
    assert_eq!(node.stop().code(), Some(0));
}
