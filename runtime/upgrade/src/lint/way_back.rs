//! Findings about the way back: that a plan takes it, and that none leads back from what a plan brings.

use super::Linter;
use crate::class::Class;
use crate::finding::{Finding, Level};
use refit_abi::codes;

impl Linter<'_> {
    /// An older version comes in.
    pub(super) fn downgrade(&self) -> Option<Finding> {
        let (old, new) = (self.old?, self.new);
        (self.kind.class == Class::MigrateBack).then(|| {
            self.found(
                Level::Note,
                codes::DOWNGRADE,
                format!(
                    "`{}` goes back from version {} to version {}: the live code makes the older states, and the \
                     older code goes on as the next generation",
                    new.kind, old.version, new.version
                ),
                "nothing, if that is meant; what the older version has no field for is lost",
            )
        })
    }

    /// The new code cannot give back the states that it takes.
    pub(super) fn irreversible(&self) -> Option<Finding> {
        let (old, new) = (self.old?, self.new);
        let mut ways = new.ways_back.iter();
        // An older version that came back leads forward again, by the step that the newer one has.
        let leads_back = old.schema == new.schema
            || self.kind.class == Class::MigrateBack
            || ways.any(|way| way.to == old.schema);
        (!leads_back).then(|| {
            self.found(
                Level::Note,
                codes::IRREVERSIBLE,
                format!(
                    "once it is permanent no plan leads back from version {} of `{}`: it has no way back to the \
                     live state",
                    new.version, new.kind
                ),
                "look at it well while it is on probation (refit upgrade rollback); with \
                 --snapshot-before irreversible, apply takes a snapshot first",
            )
        })
    }
}
