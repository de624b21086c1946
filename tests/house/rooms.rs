//! The rooms of the kernel lie on floors: none imports from one above it, so whoever reads one has read all that it
//! stands on.

use crate::tidy::code::code_only;
use crate::tidy::{assert_none, read, sources};
use std::collections::BTreeSet;

const KERNEL: &str = "runtime/kernel/src/";

/// The rooms, a folder or a file at the top of the kernel each, from the ground up.
const FLOORS: &[&str] = &[
    "limits",
    "sync",
    "amount",
    "gate",
    "parameters",
    "reply",
    "generation",
    "keys",
    "causes",
    "envelope",
    "outcome",
    "engines",
    "executor",
    "block",
    "look",
    "image",
    "swap",
    "crew",
    "duty",
];

/// Its floor; `None` of a name that is no room: a type that the kernel hands on.
fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|it| *it == room)
}

/// The room that a file of the kernel is in.
fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix(KERNEL)?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// The rooms that code imports from.
fn imported(code: &str) -> BTreeSet<&str> {
    let after = code
        .match_indices("crate::")
        .map(|(at, found)| &code[at + found.len()..]);
    let word = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_');
    after
        .map(|text| &text[..word(text).unwrap_or(text.len())])
        .collect()
}

#[test]
fn no_room_of_the_kernel_imports_from_one_above_it() {
    let mut faults = Vec::new();
    let mut rooms = BTreeSet::new();
    for (path, text) in sources() {
        let Some(room) = room(&path).filter(|room| *room != "lib") else {
            continue;
        };
        let Some(own) = floor(room) else {
            faults.push(format!("{path}: no floor of FLOORS is called {room}"));
            continue;
        };
        rooms.insert(room.to_owned());
        for other in imported(&code_only(&text)) {
            if floor(other).is_some_and(|other| other > own) {
                faults.push(format!("{path} imports from {other}"));
            }
        }
    }
    assert_none("move what is imported to a lower room:", faults);
    let gone: Vec<_> = FLOORS.iter().filter(|it| !rooms.contains(**it)).collect();
    assert!(gone.is_empty(), "remove from FLOORS: {gone:?}");
}

#[test]
fn an_import_is_seen_wherever_it_is_written() {
    let code = code_only(&read("runtime/kernel/src/crew.rs"));
    for room in ["block", "executor", "limits", "swap"] {
        assert!(imported(&code).contains(room), "{room}");
    }
}
