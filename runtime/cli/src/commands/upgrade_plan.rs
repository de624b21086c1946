//! `refit upgrade plan KIND=PATH…`: what new code would do to the node, written down.
//!
//! The plan is made from what the node says is live and what the probe says of the new libraries;
//! applying it does exactly that, or is refused.

use super::rehearse;
use crate::args::PlanArgs;
use crate::artifact;
use crate::client::Client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::show;
use crate::source::Sources;
use miette::Diagnostic;
use refit_abi::Height;
use refit_admin::api::Status;
use refit_upgrade::{Candidate, Live, LiveKind, Plan, PlanError};
use std::fmt;
use std::path::Path;

/// A plan that cannot be made: the reason, shown as one of our own.
#[derive(Debug)]
pub(crate) struct PlanRefused(pub(crate) PlanError);

pub(super) async fn run(client: &Client, sources: &Sources, args: PlanArgs) -> Result<(), Failure> {
    let status: Status = client.get("/v1/status").await?;
    let candidates = args
        .engines
        .iter()
        .map(|engine| candidate(sources, &engine.name, &engine.path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut plan = Plan::make(&live(&status), &candidates, args.at_height.map(Height))
        .map_err(|error| Box::new(PlanRefused(error)))?;
    let rehearsal = match args.no_rehearsal {
        true => None,
        false => rehearse::run(client, &plan).await?,
    };
    plan.predicted_pause_us = rehearsal.as_ref().and_then(|report| report.predicted_us);
    files::write_json(&args.out, &plan)?;
    if args.output.json {
        show::json(&plan)?;
    } else {
        let predicted = rehearsal.as_ref().map(rehearse::text).unwrap_or_default();
        show::data(&(show::plan::text(&plan, &status) + &predicted))?;
    }
    show::talk(format_args!("the plan is in {}", args.out.display()));
    show::next(format_args!("refit upgrade apply {}", args.out.display()));
    Ok(())
}

/// What the node says is live, as a plan needs it.
pub(crate) fn live(status: &Status) -> Live {
    let kind = |kind: &refit_admin::api::KindStatus| LiveKind {
        descriptor: kind.descriptor.clone(),
        artifact: kind.artifact.clone(),
    };
    Live {
        generation: status.generation,
        kinds: status.kinds.iter().map(kind).collect(),
    }
}

fn candidate(sources: &Sources, kind: &str, path: &Path) -> Result<Candidate, Failure> {
    library(kind, &sources.library(path)?)
}

/// The library at `path` as a candidate to replace `kind`.
pub(crate) fn library(kind: &str, path: &Path) -> Result<Candidate, Failure> {
    let examined = artifact::examine(path)?;
    Ok(Candidate {
        path: examined.path.display().to_string(),
        artifact: examined.id.to_string(),
        meant: Some(kind.to_owned()),
        descriptor: examined.descriptor,
    })
}

impl PlanRefused {
    pub(crate) fn exit(&self) -> Exit {
        match self.0 {
            PlanError::Identical { .. } | PlanError::NoMigration { .. } => Exit::ArtifactRefused,
            _ => Exit::Usage,
        }
    }
}

impl fmt::Display for PlanRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PlanRefused {}

impl Diagnostic for PlanRefused {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("upgrade::{}", self.0.code())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.next()))
    }
}
