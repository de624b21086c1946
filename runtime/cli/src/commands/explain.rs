//! `refit explain CODE`: what a code means and what to do, as `runtime/ERRORS.md` has it.

use crate::args::ExplainArgs;
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::codes::{self, Exit, Known};
use refit_abi::host::Explain;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write;

/// No code has the name.
#[derive(Debug, thiserror::Error)]
#[error("`{code}` is no code of a node or of this program; an engine has codes of its own")]
struct Unknown {
    code: String,
}

impl Explain for Unknown {
    fn code(&self) -> &str {
        codes::CODE_UNKNOWN
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed("see all codes with: refit explain")
    }
}

impl Reported for Unknown {}

/// A code, as programs read it.
#[derive(Debug, Serialize)]
struct Explained<'a> {
    code: &'a str,
    means: &'a str,
    next: &'a str,
    exit: u8,
    exit_means: &'a str,
}

impl<'a> From<&'a Known> for Explained<'a> {
    fn from(known: &'a Known) -> Self {
        Self {
            code: known.code,
            means: known.means(),
            next: known.next,
            exit: known.exit.number(),
            exit_means: known.exit.means(),
        }
    }
}

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let Some(code) = &args.code else {
        return all(args.output.json);
    };
    let known = codes::find(code).ok_or_else(|| Unknown { code: code.clone() })?;
    match args.output.json {
        true => show::json(&Explained::from(known)),
        false => show::data(&text(known)),
    }
}

fn all(json: bool) -> Result<(), Failure> {
    if json {
        let known = codes::GROUPS.iter().flat_map(|group| group.codes);
        return show::json(&known.map(Explained::from).collect::<Vec<_>>());
    }
    let mut text = String::new();
    for group in codes::GROUPS {
        // A string takes all that is written to it.
        let _ = writeln!(text, "{}", group.title);
        for known in group.codes {
            let _ = writeln!(text, "  {:<30}  {}", known.code, known.means());
        }
    }
    show::data(&text)
}

fn text(known: &Known) -> String {
    let Known {
        code, exit, next, ..
    } = known;
    let means = known.means();
    match exit {
        // Other commands print this code; none ends by it.
        Exit::Done => format!("{code}\n\n{means}\nnext: {next}\n"),
        exit => format!(
            "{code}\n\n{means}\nnext: {next}\nexit: {}, {}\n",
            exit.number(),
            exit.means()
        ),
    }
}
