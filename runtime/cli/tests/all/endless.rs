//! An engine that does not return: whoever runs the node is told which and since when, and can end it.

use crate::node::build;
use crate::rehearsal::repository;
use crate::served::{Folder, ended, with_hangups};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for something that comes.
const WAIT: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// So long after one signal another is a second one.
const LATER: Duration = Duration::from_millis(600);

/// A node with the engine `evil`, which waits for the file `open` when it is told to.
struct Node<'a> {
    folder: &'a Folder,
    child: Child,
}

impl<'a> Node<'a> {
    /// Starts it. Its log of an earlier life is gone.
    fn spawn(folder: &'a Folder, flags: &[&str]) -> Self {
        Self::spawn_as(folder, flags, |command| command)
    }

    /// The same, by a command that is made of the node's.
    fn spawn_as(folder: &'a Folder, flags: &[&str], made: impl Fn(Command) -> Command) -> Self {
        let library = build(
            folder,
            repository()
                .join("tests/fixtures/stubborn")
                .to_str()
                .unwrap(),
        );
        let engine = format!("evil={library}");
        let run = ["run", "--engine", &engine, "--workers", "1"];
        with_hangups();
        let mut command = made(folder.command(&[&run, flags].concat()));
        let log = File::create(folder.path().join("log")).unwrap();
        command.stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        Self { folder, child }
    }

    /// As [`Node::spawn`], until it can be asked.
    fn start(folder: &'a Folder, flags: &[&str]) -> Self {
        let node = Self::spawn(folder, flags);
        node.until("it is ready", || node.get("/readyz").0 == 200);
        node
    }

