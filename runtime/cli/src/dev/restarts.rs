//! [`Restarts`]: the kinds whose engines a save starts afresh, and those for which nothing else is left.

use refit_abi::descriptor::KindDescriptor;
use refit_admin::api::{KindStatus, Status};
use std::collections::BTreeSet;

/// The kinds whose engines a save starts afresh, all engines of them: their states are dropped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Restarts {
    /// Those of which one engine is poisoned.
    pub(super) poisoned: bool,
    /// Those whose new state has no step from the live one.
    pub(super) changed: bool,
}

impl Restarts {
    /// Those among the kinds that were `built`.
    pub(super) fn among(self, built: &[KindDescriptor], status: &Status) -> BTreeSet<String> {
        let poisoned = status.kinds.iter().filter(|live| live.poisoned > 0);
        let poisoned = poisoned.filter(|live| self.poisoned && now(built, live).is_some());
        let changed = stranded(built, status).into_iter();
        let changed = changed.filter(|_| self.changed);
        let kinds = poisoned.chain(changed);
        kinds.map(|live| live.descriptor.kind.clone()).collect()
    }
}

/// The live kinds from whose state no step leads to the one that was `built`.
pub(super) fn stranded<'s>(built: &[KindDescriptor], status: &'s Status) -> Vec<&'s KindStatus> {
    let is_stranded = |live: &&KindStatus| {
        now(built, live).is_some_and(|now| {
            let from = live.descriptor.schema;
            let mut steps = now.migrations.iter();
            now.schema != from && !steps.any(|step| step.from_schema == from)
        })
    };
    status.kinds.iter().filter(is_stranded).collect()
}

/// The kind of this name that was built.
fn now<'b>(built: &'b [KindDescriptor], live: &KindStatus) -> Option<&'b KindDescriptor> {
    built.iter().find(|now| now.kind == live.descriptor.kind)
}
