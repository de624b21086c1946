//! Rules about the tree that no compiler checks. Each test names every place that breaks its rule.
//!
//! The files are those that git tracks or would track: what is ignored is nobody's business.

mod borrowed;
pub(crate) mod code;
mod codes;

use code::{code_only, lines_with_word, without_tests};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most lines of a source file: past it there is a second idea in the file.
const FILE_LINES_MAX: usize = 600;

/// The most lines between an unsafe block and the start of its SAFETY comment.
const SAFETY_LINES_MAX: usize = 8;

/// The names that the top level holds beside dot-files and dot-folders.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "abi",
    "benches",
    "engines",
    "loader",
    "runtime",
    "tests",
];

/// The folders where unsafe code may be. The fixtures are hostile modules that the loader must refuse.
const UNSAFE_FOLDERS: &[&str] = &["abi/", "loader/", "tests/fixtures/"];

/// Code whose outcome must be the same on every node.
const DETERMINISTIC_FOLDERS: &[&str] = &[
    "abi/",
    "engines/",
    "runtime/kernel/",
    "runtime/ordering/",
    "runtime/store/",
    "runtime/upgrade/",
];

/// Words that bring the machine's clock, chance or a hash map's order into code.
const NONDETERMINISTIC_WORDS: &[&str] = &[
    "HashMap",
    "HashSet",
    "Instant",
    "RandomState",
    "SystemTime",
    "thread_rng",
];

/// Places that use such a word without harm, and why.
const NONDETERMINISTIC_EXCEPT: &[(&str, &str, &str)] = &[
    (
        "runtime/kernel/src/engines/directory.rs",
        "HashMap",
        "looked up by id and never iterated; its hasher is fixed",
    ),
    (
        "runtime/kernel/src/crew/leader.rs",
        "Instant",
        "decides which crew executes a block, which no result depends on",
    ),
    (
        "runtime/kernel/src/crew/queue.rs",
        "Instant",
        "decides when a query is answered, which no result depends on",
    ),
    (
        "runtime/kernel/src/crew/on_duty.rs",
        "Instant",
        "tells whoever measures a hand-over, which no result depends on",
    ),
];

/// Words of input and output, and the folders that must do without them.
const OUTSIDE_WORDS: &[(&str, &[&str])] = &[
    (
        "runtime/upgrade/src/",
        &["File", "env", "fs", "net", "println", "process", "tokio"],
    ),
    (
        "runtime/ordering/src/",
        &["File", "env", "fs", "net", "println", "process", "tokio"],
    ),
    (
        "runtime/kernel/src/",
        &["File", "fs", "net", "println", "process", "tokio"],
    ),
    (
        "abi/src/",
        &["File", "TcpStream", "UnixStream", "fs", "net", "tokio"],
    ),
    (
        "abi/author/src/",
        &["File", "env", "fs", "net", "println", "process", "tokio"],
    ),
    (
        "loader/src/",
        // A pair of sockets to a helper is no network.
        &[
            "TcpListener",
            "TcpStream",
            "UdpSocket",
            "connect",
            "bind",
            "tokio",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Paths from the top level, in order.
fn files() -> BTreeSet<String> {
    let arguments = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let paths = String::from_utf8(output.stdout).unwrap();
    let paths = paths.split('\0').filter(|path| root().join(path).is_file());
    let paths: BTreeSet<String> = paths.map(str::to_owned).collect();
    assert!(paths.contains("Cargo.toml"), "git listed {paths:?}");
    paths
}

pub(crate) fn read(path: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(root().join(path)).unwrap()).into_owned()
}

/// Every Rust file with its text.
pub(crate) fn sources() -> impl Iterator<Item = (String, String)> {
    let paths = files().into_iter().filter(|path| path.ends_with(".rs"));
    paths.map(|path| {
        let text = read(&path);
        (path, text)
    })
}

fn is_within(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests")
}

pub(crate) fn assert_none(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}\n{}", faults.join("\n"));
}

#[test]
fn the_top_level_holds_what_the_house_has_and_nothing_else() {
    let paths = files();
    let names = paths.iter().filter_map(|path| path.split('/').next());
    let names: BTreeSet<&str> = names.filter(|name| !name.starts_with('.')).collect();
    assert_eq!(names, TOP_LEVEL.iter().copied().collect());
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    let faults = sources().filter(|(_, text)| !text.starts_with("//!"));
    assert_none(
        "begin these with `//!`:",
        faults.map(|(path, _)| path).collect(),
    );
}

#[test]
fn no_source_file_holds_a_second_idea() {
    let long = sources().map(|(path, text)| (path, text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > FILE_LINES_MAX);
    assert_none(
        "split these:",
        long.map(|(path, lines)| format!("{path}: {lines}"))
            .collect(),
    );
}

#[test]
fn nothing_is_left_for_later_in_code() {
    let stubs = ["todo!", "unimplemented!", concat!("#[", "ignore")];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (line, code) in code_only(&text).lines().enumerate() {
            if stubs.iter().any(|stub| code.contains(stub)) {
                faults.push(format!("{path}:{}: {}", line + 1, code.trim()));
            }
        }
    }
    assert_none("finish these, or remove them:", faults);
}

#[test]
fn unsafe_code_lives_in_the_contract_and_the_loader_only() {
    let mut faults = Vec::new();
    for (path, text) in sources().filter(|(path, _)| !is_within(path, UNSAFE_FOLDERS)) {
        let lines = lines_with_word(&code_only(&text), "unsafe");
        faults.extend(lines.into_iter().map(|line| format!("{path}:{line}")));
    }
    assert_none(
        "move this behind a safe function of the loader or the contract:",
        faults,
    );
}

#[test]
fn every_unsafe_block_says_who_guarantees_it() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for line in code::lines_with_unsafe_block(&code_only(&text)) {
            let above = line.saturating_sub(SAFETY_LINES_MAX + 1);
            if !lines[above..line]
                .iter()
                .any(|line| line.contains("SAFETY:"))
            {
                faults.push(format!("{path}:{line}"));
            }
        }
    }
    assert_none(
        "write `// SAFETY:` above these, with who guarantees it:",
        faults,
    );
}

