//! Findings about how the states of a kind cross: what is lost, what is copied, and what its transitions send.

use super::Linter;
use crate::class::Class;
use crate::finding::{Finding, Level};
use refit_abi::codes;
use refit_abi::descriptor::Ability;

impl Linter<'_> {
    pub(super) fn data(&self, findings: &mut Vec<Finding>) {
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

    pub(super) fn bus(&self, findings: &mut Vec<Finding>) {
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
}
