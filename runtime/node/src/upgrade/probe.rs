//! Probed: a child process has found each module fit, and it gives what the plan says. None of its code is here yet.

use super::attempt::Attempt;
use super::refused::{UpgradeRefused, refused, refused_by};
use super::stage;
use super::steps::Steps;
use crate::code::offered::Offered;
use refit_admin::api;
use refit_kernel::Grants;
use refit_loader::{Loader, ProbedArtifact};
use refit_upgrade::{
    Class, LintContext, Live, OfferedModule, Phase, Plan, PlanError, PlannedModule, lint, refusal,
};
use std::time::Instant;

/// A plan, and what it meets.
pub(super) struct Probing<'a> {
    pub(super) loader: &'a Loader,
    /// Libraries that were handed over.
    pub(super) offered: &'a Offered,
    pub(super) plan: &'a Plan,
    pub(super) live: &'a Live,
    /// The grants of the live generation.
    pub(super) grants: &'a Grants,
    /// Whether code that may do more than the live code is refused.
    pub(super) refuses_new_capabilities: bool,
}

impl Attempt {
    pub(super) fn probe(&mut self, grants: &Grants) -> Result<Vec<ProbedArtifact>, UpgradeRefused> {
        let probing = Probing {
            loader: &self.upgrades.loader,
            offered: &self.upgrades.offered,
            plan: &self.plan,
            live: &self.live,
            grants,
            refuses_new_capabilities: self.upgrades.policy.refuses_new_capabilities,
        };
        let probed = probing.run(&mut self.steps)?;
        self.is_of_release(&probed)?;
        self.name(&probed);
        Ok(probed)
    }

    /// What an older plan leaves out, its modules say.
    fn name(&mut self, probed: &[ProbedArtifact]) {
        for (planned, probed) in self.plan.modules.iter_mut().zip(probed) {
            let descriptor = probed.verdict().descriptor();
            planned.package.clone_from(&descriptor.package);
            planned.version.clone_from(&descriptor.package_version);
        }
        let modules = &self.plan.modules;
        self.upgrades.update(self.id, |report| {
            for kind in &mut report.engines {
                let brings = |module: &&PlannedModule| module.artifact == kind.artifact;
                if let Some(module) = modules.iter().find(brings) {
                    kind.package.clone_from(&module.package);
                    kind.to_package_version.clone_from(&module.version);
                }
            }
        });
    }
}

impl Probing<'_> {
    /// From the files to modules that a child process found fit.
    pub(super) fn run(&self, steps: &mut Steps) -> Result<Vec<ProbedArtifact>, UpgradeRefused> {
        let start = Instant::now();
        let staged = stage::stage_all(self, steps)?;
        steps.reached(Phase::Staged, start)?;
        let start = Instant::now();
        let mut probed = Vec::new();
        for artifact in staged {
            steps.goes_on(Phase::Probed)?;
            let refused = |error: refit_loader::ProbeError| refused_by(api::Phase::Probed, &error);
            probed.push(self.loader.probe(artifact).map_err(refused)?);
        }
        self.check(&probed)?;
        steps.reached(Phase::Probed, start)?;
        Ok(probed)
    }

    /// Whether the code gives what the plan says: the plan is made again, from what was probed.
    fn check(&self, probed: &[ProbedArtifact]) -> Result<(), UpgradeRefused> {
        let (plan, live, phase) = (self.plan, self.live, api::Phase::Probed);
        let coming: Vec<_> = plan
            .modules
            .iter()
            .zip(probed)
            .map(|(planned, probed)| OfferedModule {
                path: planned.path.clone(),
                artifact: planned.artifact.clone(),
                // Whether a module has the kind that the operator meant was looked at when the plan was made.
                meant: None,
                descriptor: probed.verdict().descriptor().clone(),
                outside: probed.staged().inspection().outside_words(),
            })
            .collect();
        let again = Plan::make_with(live, &coming, plan.at_height, &plan.directives)
            .map_err(|error| refused_by(phase, &error))?;
        as_planned(&again, plan).map_err(|error| refused_by(phase, &error))?;
        // The quarantine and the height were looked at when the plan was taken on, and poisoned engines only warn.
        let context = LintContext {
            grants: self.grants.clone(),
            refuses_new_capabilities: self.refuses_new_capabilities,
            ..LintContext::default()
        };
        let findings = lint(&again, live, &coming, &context);
        match refusal(plan, &findings) {
            Some(found) => Err(refused(phase, found.code, &found.reason, found.next)),
            None => Ok(()),
        }
    }
}

/// Whether a plan that was made again, from the code that was found, is the one that was planned.
pub(crate) fn as_planned(again: &Plan, plan: &Plan) -> Result<(), PlanError> {
    // Before the whole is compared: this names the kind, that only knows that something differs.
    same_classes(again, plan)?;
    let mut modules = again.modules.iter().zip(&plan.modules);
    let differs = modules.any(|(found, planned)| differ(found, planned));
    let is_same = again.modules.len() == plan.modules.len() && !differs;
    match is_same && again.carried == plan.carried {
        true => Ok(()),
        false => Err(PlanError::Base {
            planned: plan.base,
            live: again.base,
        }),
    }
}

fn same_classes(again: &Plan, plan: &Plan) -> Result<(), PlanError> {
    let kinds = |plan: &Plan| -> Vec<(String, Class)> {
        let kinds = plan.modules.iter().flat_map(|module| &module.kinds);
        kinds.map(|kind| (kind.kind.clone(), kind.class)).collect()
    };
    let pairs = kinds(plan).into_iter().zip(kinds(again));
    for ((kind, planned), (_, found)) in pairs {
        if planned != found {
            return Err(PlanError::Class {
                kind,
                planned,
                found,
            });
        }
    }
    Ok(())
}

/// Whether a module is not the one that was planned. An older plan does not name its package and version.
fn differ(found: &PlannedModule, planned: &PlannedModule) -> bool {
    let mut found = found.clone();
    if planned.package.is_empty() && planned.version.is_empty() {
        (found.package, found.version) = (String::new(), String::new());
    }
    found != *planned
}