#[test]
fn deterministic_code_has_no_clock_no_chance_and_no_hash_order() {
    let (mut faults, mut used) = (Vec::new(), BTreeSet::new());
    let sources = sources().filter(|(path, _)| is_within(path, DETERMINISTIC_FOLDERS));
    for (path, text) in sources.filter(|(path, _)| !is_test(path)) {
        let code = code_only(&text);
        for word in NONDETERMINISTIC_WORDS {
            let lines = lines_with_word(without_tests(&code), word);
            let except = |row: &&(&str, &str, &str)| row.0 == path && row.1 == *word;
            match NONDETERMINISTIC_EXCEPT.iter().find(except) {
                Some(row) if !lines.is_empty() => drop(used.insert(*row)),
                _ => faults.extend(lines.iter().map(|line| format!("{path}:{line}: {word}"))),
            }
        }
    }
    assert_none(
        "take it from the block or the context; use BTreeMap:",
        faults,
    );
    let stale: Vec<_> = NONDETERMINISTIC_EXCEPT
        .iter()
        .filter(|row| !used.contains(*row))
        .collect();
    assert!(
        stale.is_empty(),
        "remove from NONDETERMINISTIC_EXCEPT: {stale:?}"
    );
}

#[test]
fn the_core_does_no_input_or_output() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let code = code_only(&text);
        let rows = OUTSIDE_WORDS
            .iter()
            .filter(|(folder, _)| path.starts_with(folder));
        for word in rows.flat_map(|(_, words)| *words) {
            let lines = lines_with_word(without_tests(&code), word);
            faults.extend(lines.iter().map(|line| format!("{path}:{line}: {word}")));
        }
    }
    assert_none("do this in the node, or pass its outcome in:", faults);
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    // In pieces, so that this file does not hold what it looks for.
    let folders = ["farm", "home", "root", "tmp", "work"].map(|folder| format!("/{folder}/"));
    let hosts = [
        ["static", "crates"],
        ["index", "crates"],
        ["registry", "npmjs"],
    ];
    let hosts: Vec<String> = hosts
        .map(|parts| parts.join("."))
        .into_iter()
        .chain(["pypi".to_owned()])
        .flat_map(|host| ["io", "org"].map(|end| format!("{host}.{end}")))
        .collect();
    let mut faults = Vec::new();
    for path in files().into_iter().filter(|path| path != "Cargo.lock") {
        for (line, text) in read(&path).lines().enumerate() {
            let local = folders.iter().any(|folder| begins_a_path(text, folder));
            if local || hosts.iter().any(|host| text.contains(host.as_str())) {
                faults.push(format!("{path}:{}: {}", line + 1, text.trim()));
            }
        }
    }
    assert_none(
        "use a relative path, a temporary folder or a setting:",
        faults,
    );
}

/// Whether `folder` stands in `text` as the beginning of an absolute path.
fn begins_a_path(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-./~})*$".contains(c))
    })
}
