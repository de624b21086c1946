//! The plan's linter: what an operator should know before the plan is applied, each finding with a
//! code, the reason, and what to do.
//!
//! A [`Level::Error`] refuses the plan unless the operator allows its code; what cannot be done at all
//! is a [`crate::PlanError`] instead.

mod heights;
mod rewording;
mod words;

pub use heights::{PLAN_AHEAD_US_MAX, Progress};

use crate::class::{Class, may_refuse};
use crate::plan::{Live, OfferedModule, Plan, PlannedKind, PlannedModule};
use refit_abi::codes;
use refit_abi::descriptor::{Ability, KindDescriptor};
use refit_kernel::Grants;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The codes of all findings that there are.
pub const LINT_CODES: [&str; 16] = [
    codes::AFTER_UNKNOWN_KIND,
    codes::CAPABILITY_MISSING,
    codes::CAPABILITY_NEW,
    codes::CAPABILITY_UNKNOWN_KIND,
    codes::DATA_DROPPED,
    codes::ENGINE_POISONED,
    codes::HEIGHT_FAR,
    codes::HEIGHT_PASSED,
    codes::INTERFACE_CHANGED,
    codes::MESSAGES_NOT_ACCEPTED,
    codes::OUTSIDE_CALLS,
    codes::RELEASE_QUARANTINED,
    codes::STATE_COPIED,
    codes::TIMERS_DROPPED,
    codes::UPGRADE_MESSAGE_DEFERRED,
    codes::WORDS_CHANGED,
];

/// Digits of an artifact's hash that tell it from others.
const ARTIFACT_SHOWN: usize = 12;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Note,
    /// Something may be lost or refused.
    Warning,
    /// The plan is refused unless the code is allowed.
    Error,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// A short, stable word for programs.
    pub code: String,
    /// How much it weighs.
    pub level: Level,
    /// The kind that it is about; empty if it is about the whole plan.
    pub kind: String,
    /// What is the matter.
    pub reason: String,
    /// What to do.
    pub next: String,
}

