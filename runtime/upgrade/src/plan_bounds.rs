//! How large a plan may be, and of what words: looked at before anything is done for it, as anybody may hand one over.
//!
//! A plan names each file once and lists its kinds; a report says the file again with each kind. So it is not enough
//! that the document is small.

use crate::plan::{PLAN_MODULES_MAX, Plan, PlannedModule};
use crate::plan_error::PlanBoundsError;
use refit_abi::KIND_BYTES_MAX;
use refit_abi::host::shown;
use std::collections::BTreeSet;

/// Kinds that a plan may name, those that are carried among them; and as many words in its directives.
pub const PLAN_KINDS_MAX: usize = 4096;

/// Bytes of a path, the system's own bound.
pub const PLAN_PATH_BYTES_MAX: usize = 4096;

/// Bytes of every other name: of a package, a version, a hash.
pub const PLAN_NAME_BYTES_MAX: usize = 256;

/// Bytes that a report of the plan has for its files and names, said with each kind.
pub const PLAN_REPORT_BYTES_MAX: usize = 1 << 20;

impl Plan {
    /// Whether the plan is of a size that a node works with, and all its names can be shown as they are.
    ///
    /// # Errors
    /// [`PlanBoundsError`] names the first thing that is not.
    pub fn check_bounds(&self) -> Result<(), PlanBoundsError> {
        at_most("modules", self.modules.len(), PLAN_MODULES_MAX)?;
        let named = self.modules.iter().map(|module| module.kinds.len());
        let kinds = named.sum::<usize>() + self.carried.len();
        at_most("kinds", kinds, PLAN_KINDS_MAX)?;
        let directives = &self.directives;
        let orders = directives.restart.len() + directives.dead_letters.len();
        at_most("orders", orders + directives.allow.len(), PLAN_KINDS_MAX)?;
        let mut artifacts = BTreeSet::new();
        for module in &self.modules {
            module.check_names()?;
            if !artifacts.insert(&module.artifact) {
                return Err(PlanBoundsError::SameFile {
                    artifact: module.artifact.clone(),
                });
            }
        }
        if let Some(release) = &self.release {
            name("release", &release.id, PLAN_NAME_BYTES_MAX)?;
            name("name of the release", &release.name, PLAN_NAME_BYTES_MAX)?;
        }
        for kind in &self.carried {
            name("kind", kind, KIND_BYTES_MAX)?;
        }
        let ordered = [&directives.restart, &directives.dead_letters];
        for kind in ordered.into_iter().flatten() {
            name("kind", kind, KIND_BYTES_MAX)?;
        }
        for code in &directives.allow {
            name("code", code, PLAN_NAME_BYTES_MAX)?;
        }
        name(
            "hash of the live code",
            &self.base_code,
            PLAN_NAME_BYTES_MAX,
        )?;
        let found = self.modules.iter().map(PlannedModule::report_bytes).sum();
        match found <= PLAN_REPORT_BYTES_MAX {
            true => Ok(()),
            false => Err(PlanBoundsError::Report {
                found,
                most: PLAN_REPORT_BYTES_MAX,
            }),
        }
    }
}

impl PlannedModule {
    fn check_names(&self) -> Result<(), PlanBoundsError> {
        name("path", &self.path, PLAN_PATH_BYTES_MAX)?;
        for (what, text) in [
            ("artifact", &self.artifact),
            ("build id", &self.build_id),
            ("package", &self.package),
            ("version", &self.version),
        ] {
            name(what, text, PLAN_NAME_BYTES_MAX)?;
        }
        let mut kinds = self.kinds.iter();
        kinds.try_for_each(|kind| name("kind", &kind.kind, KIND_BYTES_MAX))
    }

    /// The bytes of what a report says with each of its kinds.
    fn report_bytes(&self) -> usize {
        let said = [&self.path, &self.artifact, &self.package, &self.version];
        let bytes = said.iter().map(|text| text.len()).sum::<usize>() + KIND_BYTES_MAX;
        bytes * self.kinds.len()
    }
}

pub(crate) fn at_most(
    what: &'static str,
    found: usize,
    most: usize,
) -> Result<(), PlanBoundsError> {
    match found <= most {
        true => Ok(()),
        false => Err(PlanBoundsError::TooMany { what, found, most }),
    }
}

fn name(what: &'static str, text: &str, bytes_max: usize) -> Result<(), PlanBoundsError> {
    // What may be shown as it is comes out of this unchanged.
    if text.len() <= bytes_max && shown(text, bytes_max) == text {
        return Ok(());
    }
    Err(PlanBoundsError::Name {
        what,
        bytes_max,
        shown: shown(text, KIND_BYTES_MAX),
    })
}
