//! Upgrades: planned, linted, armed and run as a node does it, with linked modules.

use crate::testkit::Testkit;
use refit_abi::codes;
use refit_abi::export::LinkedModule;
use refit_abi::host::Explain;
use refit_abi::host::{CallError, Module, ModuleError};
use refit_abi::{EngineId, Generation};
use refit_kernel::{LogLine, StateError};
use refit_upgrade::{
    ArmError, Armed, Class, Directives, Failure, Finding, LintContext, Live, OfferedModule, Phase,
    Plan, PlanError, PlannedKind, Unwatched, Verdict, lint, refusal,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A committed upgrade.
#[derive(Debug)]
pub struct Upgraded {
    /// The generation that is live now.
    pub generation: Generation,
    /// The plan: the same as `refit upgrade plan` shows.
    pub plan: Plan,
    /// The findings of the plan's linter.
    pub findings: Vec<Finding>,
    /// The lines that transitions logged.
    pub lines: Vec<LogLine>,
}

/// Why an upgrade did not happen: the old generation goes on, with the states it had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The module cannot be used.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// No plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan's linter refuses it.
    #[error("the plan is refused: {0}")]
    Refused(Finding),
    /// The plan cannot be prepared.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// A new state does not pass its own check. A node finds it in its rehearsal, before anything happens;
    /// here the engines are new by now.
    #[error("the new state of engine `{engine}` does not pass its check: {error}")]
    Check {
        /// The engine that has the state.
        engine: EngineId,
        /// The error of the check.
        error: CallError,
    },
    /// It was aborted at its update point.
    #[error("aborted, {phase}: {failure}")]
    Aborted {
        /// The phase that was not passed.
        phase: Phase,
        /// The failure, with its phase.
        failure: Box<Failure>,
        /// The lines that transitions logged.
        lines: Vec<LogLine>,
    },
}

impl UpgradeError {
    /// A short, stable word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::Module(_) => codes::MODULE_UNUSABLE,
            Self::Plan(error) => error.code(),
            Self::Refused(finding) => &finding.code,
            Self::Arm(error) => error.code(),
            Self::Check { .. } => codes::CHECK_FAILED,
            Self::Aborted { failure, .. } => failure.code(),
        }
    }

    /// The next step for the author.
    pub fn next(&self) -> Cow<'_, str> {
        match self {
            Self::Module(_) => Cow::Borrowed("build the module against this refit-abi"),
            Self::Plan(error) => error.next(),
            Self::Refused(finding) => Cow::Borrowed(&finding.next),
            Self::Arm(error) => error.next(),
            Self::Check { .. } => Cow::Borrowed("mend the migration, or the check"),
            Self::Aborted { failure, .. } => failure.next(),
        }
    }
}

impl Upgraded {
    /// The class by which the states of a kind crossed; [`Class::Carry`] if it was not in the plan.
    pub fn class(&self, kind: &str) -> Class {
        self.planned(kind)
            .map_or(Class::Carry, |planned| planned.class)
    }

    /// The fields of a kind whose data went.
    pub fn dropped(&self, kind: &str) -> &[String] {
        self.planned(kind)
            .map_or(&[], |planned| planned.dropped.as_slice())
    }

    /// Whether the linter found this.
    pub fn found(&self, code: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    fn planned(&self, kind: &str) -> Option<&PlannedKind> {
        let mut kinds = self.plan.modules.iter().flat_map(|module| &module.kinds);
        kinds.find(|planned| planned.kind == kind)
    }
}

impl Testkit {
    /// Upgrades to a module at the update point after the newest block.
    ///
    /// # Errors
    /// [`UpgradeError`]; the engines go on as if nothing had been, but after [`UpgradeError::Check`].
    #[track_caller]
    pub fn upgrade(&mut self, module: LinkedModule) -> Result<Upgraded, UpgradeError> {
        self.upgrade_with(&[module], &Directives::default())
    }

    /// Upgrades to several modules in one step, as the directives order.
    ///
    /// # Errors
    /// As [`Testkit::upgrade`].
    #[track_caller]
    pub fn upgrade_with(
        &mut self,
        modules: &[LinkedModule],
        directives: &Directives,
    ) -> Result<Upgraded, UpgradeError> {
        let roots = modules.iter();
        let modules: Vec<Module> = roots
            .map(|root| Module::linked(*root))
            .collect::<Result<_, _>>()?;
        let candidates: Vec<OfferedModule> = modules
            .iter()
            .map(|module| self.modules.candidate(module))
            .collect();
        let (plan, findings) = self.planned(&candidates, directives)?;
        let armed = self.armed(&plan, &modules)?;
        let (verdict, lines) = self.node_mut().at_update_point(move |quiesced| {
            let verdict = armed.run(quiesced, &mut Unwatched);
            (verdict, armed.take_lines())
        });
        match verdict {
            Verdict::Committed(generation) => {
                self.modules.came_in(&candidates);
                self.settle();
                self.checked(&plan)?;
                self.look_over();
                Ok(Upgraded {
                    generation,
                    plan,
                    findings,
                    lines,
                })
            }
            Verdict::Aborted { phase, failure } => Err(UpgradeError::Aborted {
                phase,
                failure: Box::new(failure),
                lines,
            }),
        }
    }

    /// Whether the new states of all kinds of the plan pass their own check: what a node's rehearsal asks.
    fn checked(&self, plan: &Plan) -> Result<(), UpgradeError> {
        let kinds = plan.modules.iter().flat_map(|module| &module.kinds);
        let kinds: BTreeSet<String> = kinds.map(|kind| kind.kind.clone()).collect();
        let checked = self.node().call(move |executor| {
            let table = executor.table();
            let comes = |index| {
                let entry = table.get(index);
                entry.is_some_and(|entry| kinds.contains(&entry.kind.descriptor().kind))
            };
            executor.check_states(comes)
        });
        checked.map_err(|StateError { engine, error }| UpgradeError::Check { engine, error })
    }

    /// The plan and what its linter finds.
    #[track_caller]
    fn planned(
        &self,
        candidates: &[OfferedModule],
        directives: &Directives,
    ) -> Result<(Plan, Vec<Finding>), UpgradeError> {
        let (live, poisoned) = self.live();
        let plan = Plan::make_with(&live, candidates, None, directives)?;
        let context = LintContext {
            grants: self.modules.grants().clone(),
            poisoned,
            ..LintContext::default()
        };
        let findings = lint(&plan, &live, candidates, &context);
        match refusal(&plan, &findings) {
            Some(finding) => Err(UpgradeError::Refused(finding)),
            None => Ok((plan, findings)),
        }
    }

    /// The live code and engines, and the number of poisoned engines of each kind.
    #[track_caller]
    fn live(&self) -> (Live, BTreeMap<String, u64>) {
        let (table, counts) = self
            .node()
            .call(|executor| (executor.table(), executor.kind_counts()));
        let kinds = table.iter().map(|(_, entry)| entry.kind.descriptor());
        let poisoned = kinds
            .zip(counts)
            .map(|(kind, count)| (kind.kind.clone(), count.poisoned));
        (self.modules.live(&table), poisoned.collect())
    }

    #[track_caller]
    fn armed(&self, plan: &Plan, modules: &[Module]) -> Result<Armed, ArmError> {
        let table = self.node().call(|executor| executor.table());
        Armed::new(plan, &table, modules)
    }
}
