//! `refit doctor`: what a data folder is like, and what to do about it.
//!
//! It ends well if nothing is worse than a note. The folder of a node that runs is not looked into: the node is asked how
//! it is.

use super::settings::{self, Flags};
use super::{block_on, outside, sandbox};
use crate::args::{CommonArgs, DoctorArgs, PolicyArgs};
use crate::artifact::probe_command;
use crate::client::{Client, NodeAddress};
use crate::config::{self, File};
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::api::Status;
use refit_node::doctor::{
    ConfiguredEngine, Facts, Finding, LockFacts, Look, NodeAnswer, Severity, Wanted, judge, look,
};
use serde::Serialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// What was found. The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Found<'a> {
    data_dir: &'a PathBuf,
    worst: Severity,
    findings: &'a [Finding],
    facts: &'a Facts,
}

/// Something is wrong with the folder.
#[derive(Debug, thiserror::Error)]
#[error("{}: {detail}", counted(*faults, *warnings))]
struct Wrong {
    faults: usize,
    warnings: usize,
    /// The worst of it.
    detail: String,
    next: String,
}

impl Explain for Wrong {
    fn code(&self) -> &str {
        codes::DOCTOR_FOUND
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.next)
    }
}

impl Reported for Wrong {}

pub(crate) fn run(common: &CommonArgs, args: &DoctorArgs) -> Result<(), Failure> {
    let file = config::load(common)?;
    let data_dir = config::data_dir(common, &file);
    let data_dir = std::path::absolute(&data_dir).unwrap_or(data_dir);
    let wanted = wanted(&file);
    let mut refused = refused(&file, &data_dir);
    let keyset = outside::keyset(&file).unwrap_or_else(|why| {
        refused.push(Explained::of(&why));
        None
    });
    let mut facts = look(&Look {
        folder: &data_dir,
        wanted: wanted.as_ref(),
        keyset: keyset.as_deref(),
        all: args.all,
        probe: &probe_command(),
    });
    facts.refused = refused;
    facts.node = match &facts.lock {
        LockFacts::Held {
            socket: Some(socket),
            ..
        } if !socket.as_os_str().is_empty() => Some(ask(socket.clone())?),
        _ => None,
    };
    let findings = judge(&facts);
    let worst = findings.iter().map(|it| it.severity).max();
    let worst = worst.unwrap_or(Severity::Ok);
    match args.output.json {
        true => show::json(&Found {
            data_dir: &data_dir,
            worst,
            findings: &findings,
            facts: &facts,
        })?,
        false => show::data(&show::doctor::text(&data_dir, &findings))?,
    }
    let run = match wanted {
        Some(_) => "refit run",
        None => "refit run --engine NAME=PATH",
    };
    ends(&findings, worst, run)
}

/// The engines that the configuration file names.
fn wanted(file: &File) -> Option<Wanted> {
    let engines = config::engines_of(file)
        .into_iter()
        .map(|engine| ConfiguredEngine {
            name: engine.name,
            kind: engine.kind,
            path: engine.path,
            config: engine.config,
        });
    let engines: Vec<_> = engines.collect();
    (!engines.is_empty()).then(|| Wanted::engines(engines))
}

/// What a start ends with before it opens the store: settings of the configuration file, and links that lead out of the
/// folder.
fn refused(file: &File, data_dir: &Path) -> Vec<Explained> {
    let policy = PolicyArgs::default();
    let settings = settings::check(Flags::of_policy(&policy), file);
    let settings = settings.err().map(|why| Explained::of(&why));
    let choice = file.node.sandbox.unwrap_or_default();
    let links = match data_dir.is_dir() {
        true => sandbox::refuse_beyond_room(choice, data_dir).err(),
        false => None,
    };
    let links = links.map(|why| Explained::of(&*why));
    settings.into_iter().chain(links).collect()
}

/// Asks the node that has the folder how it is.
fn ask(socket: PathBuf) -> Result<NodeAnswer, Failure> {
    let client = Client::new(NodeAddress::Unix(socket), None);
    let status = block_on(client.get::<Status>("/v1/status"))?;
    Ok(match status {
        Err(failure) => NodeAnswer::Silent {
            why: failure.to_string(),
        },
        Ok(status) => match status.starting {
            Some(last) => NodeAnswer::Starts {
                height: status.height,
                last,
            },
            None => NodeAnswer::Serves {
                height: status.height,
                generation: status.generation,
                halted: status
                    .halted
                    .map(|halted| Explained::new(halted.code, halted.detail, halted.next)),
            },
        },
    })
}

/// Ends the command as the worst finding says; `run` starts the node.
fn ends(findings: &[Finding], worst: Severity, run: &str) -> Result<(), Failure> {
    let of = |severity| findings.iter().filter(move |it| it.severity == severity);
    // The first of the worst: what comes later may be its effect.
    let first = of(worst).next();
    if worst < Severity::Warning {
        let mut nexts = findings.iter().filter_map(|it| it.next.as_deref());
        let command = nexts.find(|next| next.starts_with("refit "));
        show::next(command.unwrap_or(run));
        return Ok(());
    }
    let next = first.and_then(|finding| finding.next.clone());
    Err(Wrong {
        faults: of(Severity::Fault).count(),
        warnings: of(Severity::Warning).count(),
        detail: first.map(|it| it.detail.clone()).unwrap_or_default(),
        next: next.unwrap_or_else(|| "refit doctor".to_owned()),
    }
    .into())
}

/// How much is wrong.
fn counted(faults: usize, warnings: usize) -> String {
    let some = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {one}s")),
    };
    let counted = [some(faults, "fault"), some(warnings, "warning")];
    let counted: Vec<_> = counted.into_iter().flatten().collect();
    counted.join(" and ")
}
