//! No test is switched off unseen: a target that its manifest leaves out of `cargo test`, because it has none, has
//! none. Each target that is left out saves a compilation and a link in every run.

use crate::tidy::code::code_only;
use cargo_metadata::{MetadataCommand, Package, Target};
use std::path::{Path, PathBuf};

/// Marks of a file with tests of its own.
const TESTS: &[&str] = &["#[test]", "::test]", "proptest!", "cfg(test)"];

/// Languages of a documented block that rustdoc does not run.
const NOT_RUN: &[&str] = &["ignore", "json", "sh", "text", "toml"];

fn packages() -> Vec<Package> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = MetadataCommand::new();
    let metadata = command.manifest_path(root).no_deps().exec().unwrap();
    assert!(metadata.packages.len() > 10, "the workspace");
    metadata.packages
}

/// The files of a target: a library's whole folder, a program's own file.
fn files_of(target: &Target) -> Vec<PathBuf> {
    let path = target.src_path.as_std_path();
    let mut files = Vec::new();
    match is_library(target) {
        true => collect(path.parent().unwrap(), &mut files),
        false => files.push(path.to_owned()),
    }
    files
}

fn is_library(target: &Target) -> bool {
    !target.is_bin() && !target.is_test() && !target.is_custom_build()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_target_that_is_left_out_of_the_tests_has_none() {
    let (mut left_out, mut faults) = (0, Vec::new());
    for package in packages() {
        let targets = package.targets.iter();
        for target in targets.filter(|target| !target.test && !target.is_custom_build()) {
            left_out += 1;
            for file in files_of(target) {
                let code = code_only(&std::fs::read_to_string(&file).unwrap());
                if TESTS.iter().any(|word| code.contains(word)) {
                    faults.push(format!("{}: {}", package.name, file.display()));
                }
            }
        }
    }
    assert!(left_out > 0, "cargo tells of none");
    assert!(
        faults.is_empty(),
        "take `test = false` out of their manifests:\n{}",
        faults.join("\n")
    );
}

#[test]
fn a_library_whose_examples_are_not_run_has_none() {
    let (mut left_out, mut faults) = (0, Vec::new());
    for package in packages() {
        let targets = package.targets.iter();
        for target in targets.filter(|target| is_library(target) && !target.doctest) {
            left_out += 1;
            for file in files_of(target) {
                let text = std::fs::read_to_string(&file).unwrap();
                let lines = examples(&text).into_iter();
                faults.extend(lines.map(|line| format!("{}:{line}", file.display())));
            }
        }
    }
    assert!(left_out > 0, "cargo tells of none");
    assert!(
        faults.is_empty(),
        "take `doctest = false` out of the manifest, or name the language of:\n{}",
        faults.join("\n")
    );
}

/// The lines on which an example begins that rustdoc would run.
fn examples(text: &str) -> Vec<usize> {
    let (mut inside, mut found) = (false, Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with("#![doc = include_str!") || line.starts_with("#[doc = include_str!") {
            found.push(number + 1);
        }
        let doc = line.strip_prefix("//!").or(line.strip_prefix("///"));
        let Some(language) = doc.and_then(|doc| doc.trim_start().strip_prefix("```")) else {
            continue;
        };
        if !inside && !NOT_RUN.contains(&language.trim()) {
            found.push(number + 1);
        }
        inside = !inside;
    }
    found
}

#[test]
fn an_example_in_a_comment_is_found_and_a_picture_is_not() {
    let picture = "//! ```text\n//! a → b\n//! ```\n";
    assert_eq!(examples(picture), Vec::<usize>::new());
    let example = "    /// ```\n    /// let a = 1;\n    /// ```\n";
    assert_eq!(examples(&format!("{picture}{example}")), [4]);
    assert_eq!(examples("#![doc = include_str!(\"../README.md\")]"), [1]);
}
