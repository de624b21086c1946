//! Findings about what a kind and the others may do to each other, and whether they still understand each other.

use super::{Linter, incoming};
use crate::class::may_refuse;
use crate::finding::{Finding, Level};
use refit_abi::codes;
use refit_abi::descriptor::{Ability, KindDescriptor};

impl Linter<'_> {
    pub(super) fn capabilities(&self, findings: &mut Vec<Finding>) {
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
            } else if self.old.is_none_or(|old| !old.needs.contains(need))
                && !missing.contains(&need)
            {
                let (level, next) = match self.context.refuses_new_capabilities {
                    true => (
                        Level::Error,
                        "plan with --allow capability-new, if that is meant: the node's policy is that no code may newly do more",
                    ),
                    false => (Level::Note, "nothing, if that is meant"),
                };
                findings.push(self.found(
                    level,
                    codes::CAPABILITY_NEW,
                    format!(
                        "`{}` may now {} `{}`",
                        self.new.kind, need.ability, need.kind
                    ),
                    next,
                ));
            }
        }
    }

    pub(super) fn interface(&self, findings: &mut Vec<Finding>) {
        let Some(old) = self.old else { return };
        // Two losses: the live form itself, or only an older one, of which messages may still wait.
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
