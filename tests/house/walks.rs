//! The walks of `runtime/ARCHITECTURE.md` lead through functions that exist.
//!
//! A step is written `crate/file.rs::function` in back quotes, without the folder `src`. A reader who opens the file finds
//! the function; what was renamed or moved fails here.

use std::fs;
use std::path::{Path, PathBuf};

/// Fewer steps than this, and the page is not the one that is meant.
const STEPS_MIN: usize = 60;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The functions that the page names, in back quotes and with `::`.
fn steps(page: &str) -> Vec<(&str, &str)> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|quoted| quoted.split_once(".rs::"))
        .filter(|(file, function)| file.contains('/') && is_word(function))
        .collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The path of a step's file: crates of the runtime may leave out that folder.
fn path(file: &str) -> PathBuf {
    let (package, inside) = file.split_once('/').unwrap();
    let package = match package {
        "abi" | "loader" => root().join(package),
        other => root().join("runtime").join(other),
    };
    package.join("src").join(format!("{inside}.rs"))
}

/// Whether `function` is defined in `text`.
fn defines(text: &str, function: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("fn ") {
        let name = after.strip_prefix(function);
        if name.is_some_and(|next| next.starts_with(['(', '<'])) {
            return true;
        }
        rest = after;
    }
    false
}

#[test]
fn each_step_of_the_walks_is_a_function_that_exists() {
    let page = fs::read_to_string(root().join("runtime/ARCHITECTURE.md")).unwrap();
    let steps = steps(&page);
    assert!(steps.len() >= STEPS_MIN, "only {} steps", steps.len());
    let mut wrong = Vec::new();
    for (file, function) in steps {
        match fs::read_to_string(path(file)) {
            Ok(text) if defines(&text, function) => {}
            Ok(_) => wrong.push(format!("{file}.rs has no function `{function}`")),
            Err(error) => wrong.push(format!("{file}.rs: {error}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "runtime/ARCHITECTURE.md:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn each_file_of_the_code_map_exists() {
    let page = fs::read_to_string(root().join("runtime/ARCHITECTURE.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    for row in rows {
        let mut quoted = row.split('`').skip(1).step_by(2);
        let package = root().join("runtime").join(quoted.next().unwrap());
        if !package.join("Cargo.toml").exists() {
            continue;
        }
        for file in quoted.filter(|it| it.ends_with(".rs") || it.ends_with('/')) {
            let path = package.join("src").join(file);
            assert!(
                path.exists(),
                "{} of the code map is not there",
                path.display()
            );
        }
    }
}

#[test]
fn a_function_is_found_by_its_whole_name() {
    assert!(defines("pub fn route(", "route"));
    assert!(defines("fn with<T>(", "with"));
    assert!(!defines("fn routes(", "route"));
    assert!(!defines("route(", "route"));
}
