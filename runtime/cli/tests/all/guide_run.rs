//! The first steps of the author's guide, done line by line in the folder of the package.

use crate::guide::words;
use crate::served::{Folder, compiled};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The guide.
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi/README.md");

/// Longest wait for the first line of a command that stays: it may compile all dependencies.
const LINE_WAIT: Duration = Duration::from_secs(600);

/// How long a command that stays must be quiet where nobody saves.
const QUIET_WAIT: Duration = Duration::from_secs(3);

/// A block of the guide.
#[derive(Debug)]
struct Block<'a> {
    /// The number of its section.
    section: &'a str,
    language: &'a str,
    lines: Vec<&'a str>,
}

/// The blocks of a guide, in order.
fn blocks(guide: &str) -> Vec<Block<'_>> {
    let (mut section, mut open, mut found) = ("", None, Vec::new());
    for line in guide.lines() {
        open = match (open, line.strip_prefix("```")) {
            (None, Some(language)) => Some(Block {
                section,
                language,
                lines: Vec::new(),
            }),
            (Some(block), Some(_)) => {
                found.push(block);
                None
            }
            (Some(mut block), None) => {
                block.lines.push(line);
                Some(block)
            }
            (None, None) => {
                section = line
                    .strip_prefix("## ")
                    .map_or(section, |title| title.split('.').next().unwrap_or(title));
                None
            }
        };
    }
    found
}

