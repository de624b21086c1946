//! [`Subject`]: one bench of a program, run as a process, and the figures in its report.

use crate::BenchError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;

/// A bench that is run on both programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `refit bench swap`: pause and work of each class, at 1 and 1,000 engines of 10 entries.
    Swap,
    /// `refit bench gate`: a gated and batched call, by size of batch.
    Gate,
    /// `refit bench messages`: a message between two engines.
    Messages,
    /// `refit bench bus`: each case.
    Bus,
}

/// A word that names no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no bench; give swap, gate, messages or bus")]
pub struct SubjectError {
    /// The name as given.
    pub name: String,
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(name: &str) -> Result<Self, SubjectError> {
        let all = [Self::Swap, Self::Gate, Self::Messages, Self::Bus];
        all.into_iter()
            .find(|subject| subject.name() == name)
            .ok_or_else(|| SubjectError {
                name: name.to_owned(),
            })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The form of a subject's figures in a program's report.
struct Shape {
    /// The list in its report; the report itself if empty.
    list: &'static str,
    /// The members that name an item of the list.
    names: &'static [&'static str],
    /// The figures to compare, each a spread.
    figures: &'static [&'static str],
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Subject::Swap => "swap",
            Subject::Gate => "gate",
            Subject::Messages => "messages",
            Subject::Bus => "bus",
        }
    }

    fn shape(self) -> Shape {
        match self {
            Subject::Swap => Shape {
                list: "cells",
                names: &["engines", "entries", "class"],
                figures: &["pause_us", "work_us"],
            },
            Subject::Gate => Shape {
                list: "batches",
                names: &["batch"],
                figures: &["gated_ns"],
            },
            Subject::Messages => Shape {
                list: "",
                names: &[],
                figures: &["ns_per_message"],
            },
            Subject::Bus => Shape {
                list: "cases",
                names: &["case"],
                figures: &["ms"],
            },
        }
    }

    /// Flags that make one measurement short: it is the pairs that are many.
    fn flags(self, folder: &Path) -> Vec<String> {
        let out = ["--out".to_owned(), folder.display().to_string()];
        let words = |words: &str| words.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        match self {
            Subject::Swap => [&words("--repetitions 1 --engines 1,1000")[..], &out].concat(),
            Subject::Bus => [&words("--repetitions 1")[..], &out].concat(),
            Subject::Gate | Subject::Messages => Vec::new(),
        }
    }

    /// Runs the program once.
    pub(super) fn measure(self, program: &Path) -> Result<BTreeMap<String, f64>, BenchError> {
        let fail = |reason: String| BenchError::Program {
            path: program.to_owned(),
            reason,
        };
        let folder = tempfile::tempdir().map_err(BenchError::file("create", "a folder"))?;
        let output = Command::new(program)
            .args(["bench", self.name(), "--json"])
            .args(self.flags(folder.path()))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| fail(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(fail(format!("{}: {said}", output.status)));
        }
        let report = serde_json::from_slice(&output.stdout)?;
        self.figures(&report)
            .filter(|figures| !figures.is_empty())
            .ok_or_else(|| fail(format!("its report of `bench {self}` has another form")))
    }

    fn figures(self, report: &Value) -> Option<BTreeMap<String, f64>> {
        let shape = self.shape();
        let members = match shape.list {
            "" => std::slice::from_ref(report),
            list => report.get(list)?.as_array()?.as_slice(),
        };
        let mut found = BTreeMap::new();
        for member in members {
            let mut cell = self.name().to_owned();
            for name in shape.names {
                let text = match member.get(name)? {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                cell += &format!(" {name}={text}");
            }
            for figure in shape.figures {
                let median = member.get(figure)?.get("p50")?.as_f64()?;
                found.insert(format!("{cell} {figure}"), median);
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_named_by_their_cell() {
        let report = serde_json::json!({"batches": [
            {"batch": 32, "gated_ns": {"p50": 2.5}},
            {"batch": 64, "gated_ns": {"p50": 1.5}},
        ]});
        let figures = Subject::Gate.figures(&report).unwrap();
        let expected = [
            ("gate batch=32 gated_ns", 2.5),
            ("gate batch=64 gated_ns", 1.5),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(figures, BTreeMap::from(expected));
        assert_eq!(Subject::Bus.figures(&report), None);
    }
}
