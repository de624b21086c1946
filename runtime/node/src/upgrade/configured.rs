//! The code that the configuration names comes in at the start, if that was ordered (`--code from-config`): an upgrade for
//! which the node does not serve, at its present height, planned, rehearsed and written down as any other.

use super::Upgrades;
use super::attempt::Attempt;
use super::rules::Rules;
use crate::blocks::chain;
use crate::limits::RETIRE_WAIT_MAX;
use refit_abi::Height;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::ApplyOptions;
use refit_admin::api::UpgradeState;
use refit_kernel::{Executor, GenerationTable, KindCount};
use refit_loader::OpenError;
use refit_ordering::Entry;
use refit_upgrade::{
    Directives, Finding, LintContext, Live, OfferedModule, Plan, PlanError, Strategy, lint, refusal,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
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
    /// Another upgrade was armed, and waits for its height.
    #[error(
        "the configured code does not come in: upgrade {id} is armed, and was made for the code that is live"
    )]
    UnderWay {
        /// Its number.
        id: u64,
    },
    /// The node does not stop serving for an upgrade.
    #[error("the configured code does not come in: {}", _0.detail)]
    MayNot(Box<Explained>),
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
            Self::UnderWay { .. } => codes::UPGRADE_UNDER_WAY,
            Self::MayNot(why) => &why.code,
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
            Self::UnderWay { .. } => {
                "start the live code with --code live, then wait for that upgrade, or: refit upgrade cancel ID"
            }
            Self::MayNot(_) => "start the live code with --code live, or with another max_downtime",
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
        let under_way = self.state.lock().reports.under_way();
        if let Some(id) = under_way {
            return Err(NotBrought::UnderWay { id });
        }
        let plan = configured(&live, &offered, &found)?;
        self.may_stop(&plan)
            .map_err(|refusal| NotBrought::MayNot(refusal.why))?;
        let counts = found.counts;
        // A handle on live code: the retirement of old code counts them.
        drop(found.table);
        let refused = self
            .not_quarantined(&plan)
            .map_err(|refusal| refusal.why.detail);
        // Nothing brings by itself what has failed: not a start that happens to name it.
        let refused = refused.and_then(|()| self.not_failed(&plan));
        if let Err(why) = refused {
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

    /// Whether nothing of the plan is on record as failed.
    fn not_failed(&self, plan: &Plan) -> Result<(), String> {
        let artifacts = plan.artifacts();
        let entries = self.policy.quarantine.entries().into_iter();
        let mut of_it =
            entries.filter(|entry| entry.artifacts.iter().any(|it| artifacts.contains(it)));
        match of_it.next() {
            None => Ok(()),
            Some(entry) => Err(format!(
                "it has failed before ({}); to have it brought again: refit upgrade quarantine --clear",
                entry.reason
            )),
        }
    }

    /// Those of the libraries that are not live.
    fn offered(
        &self,
        libraries: &[PathBuf],
        live: &Live,
    ) -> Result<Vec<OfferedModule>, NotBrought> {
        let mut offered: Vec<OfferedModule> = Vec::new();
        let mut all = BTreeMap::new();
        for path in libraries {
            let module = self.probed_module(path)?;
            for kind in &module.descriptor.kinds {
                let before = all.insert(kind.kind.clone(), module.artifact.clone());
                if before.is_some_and(|before| before != module.artifact) {
                    let kind = kind.kind.clone();
                    return Err(PlanError::Twice { kind }.into());
                }
            }
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