/// The source that a block of Rust holds, with what rustdoc does not show.
fn source(block: &Block<'_>) -> String {
    let lines = block.lines.iter().map(|line| match *line {
        "#" => "",
        line => line.strip_prefix("# ").unwrap_or(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A source with a module in a file of its own.
fn without_body(source: &str, module: &str) -> String {
    let open = format!("mod {module} {{\n");
    let start = source.find(&open).unwrap();
    let end = start + source[start..].find("\n}\n").unwrap();
    format!("{}mod {module};{}", &source[..start], &source[end + 2..])
}

/// A line without its numbers, and with no unit of time.
fn masked(line: &str) -> String {
    let words = line.split(' ').filter_map(|word| {
        let bare = word.trim_end_matches(',');
        match bare {
            "µs" | "ms" | "s" => None,
            _ if bare.parse::<f64>().is_ok() => Some("N"),
            _ => Some(bare),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// An author who does what the guide says.
struct Author {
    _folder: Folder,
    /// The package.
    package: PathBuf,
    node: Option<Staying>,
    /// What the command before has printed.
    printed: String,
}

impl Author {
    /// Does what one line of a block says.
    fn run(&mut self, line: &str, dev_lines: &[&str]) {
        let mut words = words(line);
        // Where the guide leaves something out, it is what the command before has printed.
        for word in words.iter_mut().filter(|word| word.contains('…')) {
            word.clone_from(&self.printed);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let [program, arguments @ ..] = words.as_slice() else {
            panic!("a line without a command");
        };
        if *program != "refit" {
            let mut command = Command::new(program);
            let status = command.args(arguments).current_dir(&self.package).status();
            assert!(status.unwrap().success(), "`{line}`");
            return;
        }
        match arguments {
            ["run", ..] => {
                let staying = Staying::start(self.command(arguments));
                staying.lines.recv_timeout(LINE_WAIT).unwrap();
                self.node = Some(staying);
            }
            ["engine", "dev", ..] => self.dev(arguments, dev_lines),
            _ => {
                let output = self.command(arguments).output().unwrap();
                assert!(output.status.success(), "`{line}`: {output:?}");
                self.printed = String::from_utf8(output.stdout).unwrap().trim().to_owned();
            }
        }
    }

    /// Saves what the lines of the guide tell of, in their order: a change, a fault, the change again.
    fn dev(&self, arguments: &[&str], expected: &[&str]) {
        let dev = Staying::start(self.command(arguments));
        let said = dev.lines.recv_timeout(LINE_WAIT).unwrap();
        assert!(said.contains("generation 2"), "{said}");
        let more = dev.lines.recv_timeout(QUIET_WAIT);
        assert!(more.is_err(), "nobody saved: {more:?}");
        let file = self.package.join("src/lib.rs");
        let changed = fs::read_to_string(&file).unwrap();
        let changed = changed.replace("\"overflow\"", "\"too-much\"");
        let saves = [&changed, &format!("{changed}\nfn broken("), &changed];
        assert_eq!(expected.len(), saves.len(), "{expected:?}");
        for (text, expected) in saves.into_iter().zip(expected) {
            fs::write(&file, text).unwrap();
            let said = dev.lines.recv_timeout(LINE_WAIT).unwrap();
            assert_eq!(masked(&said), masked(expected));
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_refit"));
        command.args(arguments).current_dir(&self.package);
        command.env("REFIT_CACHE_DIR", compiled());
        command.stdin(Stdio::null());
        command
    }

    fn save(&self, source: &str) {
        fs::write(self.package.join("src/lib.rs"), source).unwrap();
    }
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
fn what_the_guide_has_an_author_do_does_what_it_says() {
    let guide = fs::read_to_string(GUIDE).unwrap();
    let blocks = blocks(&guide);
    let all = |section: &str, language: &str| -> Vec<&Block<'_>> {
        let is = |block: &&Block<'_>| block.section == section && block.language == language;
        blocks.iter().filter(is).collect()
    };
    let of = |section: &str, language: &str| {
        let first = all(section, language).first().copied();
        first.unwrap_or_else(|| panic!("section {section} has no block of {language}"))
    };
    let commands = |section: &str| {
        let blocks = all(section, "sh").into_iter();
        blocks
            .flat_map(|block| block.lines.clone())
            .collect::<Vec<_>>()
    };
    let folder = Folder::named("guide");
    let mut author = Author {
        package: folder.path().to_owned(),
        _folder: folder,
        node: None,
        printed: String::new(),
    };
    for line in commands("1") {
        author.run(line, &[]);
    }
    author.package.push("counter");
    author.save(&source(of("1", "rust")));
    // It tests the template's engine.
    fs::remove_file(author.package.join("tests/engine.rs")).unwrap();
    let manifest = fs::read_to_string(author.package.join("Cargo.toml")).unwrap();
    for line in &of("2", "toml").lines {
        let known = line.split('…').next().unwrap_or(line);
        let known = known.trim_end_matches('"').trim();
        assert!(manifest.contains(known), "no `{known}` in {manifest}");
    }
    for section in ["3", "4", "5"] {
        for line in commands(section) {
            author.run(line, &of("4", "text").lines);
        }
    }
    for made in ["schema.lock", "src/v1.rs", "tests/counter-v1.json"] {
        assert!(author.package.join(made).is_file(), "{made}");
    }
    let before = query(&author);
    author.save(&without_body(&source(of("6", "rust")), "v1"));
    let raised = manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\"");
    fs::write(author.package.join("Cargo.toml"), raised).unwrap();
    for section in ["6", "7"] {
        for line in commands(section) {
            author.run(line, &[]);
        }
    }
    let ran: usize = ["1", "3", "4", "5", "6", "7"]
        .map(|section| commands(section).len())
        .iter()
        .sum();
    let every = blocks.iter().filter(|block| block.language == "sh");
    assert_eq!(
        ran,
        every.map(|block| block.lines.len()).sum::<usize>(),
        "a block is not run"
    );
    let history = author.printed.clone();
    assert!(history.contains("0.1.0 → 0.2.0"), "{history}");
    assert_eq!((before.as_str(), query(&author).as_str()), ("2", "2"));
}

/// What the engine answers.
fn query(author: &Author) -> String {
    let output = author
        .command(&["query", "counter", "null"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_line_with_another_word_is_not_the_guides() {
    let line =
        "saved src/lib.rs → live as generation 3: build 812 ms, swap 31 ms, pause 96 µs, adopt";
    let same = line.replace("812 ms", "1.2 s").replace("96 µs", "1.1 ms");
    assert_eq!(masked(line), masked(&same));
    assert_ne!(masked(line), masked(&line.replace("adopt", "migrate")));
    assert_ne!(masked(line), masked(&line.replace("swap", "the swap")));
}
