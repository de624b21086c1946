//! The code that the configuration names comes in at the start, if that was ordered (`--code from-config`): an upgrade for
//! which the node does not serve, at its present height, planned, rehearsed and written down as any other.

use super::Upgrades;
use super::attempt::Attempt;
use super::rules::Rules;
use crate::blocks::chain;
use crate::limits::RETIRE_WAIT_MAX;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::ApplyOptions;
use refit_admin::api::UpgradeState;
use refit_kernel::{Executor, GenerationTable, KindCount};
use refit_loader::OpenError;
use refit_ordering::Entry;
use refit_upgrade::{
    Directives, Finding, LintContext, Live, OfferedModule, Plan, PlanError, Strategy, lint, refusal,
};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the configured code does not come in. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotBrought {
    /// A library is refused.
    #[error("{} is refused: {source}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// No plan leads from the live code to it.
    #[error("the configured code does not come in: {0}")]
    Plan(#[from] PlanError),
    /// The linter refuses the plan.
    #[error("the configured code does not come in: {}", _0.reason)]
    Lint(Box<Finding>),
    /// The live generation can still be taken back.
    #[error(
        "the configured code does not come in: the live generation is on probation until block {until}"
    )]
    OnProbation {
        /// The last block of it.
        until: Height,
    },
    /// The node ends.
    #[error("the node ended before the configured code came in")]
    Ended,
}

impl Explain for NotBrought {
    fn code(&self) -> &str {
        match self {
            Self::Library { source, .. } => source.code(),
            Self::Plan(error) => error.code(),
            Self::Lint(finding) => &finding.code,
            Self::OnProbation { .. } => codes::ON_PROBATION,
            Self::Ended => codes::NODE_ENDED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Library { source, .. } => return source.next(),
            Self::Lint(_) => {
                "start the live code with --code live, and plan with --allow CODE if it is meant: refit upgrade plan"
            }
            Self::Plan(_) => {
                "start the live code with --code live, and see what stands in the way: refit upgrade plan KIND=PATH"
            }
            Self::OnProbation { .. } => {
                "start the live code with --code live, then: refit upgrade confirm, or refit upgrade rollback"
            }
            Self::Ended => "start it again",
        })
    }
}

/// The live generation, as it was found.
struct Found {
    table: Arc<GenerationTable>,
    counts: Vec<KindCount>,
}

impl Upgrades {
    /// Brings in the libraries that are not live, after the block at `height`. How that ends is in the log and in the
    /// history: a failed transition leaves the live code live.
    ///
    /// # Errors
    /// [`NotBrought`], if it cannot begin.
    pub(crate) fn bring(
        self: &Arc<Self>,
        libraries: &[PathBuf],
        height: Height,
    ) -> Result<(), NotBrought> {
        let look = |executor: &mut Executor| Found {
            table: executor.table(),
            counts: executor.kind_counts(),
        };
        let found = self.duty.ask(look, RETIRE_WAIT_MAX);
        let found = found.map_err(|_| NotBrought::Ended)?;
        let live = self.libraries().live(&found.table);
        let offered = self.offered(libraries, &live)?;
        if offered.is_empty() {
            return Ok(());
        }
        if let Some(on) = self.probation.now() {
            return Err(NotBrought::OnProbation { until: on.until });
        }
        let plan = configured(&live, &offered, &found)?;
        let counts = found.counts;
        // A handle on live code: the retirement of old code counts them.
        drop(found.table);
        if let Err(refusal) = self.not_quarantined(&plan) {
            let why = &refusal.why.detail;
            tracing::error!(%height, "the configured code does not come in, and the live code goes on: {why}");
            return Ok(());
        }
        let options = ApplyOptions::default();
        let Ok(mut rules) = Rules::new(&self.policy, &options) else {
            return Ok(());
        };
        rules.offline(None);
        rules.while_starting = true;
        rules.entry = Some(Entry::Plan {
            key: None,
            plan: chain::entry(&plan, &options).to_bytes(),
        });
        let id = {
            let mut state = self.state.lock();
            let id = state.open(&plan, None, &live, &counts);
            state.recall = rules.recall.clone();
            id
        };
        let packages = plan.packages().join(", ");
        tracing::warn!(id, %height, packages, "the configured code comes in before the node serves");
        Attempt::new(self.clone(), id, plan, live, rules).guarded();
        self.was_offline(id, None);
        let report = self.report(id);
        let is_live = report.is_some_and(|report| report.state == UpgradeState::Committed);
        if !is_live {
            tracing::error!(
                id,
                "the configured code did not come in, and the live code goes on: see refit upgrade status"
            );
        }
        Ok(())
    }

    /// Those of the libraries that are not live.
    fn offered(
        &self,
        libraries: &[PathBuf],
        live: &Live,
    ) -> Result<Vec<OfferedModule>, NotBrought> {
        let mut offered: Vec<OfferedModule> = Vec::new();
        for path in libraries {
            let module = self.probed_module(path)?;
            let is_live = live.kinds.iter().any(|it| it.artifact == module.artifact);
            let is_there = offered.iter().any(|it| it.artifact == module.artifact);
            if !is_live && !is_there {
                offered.push(module);
            }
        }
        Ok(offered)
    }

    fn probed_module(&self, path: &Path) -> Result<OfferedModule, NotBrought> {
        let probed = self.loader.probe_file(path);
        let probed = probed.map_err(|source| NotBrought::Library {
            path: path.to_owned(),
            source,
        })?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(OfferedModule {
            path: path.display().to_string(),
            artifact: probed.staged().id().to_string(),
            meant: None,
            descriptor: probed.verdict().descriptor().clone(),
            outside: probed.staged().inspection().outside_words(),
        })
    }
}

/// The plan, if the linter lets it pass.
fn configured(live: &Live, offered: &[OfferedModule], found: &Found) -> Result<Plan, NotBrought> {
    let directives = Directives {
        strategy: Strategy::Offline,
        ..Directives::default()
    };
    let mut plan = Plan::make_with(live, offered, None, &directives)?;
    let kinds = live.kinds.iter().zip(&found.counts);
    let context = LintContext {
        grants: found.table.grants().clone(),
        poisoned: kinds
            .map(|(kind, count)| (kind.descriptor.kind.clone(), count.poisoned))
            .collect(),
        ..LintContext::default()
    };
    plan.findings = lint(&plan, live, offered, &context);
    match refusal(&plan, &plan.findings) {
        Some(finding) => Err(NotBrought::Lint(Box::new(finding))),
        None => Ok(plan),
    }
}
