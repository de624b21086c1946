//! The guides name only commands and flags that there are: every line of every `sh` block is looked up
//! in the program's own help.

use crate::served::Folder;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The doors, from the top level.
const GUIDES: [&str; 6] = [
    "README.md",
    "abi/README.md",
    "abi/testkit/README.md",
    "benches/README.md",
    "runtime/CONFIGURATION.md",
    "runtime/README.md",
];

/// Commands that have commands of their own.
const GROUPS: [&str; 9] = [
    "bench",
    "config",
    "engine",
    "key",
    "keyset",
    "parameters",
    "release",
    "snapshot",
    "upgrade",
];

/// The commands of all guides that there are at least: fewer, and the blocks are not found any more.
const COMMANDS_MIN: usize = 20;

/// What one line of a block asks for.
#[derive(Debug)]
struct Asked {
    place: String,
    /// `engine`, `build`.
    command: Vec<String>,
    flags: Vec<String>,
}

#[test]
fn the_operators_guide_explains_every_finding_of_the_linter() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let unexplained: Vec<_> = refit_upgrade::LINT_CODES
        .into_iter()
        .filter(|code| !guide.contains(&format!("`{code}`")))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}

#[test]
fn the_engine_that_the_guide_begins_with_is_the_package_to_copy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let guide = read("abi/README.md");
    let (_, block) = guide.split_once("```rust\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    // What rustdoc does not show is there for rustdoc.
    let shown: Vec<&str> = block
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    let package = read("engines/counter/src/lib.rs");
    let code: Vec<&str> = package
        .lines()
        .skip_while(|line| line.starts_with("//!") || line.is_empty())
        .collect();
    assert_eq!(code, shown);
}

#[test]
fn the_guides_name_only_commands_and_flags_that_there_are() {
    let folder = Folder::new();
    let (mut helps, mut faults) = (BTreeMap::new(), String::new());
    let asked: Vec<Asked> = GUIDES.iter().flat_map(|guide| asked_in(guide)).collect();
    assert!(asked.len() >= COMMANDS_MIN, "{asked:#?}");
    for Asked {
        place,
        command,
        flags,
    } in asked
    {
        let help = helps.entry(command.clone()).or_insert_with(|| {
            let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            arguments.push("--help");
            folder.run(&arguments)
        });
        if help.exit != 0 {
            writeln!(faults, "{place}: there is no `{}`", command.join(" ")).unwrap();
            continue;
        }
        for flag in flags.iter().filter(|flag| !has(&help.stdout, flag)) {
            writeln!(faults, "{place}: `{}` has no {flag}", command.join(" ")).unwrap();
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Whether the help names just this flag.
fn has(help: &str, flag: &str) -> bool {
    help.split(|c: char| c.is_whitespace() || c == ',')
        .any(|word| word == flag)
}

/// The program's commands in the `sh` blocks of a guide.
fn asked_in(guide: &str) -> Vec<Asked> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(guide)).unwrap();
    let (mut inside, mut found) = (false, Vec::new());
    for (number, line) in text.lines().enumerate() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                let place = format!("{guide}:{}", number + 1);
                found.extend(asked(place, &words(line)));
            }
            _ => {}
        }
    }
    found
}

/// What a line asks of the program, if it runs it.
fn asked(place: String, words: &[String]) -> Option<Asked> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ours = match words.as_slice() {
        ["refit", ours @ ..] => ours,
        ["cargo", "run", rest @ ..] => {
            let dashes = rest.iter().position(|word| *word == "--")?;
            &rest[dashes + 1..]
        }
        _ => return None,
    };
    let deep = ours.first().is_some_and(|first| GROUPS.contains(first));
    let (command, rest) = ours.split_at(ours.len().min(1 + usize::from(deep)));
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let flags: Vec<&str> = rest
        .iter()
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| word.split('=').next().unwrap_or(word))
        .collect();
    Some(Asked {
        place,
        command: owned(command),
        flags: owned(&flags),
    })
}

/// The words of a line up to a comment or a following command; a quoted text is one word.
pub(crate) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            ('#', None) if word.is_empty() => break,
            ('&' | '|' | ';', None) => break,
            (c, None) if c.is_whitespace() => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            }
            (c, _) => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[test]
fn a_command_or_flag_that_is_not_there_would_be_found() {
    let line = words("refit engine build 'a folder' --out=x --nothing  # --comment");
    let asked = asked(String::new(), &line).unwrap();
    assert_eq!(asked.command, ["engine", "build"]);
    assert_eq!(asked.flags, ["--out", "--nothing"]);
    let help = Folder::new().run(&["engine", "build", "--help"]).stdout;
    assert!(has(&help, "--out") && !has(&help, "--nothing") && !has(&help, "--ou"));
    let none = Folder::new().run(&["engine", "unheard-of", "--help"]);
    assert_ne!(none.exit, 0);
}