/// What the linter knows of the node beyond its code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintContext {
    /// What the node grants.
    pub grants: Grants,
    /// Poisoned engines of each kind.
    pub poisoned: BTreeMap<String, u64>,
    /// Artifacts that the node does not bring in, each with why.
    pub quarantined: BTreeMap<String, String>,
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
        linter.bus(&mut findings);
    }
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

    fn capabilities(&self, findings: &mut Vec<Finding>) {
        let missing: Vec<_> = self.context.grants.missing(self.new).collect();
        for need in &missing {
            findings.push(self.found(
                Level::Error,
                codes::CAPABILITY_MISSING,
                format!("`{}` needs to {} `{}`, and the node does not grant it", self.new.kind, need.ability, need.kind),
                "grant it in the node's configuration, or plan with --allow capability-missing and see it refused at run time",
            ));
        }
        for need in &self.new.needs {
            if self.after(&need.kind).is_none() {
                findings.push(self.found(
                    Level::Warning,
                    codes::CAPABILITY_UNKNOWN_KIND,
                    format!(
                        "`{}` names the kind `{}`, which the new generation does not have",
                        self.new.kind, need.kind
                    ),
                    "look at the spelling, or add that kind's module to the plan",
                ));
            } else if self.old.is_some_and(|old| !old.needs.contains(need))
                && !missing.contains(&need)
            {
                findings.push(self.found(
                    Level::Note,
                    codes::CAPABILITY_NEW,
                    format!(
                        "`{}` may now {} `{}`",
                        self.new.kind, need.ability, need.kind
                    ),
                    "nothing, if that is meant",
                ));
            }
        }
    }

    fn interface(&self, findings: &mut Vec<Finding>) {
        let Some(old) = self.old else { return };
        let lost = !self.new.accepts(old.message);
        let waits = may_refuse(old, self.new);
        for dependant in self.dependants(Ability::Message).filter(|_| lost) {
            findings.push(self.found(
                Level::Error,
                codes::INTERFACE_CHANGED,
                format!("the messages of `{}` changed, and `{dependant}`, which sends them, is not in the plan", self.new.kind),
                "add the dependant's new module, or let the new one convert the old messages with `impl MigrateMessage`",
            ));
        }
        for dependant in self.dependants(Ability::Message).filter(|_| waits && !lost) {
            findings.push(self.found(
                Level::Warning,
                codes::INTERFACE_CHANGED,
                format!("the new code of `{}` no longer takes an older version's messages, and `{dependant}`, which may still send such, is not in the plan", self.new.kind),
                "make sure that the dependant was built against the live version, or add its new module",
            ));
        }
        let born = old.config != self.new.config;
        for dependant in self.dependants(Ability::Spawn).filter(|_| born) {
            findings.push(self.found(
                Level::Error,
                codes::INTERFACE_CHANGED,
                format!("the configuration of `{}` changed, and `{dependant}`, which starts such engines, is not in the plan", self.new.kind),
                "add the dependant's new module: it would start them with the old configuration",
            ));
        }
        let asked = (old.query, old.answer) != (self.new.query, self.new.answer);
        for dependant in self.dependants(Ability::Read).filter(|_| asked) {
            findings.push(self.found(
                Level::Warning,
                codes::INTERFACE_CHANGED,
                format!("the queries of `{}` changed, and `{dependant}`, which asks them in its migrations, is not in the plan", self.new.kind),
                "its next migration has to ask the new way",
            ));
        }
        if waits {
            let given_up = self.plan.directives.dead_letters.contains(&self.new.kind);
            let reason = format!(
                "the messages of `{}` changed and the new code does not take all that the old code took",
                self.new.kind
            );
            let (level, next) = if given_up {
                (
                    Level::Warning,
                    "those that wait become dead letters, as the plan says",
                )
            } else {
                (
                    Level::Warning,
                    "one that waits aborts the upgrade: write `impl MigrateMessage`, or plan with --dead-letters KIND",
                )
            };
            findings.push(self.found(level, codes::MESSAGES_NOT_ACCEPTED, reason, next));
        }
    }

    fn data(&self, findings: &mut Vec<Finding>) {
        if !self.kind.dropped.is_empty() {
            findings.push(self.found(
                Level::Warning,
                codes::DATA_DROPPED,
                format!("`{}` loses {}", self.new.kind, self.kind.dropped.join(", ")),
                "nothing, if that is meant; else migrate the fields",
            ));
        }
        if self.kind.class == Class::Restart {
            findings.push(self.found(
                Level::Note,
                codes::TIMERS_DROPPED,
                format!(
                    "the engines of `{}` start afresh: the timers that they have set are dropped, and messages that wait for them come to the fresh ones",
                    self.new.kind
                ),
                "set in `init` the timers that it needs; the upgrade's report says how many were dropped",
            ));
        }
        let poisoned = self.context.poisoned.get(&self.new.kind);
        let stay = |count: &&u64| **count > 0 && self.kind.class != Class::Restart;
        if let Some(count) = poisoned.filter(stay) {
            findings.push(self.found(
                Level::Warning,
                codes::ENGINE_POISONED,
                format!(
                    "{count} engine(s) of `{}` are poisoned: they are not migrated and stay so",
                    self.new.kind
                ),
                "see which with: refit status; plan with --restart KIND to start all engines of the kind afresh",
            ));
        }
        if self.kind.copied {
            findings.push(self.found(
                Level::Note,
                codes::STATE_COPIED,
                format!("the whole states of `{}` are copied in the pause: it handles upgrade messages, or is asked in another's transition", self.new.kind),
                "see the predicted pause",
            ));
        }
    }

    fn bus(&self, findings: &mut Vec<Finding>) {
        for name in self.new.after.iter().filter(|_| self.kind.class.runs()) {
            if self.after(name).is_none() {
                findings.push(self.found(
                    Level::Warning,
                    codes::AFTER_UNKNOWN_KIND,
                    format!(
                        "`{}` comes after `{name}`, which the new generation does not have",
                        self.new.kind
                    ),
                    "look at the spelling in `AFTER`, or add that kind's module to the plan",
                ));
            }
        }
        let messaged = self
            .new
            .needs
            .iter()
            .filter(|need| need.ability == Ability::Message);
        for need in messaged.filter(|_| self.sends()) {
            let handles = self
                .after(&need.kind)
                .is_some_and(|to| to.upgrade_message.is_some());
            if handles && self.stays(&need.kind) {
                findings.push(self.found(
                    Level::Note,
                    codes::UPGRADE_MESSAGE_DEFERRED,
                    format!("upgrade messages from `{}` to engines of `{}`, whose state does not change, become ordinary messages, first in their mailboxes after the swap", self.new.kind, need.kind),
                    "nothing, if its `Message` understands them; one that it does not aborts the upgrade",
                ));
            }
        }
    }

    /// Whether engines of the kind could send upgrade messages: in their transitions, or as they handle
    /// such messages themselves.
    fn sends(&self) -> bool {
        let handles = self.new.upgrade_message.is_some() && self.kind.class != Class::Adopt;
        self.kind.class.runs() || handles
    }

    /// Whether engines of a kind go on with the state they have.
    fn stays(&self, kind: &str) -> bool {
        let mut planned = self.plan.modules.iter().flat_map(|module| &module.kinds);
        match planned.find(|planned| planned.kind == kind) {
            Some(planned) => planned.class == Class::Adopt,
            None => true,
        }
    }

    /// A kind of the new generation.
    fn after(&self, kind: &str) -> Option<&KindDescriptor> {
        incoming(self.candidates, kind).or_else(|| standing(self.live, kind))
    }

    /// The live kinds that do something to this one and are not in the plan.
    fn dependants(&self, ability: Ability) -> impl Iterator<Item = &str> {
        let depends = move |kind: &&KindDescriptor| {
            kind.kind != self.new.kind && kind.declares(ability, &self.new.kind)
        };
        self.live
            .kinds
            .iter()
            .map(|kind| &kind.descriptor)
            .filter(depends)
            .filter(|kind| incoming(self.candidates, &kind.kind).is_none())
            .map(|kind| kind.kind.as_str())
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

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}
