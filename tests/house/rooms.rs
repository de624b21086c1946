//! The rooms of a crate lie on floors: none imports from one above it, so whoever reads one has read all that it
//! stands on.

use crate::tidy::code::code_only;
use crate::tidy::{assert_none, read, sources};
use std::collections::BTreeSet;

/// A crate whose rooms lie on floors. A room is a folder or a file at the top of its source.
struct Crate {
    /// The folder of its source.
    source: &'static str,
    /// Its rooms, from the ground up.
    floors: &'static [&'static str],
}

const CRATES: &[Crate] = &[
    Crate {
        source: "runtime/kernel/src/",
        floors: &[
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
        ],
    },
    Crate {
        source: "runtime/upgrade/src/",
        floors: &[
            "finding",
            "class",
            "registry",
            "under_way",
            "budget",
            "placed",
            "plan_error",
            "order",
            "directives",
            "whole_fault",
            "phase",
            "plan",
            "plan_bounds",
            "bus",
            "lint",
            "planning",
            "transition",
            "whole",
            "armed",
            "stopwatch",
        ],
    },
    Crate {
        source: "runtime/node/src/",
        floors: &[
            "micros",
            "hex",
            "replace",
            "limits",
            "entries",
            "log",
            "known",
            "watch",
            "pause",
            "answers",
            "rehearsal",
            "code",
            "trust",
            "releases",
            "probation",
            "blocks",
            "upgrade",
            "recovery",
            "snapshot",
            "offline",
            "serve",
            "start",
            "doctor",
        ],
    },
    Crate {
        source: "runtime/cli/src/",
        floors: &[
            "units",
            "signals",
            "exit",
            "output",
            "progress",
            "failure",
            "artifact",
            "files",
            "client",
            "show",
            "args",
            "package",
            "release",
            "destination",
            "config",
            "source",
            "commands",
            "dev",
            "demo",
            "chaos",
            "bench",
            "dispatch",
        ],
    },
];

impl Crate {
    /// Its floor; `None` of a name that is no room: a type that the crate hands on.
    fn floor(&self, room: &str) -> Option<usize> {
        self.floors.iter().position(|it| *it == room)
    }

    /// The room that a file is in, if it is one of this crate's.
    fn room<'a>(&self, path: &'a str) -> Option<&'a str> {
        let inside = path.strip_prefix(self.source)?;
        let first = inside.split('/').next()?;
        let room = first.strip_suffix(".rs").unwrap_or(first);
        // What the crate is entered by knows all rooms.
        (!["lib", "main"].contains(&room)).then_some(room)
    }

    /// What imports from above, what has no floor, and which floors are nobody's.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut rooms = BTreeSet::new();
        for (path, text) in sources() {
            let Some(room) = self.room(&path) else {
                continue;
            };
            let Some(own) = self.floor(room) else {
                faults.push(format!(
                    "{path}: no floor of {} is called {room}",
                    self.source
                ));
                continue;
            };
            rooms.insert(room.to_owned());
            for other in imported(&code_only(&text)) {
                if self.floor(other).is_some_and(|other| other > own) {
                    faults.push(format!("{path} imports from {other}"));
                }
            }
        }
        let gone = self.floors.iter().filter(|it| !rooms.contains(**it));
        faults.extend(gone.map(|room| format!("{}: there is no room {room}", self.source)));
        faults
    }
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
fn no_room_imports_from_one_above_it() {
    let faults = CRATES.iter().flat_map(Crate::faults).collect();
    assert_none("move what is imported to a lower room:", faults);
}

#[test]
fn an_import_is_seen_wherever_it_is_written() {
    let code = code_only(&read("runtime/kernel/src/crew.rs"));
    for room in ["block", "executor", "limits", "swap"] {
        assert!(imported(&code).contains(room), "{room}");
    }
}
