//! Staged: the plan's files are read, inspected, and copied to where nobody changes them.

use super::probe::Probing;
use super::refused::{UpgradeRefused, refused, refused_by};
use super::steps::Steps;
use crate::code::offered::Offered;
use crate::limits::STAGED_BYTES_MAX;
use refit_abi::codes;
use refit_admin::api;
use refit_loader::{Candidate, StagedArtifact};
use refit_upgrade::{Phase, PlanError, PlannedModule};
use std::path::Path;

/// Stages the modules of a plan, in its order.
pub(super) fn stage_all(
    probing: &Probing<'_>,
    steps: &Steps,
) -> Result<Vec<StagedArtifact>, UpgradeRefused> {
    let mut bytes = 0;
    let modules = probing.plan.modules.iter();
    let staged = modules.map(|planned| {
        steps.goes_on(Phase::Staged)?;
        stage(probing, planned, &mut bytes)
    });
    staged.collect()
}

/// Stages one; `bytes` is what all of the plan have so far.
fn stage(
    probing: &Probing<'_>,
    planned: &PlannedModule,
    bytes: &mut usize,
) -> Result<StagedArtifact, UpgradeRefused> {
    let phase = api::Phase::Staged;
    let candidate = read(probing.offered, planned)?;
    // A copy of each stays in memory until the upgrade has ended.
    *bytes += candidate.bytes().len();
    if *bytes > STAGED_BYTES_MAX {
        let detail = format!("the plan's files have more than {STAGED_BYTES_MAX} bytes in all");
        let next = "upgrade in two steps";
        return Err(refused(phase, codes::PLAN_TOO_MANY_MODULES, &detail, next));
    }
    let found = candidate.id().to_string();
    // The file may have been replaced since: what was planned comes in, or nothing.
    if found != planned.artifact {
        let (path, planned) = (planned.path.clone(), planned.artifact.clone());
        return Err(refused_by(
            phase,
            &PlanError::Changed {
                path,
                found,
                planned,
            },
        ));
    }
    let inspected = candidate
        .inspect()
        .map_err(|error| refused_by(phase, &error))?;
    probing
        .loader
        .stage(inspected)
        .map_err(|error| refused_by(phase, &error))
}

/// The bytes of a module: those that were handed over under its hash, else what lies at its path.
fn read(offered: &Offered, planned: &PlannedModule) -> Result<Candidate, UpgradeRefused> {
    let phase = api::Phase::Staged;
    let path = Path::new(&planned.path);
    let handed_over = offered.file(&planned.artifact);
    // One that made room for others meanwhile may still lie at its path.
    let handed_over = handed_over.and_then(|file| Candidate::read(&file).ok());
    if let Some(candidate) = handed_over {
        return Ok(candidate);
    }
    Candidate::read(path).map_err(|error| match offered.found_at(&planned.path) {
        Some(found) => refused_by(
            phase,
            &PlanError::Changed {
                path: planned.path.clone(),
                found,
                planned: planned.artifact.clone(),
            },
        ),
        None => refused_by(phase, &error),
    })
}
