//! A node whose outputs are gone, full or stand still goes on; what ends it has a name; what its engines say is
//! shown, not obeyed.

use crate::node::build;
use crate::rehearsal::{repository, version_2};
use crate::served::{Folder, Ran};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, pipe};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(30);

/// What a client might say to do harm: a control sequence, and a line of its own.
const HOSTILE: &str = r#"a\u001b]0;title\u0007\n2031-01-01T00:00:00.000000Z  INFO refit: forged"#;

/// A node of a store and of an engine that crashes, with a standard error of the test's choice.
struct Node<'a> {
    folder: &'a Folder,
    child: Child,
}

impl<'a> Node<'a> {
    fn start(folder: &'a Folder, stderr: impl Into<Stdio>) -> Self {
        let library = |path: &str| build(folder, repository().join(path).to_str().unwrap());
        let (crasher, kv) = (
            library("tests/fixtures/crasher"),
            library("engines/kv/history/v1"),
        );
        let engines = [format!("c={crasher}"), format!("kv={kv}")];
        let [first, second] = engines.each_ref().map(String::as_str);
        let mut command = folder.command(&["run", "--engine", first, "--engine", second]);
        command.args(["--engine-config", &format!("c=\"{HOSTILE}\"")]);
        command.env_remove("RUST_BACKTRACE");
        let child = command
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let node = Self { folder, child };
        let deadline = Instant::now() + SOON;
        while folder.run(&["query", "kv", r#""length""#]).exit != 0 {
            assert!(Instant::now() < deadline, "the node does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        node
    }

    fn send(&self, engine: &str, message: &str) -> Ran {
        self.folder.run(&["send", engine, message])
    }

    fn counts(&self) -> u64 {
        let answer = self.folder.run(&["query", "c", "null"]);
        answer
            .stdout
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{answer:?}"))
    }

    fn end(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.ended()
    }

    fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the node does not end");
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

/// All that may write: engines that log, print and panic, an upgrade, the end.
fn all_that_writes(node: &Node<'_>) {
    let folder = node.folder;
    // More than a pipe and the node's queue hold.
    let line = "x".repeat(3_000);
    for _ in 0..8 {
        let said = node.send("c", &format!(r#"{{"chatter":["{line}",100]}}"#));
        assert_eq!(said.exit, 0, "{said:?}");
    }
    for how in ["print", "print_error"] {
        let said = node.send("c", &format!(r#"{{"{how}":"{line}"}}"#));
        assert_eq!(said.exit, 0, "{said:?}");
    }
    let newer = format!("kv={}", build(folder, &version_2("kv-good", |state| state)));
    let plan = folder.run(&["upgrade", "plan", &newer, "--no-rehearsal"]);
    assert_eq!(plan.exit, 0, "{plan:?}");
    let applied = folder.run(&["upgrade", "apply", "plan.json", "--no-rehearsal"]);
    assert_eq!(applied.exit, 0, "{applied:?}");
    assert_eq!(node.counts(), 10);
    let panicked = node.send("c", r#"{"panic":"enough"}"#);
    assert!(panicked.stderr.contains("poisoned"), "{panicked:?}");
    let put = node.send("kv", r#"{"put":{"key":"a","value":"1"}}"#);
    assert_eq!(put.exit, 0, "{put:?}");
}

#[test]
fn a_log_on_a_full_disk_costs_lines_and_nothing_else() {
    let folder = Folder::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let node = Node::start(&folder, full);
    all_that_writes(&node);
    assert_eq!(node.end().code(), Some(0));
}

#[test]
fn a_log_whose_reader_is_gone_costs_lines_and_nothing_else() {
    let folder = Folder::new();
    let (reader, writer) = pipe().unwrap();
    let node = Node::start(&folder, writer);
    drop(reader);
    all_that_writes(&node);
    assert_eq!(node.end().code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_stops_nothing_and_says_later_how_much_is_missing() {
    let folder = Folder::new();
    let (reader, writer) = pipe().unwrap();
    let node = Node::start(&folder, writer);
    all_that_writes(&node);
    // The reader goes on: after what the pipe and the queue held, it learns what is missing.
    let reading = std::thread::spawn(move || read(reader));
    assert_eq!(node.end().code(), Some(0));
    let log = reading.join().unwrap();
    assert!(
        log.contains(" lines were left out here"),
        "{} bytes",
        log.len()
    );
    assert!(
        log.lines()
            .last()
            .unwrap_or_default()
            .starts_with("stopping: "),
        "{}",
        log.rsplit('\n').nth(1).unwrap_or_default()
    );
}

fn read(mut reader: impl Read) -> String {
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn what_ends_the_node_is_named_with_engine_code_and_message_and_ends_it_as_it_would_have() {
    let ends: [(&str, Option<i32>, Option<i32>, &str); 7] = [
        (r#"{"exit":7}"#, Some(7), None, "it called exit(7)"),
        (r#"{"errx":9}"#, Some(9), None, "it had `exit` called"),
        (r#"{"exit_now":8}"#, Some(8), None, "it called _exit(8)"),
        (r#""abort""#, None, Some(6), "SIGABRT"),
        (r#""segfault""#, None, Some(11), "SIGSEGV at 0x8"),
        (r#""overflow""#, None, Some(6), "(stack overflow)"),
        (r#"{"print_error":"last words"}"#, None, Some(9), ""),
    ];
    for (message, code, signal, said) in ends {
        let folder = Folder::new();
        let (reader, writer) = pipe().unwrap();
        let mut node = Node::start(&folder, writer);
        let reading = std::thread::spawn(move || read(reader));
        node.send("c", r#""count""#);
        node.folder.run(&["send", "c", message, "--key", "ada/41"]);
        if said.is_empty() {
            // Nothing can be said of a death by this signal.
            node.child.kill().unwrap();
        }
        let status = node.ended();
        assert_eq!(
            (status.code(), status.signal()),
            (code, signal),
            "{message}"
        );
        let log = reading.join().unwrap();
        let named: Vec<_> = log
            .lines()
            .filter(|line| line.contains("ends the process"))
            .collect();
        assert_eq!(
            named.len(),
            usize::from(!said.is_empty()),
            "{message}: {log}"
        );
        for line in named {
            for part in [
                said,
                " ERROR ",
                "engine=c ",
                "kind=crasher",
                "version=1.2.3",
                "sequence=41",
            ] {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
    }
}

/// The log of a node that ends by this message, but for what is no crash's line, and how it ends.
fn crash(message: &str) -> (ExitStatus, Vec<String>) {
    let folder = Folder::new();
    let (reader, writer) = pipe().unwrap();
    let mut node = Node::start(&folder, writer);
    let reading = std::thread::spawn(move || read(reader));
    node.folder.run(&["send", "c", message, "--key", "ada/41"]);
    let status = node.ended();
    let log = reading.join().unwrap();
    let lines = log
        .lines()
        .filter(|line| line.contains("refit_loader::crash"));
    (status, lines.map(ToOwned::to_owned).collect())
}

#[test]
fn what_ends_the_node_on_a_thread_that_an_engine_has_started_is_named_with_its_library() {
    let ends: [(&str, Option<i32>, Option<i32>, &str); 7] = [
        (r#"{"exit":7}"#, Some(7), None, "it called exit(7)"),
        (r#""segfault""#, None, Some(11), "SIGSEGV at 0x8"),
        (r#""segfault_masked""#, None, Some(11), "SIGSEGV at 0x8"),
        (r#""overflow""#, None, Some(11), "(stack overflow)"),
        (r#""abort""#, None, Some(6), "SIGABRT"),
        (r#"{"raise":10}"#, None, Some(10), "SIGUSR1"),
        (r#"{"raise":40}"#, None, Some(40), "signal 40"),
    ];
    for (deed, code, signal, said) in ends {
        let (status, lines) = crash(&format!(r#"{{"thread":{deed}}}"#));
        assert_eq!((status.code(), status.signal()), (code, signal), "{deed}");
        let [line] = lines.as_slice() else {
            panic!("{deed}: {lines:?}");
        };
        for part in [
            said,
            "a thread that an engine has started ends the process",
            "kind=crasher",
            "version=1.2.3",
            "thread=deeds",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[test]
fn a_panic_on_a_thread_that_an_engine_has_started_is_told_with_its_code() {
    let folder = Folder::new();
    let (reader, writer) = pipe().unwrap();
    let node = Node::start(&folder, writer);
    let reading = std::thread::spawn(move || read(reader));
    assert_eq!(node.send("c", r#"{"thread":"panic"}"#).exit, 0);
    assert_eq!(node.end().code(), Some(0));
    let log = reading.join().unwrap();
    let line = log.lines().find(|line| line.contains("on a thread"));
    for part in [" ERROR ", "kind=\"crasher\"", "version=\"1.2.3\""] {
        assert!(
            line.is_some_and(|line| line.contains(part)),
            "{part}: {log}"
        );
    }
}

#[test]
fn a_panic_that_panics_again_ends_the_node_with_the_engines_name() {
    for message in [r#""panic_shown""#, r#""panic_dropped""#] {
        let (status, lines) = crash(message);
        assert_eq!(status.signal(), Some(6), "{message}");
        let [line] = lines.as_slice() else {
            panic!("{message}: {lines:?}");
        };
        for part in ["SIGABRT", "engine=c ", "kind=crasher", "sequence=41"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[test]
fn the_nodes_own_signals_are_not_an_engines_to_take_over() {
    const EPERM: &str = "1\n";
    let folder = Folder::new();
    let node = Node::start(&folder, Stdio::null());
    for signal in ["TERM", "INT", "HUP", "PIPE", "CHLD", "SEGV", "ABRT"] {
        let number = match signal {
            "TERM" => 15,
            "INT" => 2,
            "HUP" => 1,
            "PIPE" => 13,
            "CHLD" => 17,
            "SEGV" => 11,
            _ => 6,
        };
        for how in ["handle", "ignore"] {
            let said = node.send("c", &format!(r#"{{"{how}":{number}}}"#));
            assert_eq!(said.stdout, EPERM, "{how} SIG{signal}: {said:?}");
        }
    }
    let others = node.send("c", r#"{"handle":10}"#);
    assert_eq!(others.stdout, "0\n", "{others:?}");
    assert_eq!(node.end().code(), Some(0), "it still hears them");
}

#[test]
fn a_signal_that_an_engine_handles_ends_nothing_and_one_that_it_gives_back_ends_the_node_with_its_name()
 {
    let folder = Folder::new();
    let node = Node::start(&folder, Stdio::null());
    // Those that safe code may listen to, by way of what was there before.
    for signal in [3, 10, 12, 14, 26, 27, 29, 34, 40] {
        let said = node.send("c", &format!(r#"{{"chain":{signal}}}"#));
        assert_eq!(said.exit, 0, "signal {signal}: {said:?}");
    }
    assert_eq!(node.end().code(), Some(0));
    let (status, lines) = crash(r#"{"put_back":10}"#);
    assert_eq!(status.signal(), Some(10), "{lines:?}");
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        line.contains("SIGUSR1") && line.contains("engine=c "),
        "{line}"
    );
}

#[test]
fn no_fault_waits_and_no_vain_attempt_at_another_program_hides_one() {
    for message in ["segfault_in_handler", "segfault_beside_exec"] {
        let (status, lines) = crash(&format!("{message:?}"));
        assert_eq!(status.signal(), Some(11), "{message}: {lines:?}");
        let told = |line: &&String| line.contains("SIGSEGV at 0x8");
        let [line] = lines.iter().filter(told).collect::<Vec<_>>()[..] else {
            panic!("{message}: {lines:?}");
        };
        assert!(line.contains("kind=crasher"), "{line}");
    }
}

#[test]
fn a_panic_at_a_notice_is_told_as_that() {
    let folder = Folder::new();
    let (reader, writer) = pipe().unwrap();
    let node = Node::start(&folder, writer);
    let reading = std::thread::spawn(move || read(reader));
    node.send("c", r#""lose""#);
    assert_eq!(node.end().code(), Some(0));
    let log = reading.join().unwrap();
    let line = log.lines().find(|line| line.contains("panicked")).unwrap();
    for part in ["nothing came to nobody", "engine=c", "call=undelivered"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn what_an_engine_says_is_shown_and_not_obeyed_and_its_first_words_come_at_once() {
    let folder = Folder::new();
    let (reader, writer) = pipe().unwrap();
    let node = Node::start(&folder, writer);
    let mut reader = BufReader::new(reader);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let status = folder.run(&["status"]).stdout;
    let height = status.lines().find(|line| line.starts_with("height"));
    assert!(
        height.unwrap().ends_with(" 0"),
        "no block was made: {status}"
    );
    assert!(first.contains("engine=c"), "{first}");
    let reading = std::thread::spawn(move || first + &read(reader));
    for how in ["log", "print", "print_error", "panic"] {
        node.send("c", &format!(r#"{{"{how}":"{HOSTILE}"}}"#));
    }
    assert_eq!(node.end().code(), Some(0));
    let log = reading.join().unwrap();
    assert!(!log.contains('\u{1b}') && !log.contains('\u{7}'), "{log}");
    let forged = log.lines().filter(|line| line.starts_with("2031"));
    // What is printed may have lines, and each is one of the log's.
    assert_eq!(forged.count(), 0, "{log}");
    let shown = log
        .lines()
        .filter(|line| line.contains(r"a\u{1b}]0;title\u{7}"))
        .count();
    // Its configuration, a log line, two prints, a panic, and that it is poisoned.
    assert_eq!(shown, 6, "{log}");
    let panic = log.lines().find(|line| line.contains("panicked")).unwrap();
    for part in [
        " ERROR ",
        "src/lib.rs:",
        "engine=c",
        "kind=\"crasher\"",
        "version=\"1.2.3\"",
    ] {
        assert!(panic.contains(part), "{part}: {panic}");
    }
}
