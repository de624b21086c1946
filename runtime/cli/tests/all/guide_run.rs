//! What the guide has an author do first is done here, line by line, in the folder of the package.

use crate::guide::words;
use crate::served::Folder;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The guide.
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi/README.md");

/// The sections whose commands are run, by how their titles begin.
const SECTIONS: [&str; 3] = ["## 3.", "## 4.", "## 5."];

/// Longest wait for the first line of a command that stays: it may compile all dependencies.
const LINE_WAIT: Duration = Duration::from_secs(600);

/// How long a command that stays must be quiet where nobody saves.
const QUIET_WAIT: Duration = Duration::from_secs(3);

/// The lines of the first block of this language in each section of which `wanted` is true.
fn blocks(guide: &str, language: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let (mut section, mut inside, mut found) = ("", false, Vec::new());
    for line in guide.lines() {
        match line {
            line if !inside && line.starts_with("## ") => section = line,
            "```" => inside = false,
            line if line == format!("```{language}") => inside = true,
            line if inside && wanted(section) => found.push(line.to_owned()),
            _ => {}
        }
    }
    found
}

/// The guide's first engine as a package, beside which nothing else lies in the folder.
fn package(guide: &str) -> Folder {
    let folder = Folder::named("guide-counter");
    let mut new = command(&folder, &["engine", "new", "counter", "--path", "."]);
    assert!(new.status().unwrap().success());
    let lines = blocks(guide, "rust", |section| section.starts_with("## 1."));
    // What rustdoc does not show.
    let lines = lines
        .iter()
        .map(|line| line.strip_prefix("# ").unwrap_or(line));
    let source: Vec<_> = lines.collect();
    fs::write(folder.path().join("src/lib.rs"), source.join("\n")).unwrap();
    // It tests the template's engine.
    fs::remove_file(folder.path().join("tests/engine.rs")).unwrap();
    folder
}

fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env_clear().envs(std::env::vars_os());
    command
}

/// A command that stays, such as a node; ended when this is dropped.
struct Staying {
    child: Child,
    lines: Receiver<String>,
}

impl Staying {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_commands_of_the_guide_do_what_it_says() {
    let guide = fs::read_to_string(GUIDE).unwrap();
    let folder = package(&guide);
    let wanted = |section: &str| SECTIONS.iter().any(|begin| section.starts_with(begin));
    let (mut node, mut printed, mut ran) = (None, String::new(), Vec::new());
    for line in blocks(&guide, "sh", wanted) {
        let mut words = words(&line);
        // Where the guide leaves something out, it is what the command before has printed.
        for word in words.iter_mut().filter(|word| word.contains('…')) {
            word.clone_from(&printed);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ["refit", arguments @ ..] = words.as_slice() else {
            panic!("`{line}` is no command of ours");
        };
        match arguments {
            ["run", ..] => {
                let staying = Staying::start(command(&folder, arguments));
                staying.lines.recv_timeout(LINE_WAIT).unwrap();
                node = Some(staying);
            }
            ["engine", "dev", ..] => {
                let dev = Staying::start(command(&folder, arguments));
                let said = dev.lines.recv_timeout(LINE_WAIT).unwrap();
                assert!(said.contains("generation 2"), "{said}");
                let more = dev.lines.recv_timeout(QUIET_WAIT);
                assert!(more.is_err(), "nobody saved: {more:?}");
            }
            _ => {
                let output = command(&folder, arguments).output().unwrap();
                assert!(output.status.success(), "`{line}`: {output:?}");
                printed = String::from_utf8(output.stdout).unwrap().trim().to_owned();
            }
        }
        ran.push(arguments.first().copied().unwrap_or_default().to_owned());
    }
    for asked in ["run", "send", "query", "engine"] {
        assert!(ran.iter().any(|ran| ran == asked), "no {asked} in {ran:?}");
    }
    for made in ["schema.lock", "src/v1.rs", "tests/counter-v1.json"] {
        assert!(folder.path().join(made).is_file(), "{made}");
    }
    drop(node);
}