    fn get(&self, path: &str) -> (u16, String) {
        let socket = self.folder.path().join("refit-data/admin.sock");
        get(&socket, path).unwrap_or_default()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + WAIT;
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "not seen: {what}\n{}",
                self.log()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Until `/readyz` names the engine that does not return; gives what it says.
    fn until_stuck(&self) -> String {
        let mut said = String::new();
        self.until("an engine that does not return", || {
            let (status, text) = self.get("/readyz");
            said = text;
            status == 503 && said.contains("engine-stuck")
        });
        said
    }

    /// What waits for the file is sent by a client of its own.
    fn ask(&self, arguments: &[&str]) -> Child {
        let mut command = self.folder.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn open(&self) {
        self.folder.write("open", "");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Tells it to end again and again, as somebody does who waits.
    fn cut(&mut self, signal: Signal) -> ExitStatus {
        let deadline = Instant::now() + WAIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on\n{}", self.log());
            self.signal(signal);
            std::thread::sleep(LATER);
        }
    }

    fn ended(&mut self) -> ExitStatus {
        ended(&mut self.child, WAIT)
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status and the body at `path`; `None` if nobody answers.
fn get(socket: &std::path::Path, path: &str) -> Option<(u16, String)> {
    let mut stream = UnixStream::connect(socket).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

const LIMIT: [&str; 2] = ["--call-limit", "200ms"];

#[test]
fn a_handler_that_does_not_return_is_told_at_once_wherever_the_node_is_asked_and_when_it_returns() {
    let folder = Folder::new();
    let mut node = Node::start(&folder, &LIMIT);
    let add = ["send", "evil", r#"{"add":5}"#, "--key", "x/1"];
    assert_eq!(folder.run(&add).stdout, "5\n");
    assert_eq!(folder.run(&["status"]).exit, 0);
    let sent = node.ask(&["send", "evil", r#"{"wait":"open"}"#, "--key", "x/2"]);

    let deed = "engine evil handles message 2 of client x";
    let said = node.until_stuck();
    assert!(said.contains(&format!("{deed} since 0.2 s")), "{said}");
    assert_eq!(node.get("/livez").0, 200, "not yet");
    let asked = Instant::now();
    let status = folder.run(&["status"]);
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it waits for nobody"
    );
    assert!(status.stdout.contains(deed), "{status:?}");
    assert!(status.stdout.contains("evil    stubborn"), "{status:?}");
    assert!(node.log().contains(deed), "{}", node.log());
    let plan = folder.run(&["engine", "capture", "evil", "--out", "state"]);
    assert!(plan.stderr.contains("engine-stuck"), "{plan:?}");

    node.until("livez says so", || node.get("/livez").0 == 503);
    node.open();
    assert!(sent.wait_with_output().unwrap().status.success());
    node.until("it is ready again", || node.get("/readyz").0 == 200);
    assert_eq!(node.get("/livez").0, 200);
    assert!(node.log().contains("it has ended after "));
    node.signal(Signal::TERM);
    assert_eq!(node.ended().code(), Some(0));
    assert_tells_nothing_of_before(&folder);
}

/// That the next life says nothing of what has returned.
fn assert_tells_nothing_of_before(folder: &Folder) {
    let mut node = Node::start(folder, &LIMIT);
    assert!(!node.log().contains("had not returned"), "{}", node.log());
    node.signal(Signal::TERM);
    assert_eq!(node.ended().code(), Some(0));
}

#[test]
fn of_a_batch_the_very_message_is_named() {
    let folder = Folder::new();
    let node = Node::start(&folder, &LIMIT);
    let first = node.ask(&["send", "evil", r#"{"wait":"first"}"#, "--key", "x/2"]);
    node.until_stuck();
    // While it is handled these wait, and become one batch.
    let add = node.ask(&["send", "evil", r#"{"add":5}"#, "--key", "y/3"]);
    std::thread::sleep(Duration::from_millis(300));
    let second = node.ask(&["send", "evil", r#"{"wait":"open"}"#, "--key", "z/9"]);
    std::thread::sleep(Duration::from_millis(300));
    folder.write("first", "");
    node.until("the next one does not return", || {
        node.get("/readyz")
            .1
            .contains("handles message 9 of client z since")
    });
    node.open();
    for sent in [first, add, second] {
        assert!(sent.wait_with_output().unwrap().status.success());
    }
}

#[test]
fn a_query_and_a_message_of_an_engine_that_do_not_return_are_told_as_what_they_are() {
    let folder = Folder::new();
    let node = Node::start(&folder, &LIMIT);
    let asked = node.ask(&["query", "evil", r#"{"wait":"open"}"#]);
    let said = node.until_stuck();
    assert!(said.contains("engine evil answers a query since"), "{said}");
    node.open();
    assert_eq!(asked.wait_with_output().unwrap().stdout, b"0\n");
    node.until("it is ready again", || node.get("/readyz").0 == 200);

    let sent = node.ask(&["send", "evil", r#"{"wait_later":"later"}"#]);
    let said = node.until_stuck();
    let deed = "engine evil handles message 0 of engine evil";
    assert!(said.contains(deed), "{said}");
    folder.write("later", "");
    // Its reply leaves with the block.
    assert!(sent.wait_with_output().unwrap().status.success());
    node.until("it is ready again", || node.get("/readyz").0 == 200);
}

#[test]
fn an_init_that_does_not_return_is_told_and_a_second_signal_ends_the_node() {
    let folder = Folder::new();
    let config = ["--engine-config", r#"evil={"wait":"open"}"#];
    let mut node = Node::spawn(&folder, &[config, LIMIT].concat());
    let said = node.until_stuck();
    assert!(said.contains("engine evil runs its init since"), "{said}");
    let status = folder.run(&["status"]);
    assert!(
        status.stdout.contains("engine evil runs its init"),
        "{status:?}"
    );
    let sent = folder.run(&["send", "evil", r#"{"add":1}"#]);
    assert!(sent.stderr.contains("engine-stuck"), "{sent:?}");
    node.signal(Signal::INT);
    node.until("it is stopping", || node.log().contains("stopping"));
    std::thread::sleep(LATER);
    assert_eq!(node.cut(Signal::INT).code(), Some(60));
}

#[test]
fn what_stuck_twice_at_one_message_is_said_at_the_next_start_with_what_to_do() {
    let folder = Folder::new();
    // Otherwise the message is in the log, and no start comes behind it.
    let in_memory = [&LIMIT[..], &["--store", "memory"]].concat();
    for key in ["x/2", "y/7"] {
        let mut node = Node::start(&folder, &in_memory);
        let mut sent = node.ask(&["send", "evil", r#"{"wait":"open"}"#, "--key", key]);
        node.until_stuck();
        node.signal(Signal::TERM);
        node.until("it is stopping", || node.log().contains("stopping"));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(
            node.child.try_wait().unwrap(),
            None,
            "it waits for the engine"
        );
        assert_eq!(node.cut(Signal::TERM).code(), Some(60));
        let log = node.log();
        assert!(log.contains("told to end again: it ends at once"), "{log}");
        let _ended_with_the_node = sent.wait().unwrap();
    }
    let mut node = Node::start(&folder, &in_memory);
    let log = node.log();
    let twice = "this node ended 2 times while it had not returned from this: engine evil handles \
                 message 7 of client y";
    assert!(log.contains(twice), "{log}");
    assert!(log.contains("bring a mended build of stubborn;"), "{log}");
    node.signal(Signal::TERM);
    assert_eq!(node.ended().code(), Some(0));
    assert_tells_nothing_of_before(&folder);
}

#[test]
fn a_block_that_ends_each_start_is_not_executed_a_third_time_and_can_be_taken_out_of_the_log() {
    let folder = Folder::new();
    let ends = |node: &mut Node<'_>| {
        node.until_stuck();
        node.signal(Signal::KILL);
        node.ended();
    };
    let mut node = Node::start(&folder, &LIMIT);
    let counted = |folder: &Folder| folder.run(&["send", "evil", r#"{"add":1}"#, "--key", "z/1"]);
    assert_eq!(counted(&folder).exit, 0);
    let mut sent = node.ask(&["send", "evil", r#"{"wait":"open"}"#, "--key", "x/2"]);
    ends(&mut node);
    let _ended_with_the_node = sent.wait().unwrap();
    let early = folder.run(&["block", "quarantine", "2"]);
    assert!(early.stderr.contains("block-not-ending"), "{early:?}");
    // It is in the log, and whoever starts the node runs into it again.
    for _ in 0..2 {
        let mut node = Node::spawn(&folder, &LIMIT);
        ends(&mut node);
    }
    let mut node = Node::spawn(&folder, &LIMIT);
    node.until("it stays below", || node.log().contains("stays below it"));
    node.until("it answers", || folder.run(&["status"]).exit == 0);
    let status = folder.run(&["status"]).stdout;
    assert!(status.contains("has ended this node 2 times"), "{status}");
    assert_eq!(folder.run(&["query", "evil", r#""sum""#]).exit, 0);
    let refused = folder.run(&["send", "evil", r#"{"add":1}"#]);
    assert!(refused.stderr.contains("node-halted"), "{refused:?}");
    let in_use = folder.run(&["block", "quarantine", "2"]);
    assert!(in_use.stderr.contains("data-folder-in-use"), "{in_use:?}");
    node.signal(Signal::TERM);
    assert_eq!(node.ended().code(), Some(0));

    let other = folder.run(&["block", "quarantine", "1"]);
    assert!(other.stderr.contains("block-not-last"), "{other:?}");
    let taken = folder.run(&["block", "quarantine", "2"]);
    assert_eq!(
        (taken.exit, taken.stdout.as_str()),
        (0, "evil  2\n"),
        "{taken:?}"
    );
    // What was answered is not taken back.
    let answered = folder.run(&["block", "quarantine", "1"]);
    assert!(answered.stderr.contains("block-not-ending"), "{answered:?}");
    let mut node = Node::start(&folder, &LIMIT);
    // What was answered before is known, and what was taken out has not happened.
    let (again, open) = (counted(&folder), r#"{"wait":"open"}"#);
    assert_eq!(again.exit, 0, "{again:?}");
    node.open();
    assert_eq!(folder.run(&["send", "evil", open, "--key", "x/2"]).exit, 0);
    node.signal(Signal::TERM);
    assert_eq!(node.ended().code(), Some(0));
}

#[test]
fn a_node_that_is_told_to_end_once_ends_within_its_limit_though_an_engine_does_not_return() {
    let folder = Folder::new();
    let mut node = Node::start(&folder, &[&LIMIT[..], &["--stop-limit", "400ms"]].concat());
    let mut sent = node.ask(&["send", "evil", r#"{"wait":"open"}"#]);
    node.until_stuck();
    node.signal(Signal::HUP);
    assert_eq!(node.ended().code(), Some(60));
    let log = node.log();
    assert!(log.contains("did not end within 400 ms"), "{log}");
    let _ended_with_the_node = sent.wait().unwrap();
}

/// What `nohup` does: the command, with hangups ignored.
fn without_hangups(command: Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"trap '' HUP; exec "$0" "$@""#]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap());
    shell.stdin(Stdio::null()).env_clear();
    let variables = command.get_envs();
    shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    shell
}

#[test]
fn a_node_that_was_started_with_hangups_ignored_outlives_its_terminal() {
    let folder = Folder::new();
    let mut node = Node::spawn_as(&folder, &[], without_hangups);
    node.until("it is ready", || node.get("/readyz").0 == 200);
    node.signal(Signal::HUP);
    std::thread::sleep(LATER);
    assert_eq!(node.get("/readyz").0, 200, "{}", node.log());
    node.signal(Signal::TERM);
    assert_eq!(node.ended().code(), Some(0));
}

#[test]
fn time_in_which_the_process_is_stopped_is_not_held_against_a_message() {
    let folder = Folder::new();
    let node = Node::start(&folder, &["--call-limit", "3s"]);
    let mut sent = node.ask(&["send", "evil", r#"{"wait":"open"}"#]);
    std::thread::sleep(Duration::from_millis(200));
    node.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(4));
    node.signal(Signal::CONT);
    assert_eq!(node.get("/readyz").0, 200);
    assert!(!node.log().contains("engine evil"), "{}", node.log());
    assert_eq!(
        sent.try_wait().unwrap(),
        None,
        "the message is still handled"
    );
    node.open();
    assert!(sent.wait().unwrap().success());
}

#[test]
fn a_second_node_is_refused_the_data_folder_whatever_its_socket_and_told_who_has_it() {
    let folder = Folder::new();
    let mut node = Node::start(&folder, &[]);
    let library = build(
        &folder,
        repository()
            .join("tests/fixtures/stubborn")
            .to_str()
            .unwrap(),
    );
    let engine = format!("evil={library}");
    let second = folder.run(&["run", "--engine", &engine, "--socket", "b.sock"]);
    assert_eq!((second.exit, second.stdout.as_str()), (2, ""), "{second:?}");
    assert!(second.stderr.contains("data-folder-in-use"), "{second:?}");
    let text = second.stderr.replace(['\n', ' ', '│'], "");
    assert!(
        text.contains(&format!("process{}", node.child.id())),
        "{second:?}"
    );
    assert!(text.contains("refit-data/admin.sock"), "{second:?}");
    // A node that was killed leaves the folder free.
    node.child.kill().unwrap();
    node.child.wait().unwrap();
    let mut next = Node::start(&folder, &[]);
    next.signal(Signal::TERM);
    assert_eq!(next.ended().code(), Some(0));
}
