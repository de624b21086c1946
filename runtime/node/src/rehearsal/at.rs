//! [`At`]: whose code a rehearsal is in. The child says it in a line whenever that changes; the parent keeps the last
//! one, to name whom to mend if the child has to be killed.

use refit_abi::EngineId;
use refit_abi::host::running;
use std::fmt;

/// Begins a line that names the engines whose transitions run.
const ENGINES: &str = "at ";

/// Begins a line that names a kind whose code runs outside of a transition.
const KIND: &str = "in ";

/// Engines that a line names at most.
const ENGINES_MAX: usize = 4;

/// Whose code runs in a rehearsal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The engines whose transitions run.
    pub engines: Vec<String>,
    /// Without such, the kind whose code runs: it makes a default, checks a state, or reads one.
    pub kind: Option<String>,
}

impl At {
    /// Looks at this process, in which the transitions of `engines` are under way.
    pub(super) fn look(engines: &[EngineId]) -> Self {
        let names = engines.iter().take(ENGINES_MAX);
        let engines: Vec<String> = names.map(ToString::to_string).collect();
        let mut calls = match engines.is_empty() {
            true => running::all().into_iter(),
            false => Vec::new().into_iter(),
        };
        let named = calls.find(|call| !call.label.kind().is_empty());
        Self {
            engines,
            kind: named.map(|call| call.label.kind().to_owned()),
        }
    }

    /// The line, with its end.
    pub(super) fn line(&self) -> String {
        match &self.kind {
            Some(kind) => format!("{KIND}{kind}\n"),
            None => format!("{ENGINES}{}\n", self.engines.join(" ")),
        }
    }

    /// What such a line says; `None` for any other.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(line);
        if let Some(kind) = text.strip_prefix(KIND) {
            return Some(Self {
                engines: Vec::new(),
                kind: Some(kind.trim_end().to_owned()),
            });
        }
        let names = text.strip_prefix(ENGINES)?;
        Some(Self {
            engines: names.split_whitespace().map(str::to_owned).collect(),
            kind: None,
        })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.engines.as_slice(), &self.kind) {
            ([], None) => Ok(()),
            ([], Some(kind)) => write!(
                f,
                " in code of kind `{kind}` outside of a transition: a default of a new field, a check, or how a state is read"
            ),
            ([engine], _) => write!(f, " in the transition of engine `{engine}`"),
            (several, _) => write!(
                f,
                " in the transitions of the engines {}",
                several.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_seen() {
        let none = At::look(&[]);
        assert_eq!(At::of(none.line().as_bytes()), Some(none));
        let two = At::look(&["kv", "ledger"].map(|name| EngineId::root(name).unwrap()));
        assert_eq!(two.line(), "at kv ledger\n");
        assert_eq!(At::of(b"at kv ledger\n"), Some(two));
        let kind = At::of(b"in kv\n").unwrap();
        assert_eq!(kind.kind.as_deref(), Some("kv"));
        assert_eq!(At::of(kind.line().as_bytes()), Some(kind));
        assert_eq!(At::of(b"{\"interface\":1}"), None);
    }
}
