//! Rules about codes: each is one constant of `refit_abi::codes`, said by somebody, and a literal nowhere.

use super::code::without_tests;
use super::{files, read};
use refit_abi::codes::{GROUPS, Known};
use std::collections::BTreeSet;

/// The folder of the list of codes.
const LIST: &str = "abi/src/codes/";

/// Texts that look like a code and are none.
const NO_CODES: &[(&str, &str)] = &[("runtime/node/src/log/troubles.rs", "reply-lost")];

fn codes() -> impl Iterator<Item = &'static Known> {
    GROUPS.iter().flat_map(|group| group.codes)
}

/// Source of the product, the list apart: what comes before the tests.
fn product() -> Vec<(String, String)> {
    let is_product = |path: &String| {
        let rooms = ["abi/", "loader/", "runtime/", "benches/src/"];
        path.ends_with(".rs")
            && rooms.iter().any(|room| path.starts_with(room))
            && path.contains("/src/")
            && !path.starts_with(LIST)
            && !path.contains("/tests")
    };
    let paths = files().into_iter().filter(is_product);
    paths
        .map(|path| {
            let text = without_tests(&read(&path)).to_owned();
            (path, text)
        })
        .collect()
}

#[test]
fn each_code_is_one_word_of_one_form_and_says_what_to_do() {
    let mut seen = BTreeSet::new();
    for known in codes() {
        let code = known.code;
        assert!(seen.insert(code), "`{code}` stands twice");
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(
            code.chars().all(is_plain),
            "`{code}` is not of a-z, 0-9 and `-`"
        );
        assert_eq!(known.name, code.to_uppercase().replace('-', "_"), "{code}");
        for text in [known.means(), known.next] {
            assert!(
                text.ends_with(['.', '?']),
                "`{code}` is told of in no sentence: {text}"
            );
            let first = text.chars().next().unwrap();
            assert!(first.is_uppercase() || first == '`', "{code}: {text}");
        }
    }
}

#[test]
fn each_code_is_said_by_somebody() {
    let product = product();
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let names: BTreeSet<&str> = product
        .iter()
        .flat_map(|(_, text)| text.split(|c| !is_name(c)))
        .collect();
    let unused: Vec<_> = codes()
        .filter(|known| !names.contains(known.name))
        .map(|known| known.code)
        .collect();
    assert!(
        unused.is_empty(),
        "nobody says these, take them out: {unused:?}"
    );
}

#[test]
fn no_code_is_written_as_a_text() {
    // A plain word is a word of the language too.
    let known: BTreeSet<&str> = codes()
        .map(|known| known.code)
        .filter(|code| code.contains('-'))
        .collect();
    let mut faults = Vec::new();
    for (path, text) in product() {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (at, line) in lines {
            let texts = line.split('"').filter(|text| known.contains(text));
            for text in texts.filter(|text| !NO_CODES.contains(&(path.as_str(), text))) {
                faults.push(format!("{path}:{}: {text}", at + 1));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "say the constant:\n{}",
        faults.join("\n")
    );
}
