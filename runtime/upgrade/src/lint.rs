//! The plan's linter: what an operator should know before the plan is applied, each finding with a
//! code, the reason, and what to do.
//!
//! A [`Level::Error`] refuses the plan unless the operator allows its code; what cannot be done at all
//! is a [`crate::PlanError`] instead.

mod crossing;

mod heights;
mod interface;
mod rewording;
mod way_back;
mod words;

use crate::finding::{Finding, Level};
pub use heights::{PLAN_AHEAD_US_MAX, Progress};

use crate::plan::{Live, OfferedModule, Plan, PlannedKind, PlannedModule};
use refit_abi::codes;
use refit_abi::descriptor::KindDescriptor;
use refit_kernel::Grants;
use std::collections::BTreeMap;

/// Digits of an artifact's hash that tell it from others.
const ARTIFACT_SHOWN: usize = 12;

/// What the linter knows of the node beyond its code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintContext {
    /// What the node grants.
    pub grants: Grants,
    /// Poisoned engines of each kind.
    pub poisoned: BTreeMap<String, u64>,
    /// Artifacts that the node does not bring in, each with why.
    pub quarantined: BTreeMap<String, String>,
    /// Whether code that may do more than the live code is an error: the node's policy.
    pub refuses_new_capabilities: bool,
    /// How far its blocks are, if heights are to be looked at.
    pub progress: Option<Progress>,
}

/// All findings about `plan`, which was made from `live` and `candidates`; the weightiest first.
pub fn lint(
    plan: &Plan,
    live: &Live,
    candidates: &[OfferedModule],
    context: &LintContext,
) -> Vec<Finding> {
    let mut findings: Vec<_> = candidates.iter().filter_map(outside).collect();
    findings.extend(heights::finding(plan, context));
    findings.extend(
        plan.modules
            .iter()
            .filter_map(|it| quarantined(it, context)),
    );
    let planned = plan.modules.iter().flat_map(|module| &module.kinds);
    for kind in planned {
        let Some(new) = incoming(candidates, &kind.kind) else {
            continue;
        };
        let linter = Linter {
            plan,
            live,
            candidates,
            context,
            kind,
            new,
            old: standing(live, &kind.kind),
        };
        linter.capabilities(&mut findings);
        linter.interface(&mut findings);
        linter.words(&mut findings);
        linter.data(&mut findings);
        findings.extend(linter.downgrade());
        findings.extend(linter.irreversible());
        linter.bus(&mut findings);
    }
    // The sort is stable: within a level they stay in the order of the plan.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

/// A module that reaches outside of the node, where nothing is the same twice.
fn outside(candidate: &OfferedModule) -> Option<Finding> {
    let kind = candidate.descriptor.kinds.first()?.kind.clone();
    (!candidate.outside.is_empty()).then(|| Finding {
        code: codes::OUTSIDE_CALLS.to_owned(),
        level: Level::Warning,
        reason: format!(
            "the module of `{kind}` reaches outside of the node: {}",
            candidate.outside.join(", ")
        ),
        next: "make sure that no state, reply or message depends on it: a replay, and every other node, must come to the same".to_owned(),
        kind,
    })
}

/// A module that the node will not bring in.
fn quarantined(module: &PlannedModule, context: &LintContext) -> Option<Finding> {
    let why = context.quarantined.get(&module.artifact)?;
    let short = module.artifact.get(..ARTIFACT_SHOWN).unwrap_or_default();
    let kind = module.kinds.first()?.kind.clone();
    Some(Finding {
        code: codes::RELEASE_QUARANTINED.to_owned(),
        level: Level::Warning,
        reason: format!(
            "the code of `{kind}` is in quarantine, and is refused when the plan is applied: {why}"
        ),
        next: format!(
            "bring a mended build; to try this one again all the same: refit upgrade quarantine --clear {short}"
        ),
        kind,
    })
}

/// The first finding that refuses the plan.
pub fn refusal(plan: &Plan, findings: &[Finding]) -> Option<Finding> {
    let allowed = |finding: &Finding| plan.directives.allow.contains(&finding.code);
    findings
        .iter()
        .find(|finding| finding.level == Level::Error && !allowed(finding))
        .cloned()
}

/// One kind that comes in, and all that it is looked at with.
struct Linter<'a> {
    plan: &'a Plan,
    live: &'a Live,
    candidates: &'a [OfferedModule],
    context: &'a LintContext,
    kind: &'a PlannedKind,
    new: &'a KindDescriptor,
    old: Option<&'a KindDescriptor>,
}

impl Linter<'_> {
    fn found(&self, level: Level, code: &str, reason: String, next: &str) -> Finding {
        Finding {
            code: code.to_owned(),
            level,
            kind: self.new.kind.clone(),
            reason,
            next: next.to_owned(),
        }
    }

    /// A kind of the new generation.
    fn after(&self, kind: &str) -> Option<&KindDescriptor> {
        incoming(self.candidates, kind).or_else(|| standing(self.live, kind))
    }
}

fn incoming<'a>(candidates: &'a [OfferedModule], kind: &str) -> Option<&'a KindDescriptor> {
    let mut kinds = candidates.iter().flat_map(|c| &c.descriptor.kinds);
    kinds.find(|descriptor| descriptor.kind == kind)
}

fn standing<'a>(live: &'a Live, kind: &str) -> Option<&'a KindDescriptor> {
    let mut kinds = live.kinds.iter().map(|live| &live.descriptor);
    kinds.find(|descriptor| descriptor.kind == kind)
}
