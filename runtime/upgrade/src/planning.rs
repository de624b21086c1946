//! Making a [`Plan`]: what each module that is offered would do to the live generation.

mod kind;

use crate::class::Class;
use crate::directives::{Directives, Strategy};
use crate::order::Crossing;
use crate::plan::{
    Live, LiveKind, OfferedModule, PLAN_FORMAT, PLAN_MODULES_MAX, Plan, PlannedModule, code_id,
};
use crate::plan_bounds::at_most;
use crate::plan_error::PlanError;
use refit_abi::Height;
use refit_abi::host::Module;
use refit_kernel::GenerationTable;

impl Plan {
    /// Plans to bring `candidates` into `live`, hot, giving up no message, within the usual budgets.
    ///
    /// # Errors
    /// As [`Plan::make_with`].
    pub fn make(
        live: &Live,
        candidates: &[OfferedModule],
        at_height: Option<Height>,
    ) -> Result<Self, PlanError> {
        Self::make_with(live, candidates, at_height, &Directives::default())
    }

    /// Plans to bring `candidates` into `live`, as `directives` order.
    ///
    /// # Errors
    /// [`PlanError`] names the module or kind that stands in the way, and what to do.
    pub fn make_with(
        live: &Live,
        candidates: &[OfferedModule],
        at_height: Option<Height>,
        directives: &Directives,
    ) -> Result<Self, PlanError> {
        if candidates.is_empty() {
            return Err(PlanError::Empty);
        }
        at_most("modules", candidates.len(), PLAN_MODULES_MAX)
            .map_err(|error| PlanError::TooMany { error })?;
        let parameters = directives.parameters.check();
        parameters.map_err(|error| PlanError::Parameters { error })?;
        let ways = Ways {
            directives,
            is_whole: is_whole(candidates, directives)?,
        };
        let mut modules = candidates
            .iter()
            .map(|candidate| plan_module(live, candidate, &ways))
            .collect::<Result<Vec<_>, _>>()?;
        // Before the order is computed, which looks kinds up by name.
        twice(&modules)?;
        named(&modules, directives)?;
        let crossings = crossings(candidates, &modules);
        ordered(&crossings)?;
        let copied = crate::order::copied(&crossings);
        for kind in modules.iter_mut().flat_map(|module| &mut module.kinds) {
            kind.copied = copied.contains(&kind.kind);
        }
        let touched = |kind: &str| {
            modules
                .iter()
                .flat_map(|m| &m.kinds)
                .any(|k| k.kind == kind)
        };
        let carried = live.kinds.iter().map(|kind| kind.descriptor.kind.clone());
        Ok(Self {
            format: PLAN_FORMAT,
            base: live.generation,
            base_code: code_id(live),
            at_height,
            carried: carried.filter(|kind| !touched(kind)).collect(),
            modules,
            directives: directives.clone(),
            findings: Vec::new(),
            release: None,
            predicted_pause_us: None,
        })
    }

    /// Plans to bring code that is at hand, in whatever file, into a generation: for benches and test kits. Nobody can
    /// tell from the plan which files those were.
    ///
    /// # Errors
    /// As [`Plan::make_with`].
    pub fn at_hand(
        live: &GenerationTable,
        modules: &[Module],
        directives: &Directives,
    ) -> Result<Self, PlanError> {
        let kinds = live.iter().map(|(_, entry)| LiveKind {
            descriptor: entry.kind.descriptor().clone(),
            artifact: "live".to_owned(),
        });
        let live = Live {
            generation: live.number(),
            kinds: kinds.collect(),
        };
        let offered = modules.iter().map(|module| OfferedModule {
            path: module.descriptor().package.clone(),
            artifact: "at-hand".to_owned(),
            meant: None,
            descriptor: module.descriptor().clone(),
            outside: Vec::new(),
        });
        Self::make_with(&live, &offered.collect::<Vec<_>>(), None, directives)
    }
}

/// In which ways states may cross.
struct Ways<'a> {
    directives: &'a Directives,
    /// One function makes the states of all kinds that come in.
    is_whole: bool,
}

/// Whether one of the modules has a function over a whole snapshot, which no node runs while it serves.
fn is_whole(candidates: &[OfferedModule], directives: &Directives) -> Result<bool, PlanError> {
    let has_one = |candidate: &&OfferedModule| candidate.descriptor.transforms_snapshot;
    let mut having = candidates.iter().filter(has_one);
    match (having.next(), having.next()) {
        (None, _) => Ok(false),
        (Some(one), Some(other)) => Err(PlanError::TwoFunctions {
            paths: [one.path.clone(), other.path.clone()],
        }),
        (Some(one), None) if directives.strategy == Strategy::Hot => {
            let path = one.path.clone();
            Err(PlanError::NeedsOffline { path })
        }
        (Some(_), None) => Ok(true),
    }
}

fn plan_module(
    live: &Live,
    candidate: &OfferedModule,
    ways: &Ways<'_>,
) -> Result<PlannedModule, PlanError> {
    let kinds = &candidate.descriptor.kinds;
    if let Some(meant) = &candidate.meant {
        if !kinds.iter().any(|kind| kind.kind == *meant) {
            let has = kinds.iter().map(|kind| kind.kind.clone()).collect();
            let (kind, path) = (meant.clone(), candidate.path.clone());
            return Err(PlanError::NotInModule { kind, path, has });
        }
        if !live.kinds.iter().any(|kind| kind.descriptor.kind == *meant) {
            return Err(PlanError::UnknownKind {
                kind: meant.clone(),
            });
        }
    }
    let kinds = kinds
        .iter()
        .map(|kind| kind::plan(live, candidate, kind, ways))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(PlannedModule {
        path: candidate.path.clone(),
        artifact: candidate.artifact.clone(),
        build_id: candidate.descriptor.build_id.clone(),
        package: candidate.descriptor.package.clone(),
        version: candidate.descriptor.package_version.clone(),
        kinds,
    })
}

/// Whether all kinds that the directives name come in, in the place of what is there.
fn named(modules: &[PlannedModule], directives: &Directives) -> Result<(), PlanError> {
    let comes = |kind: &String| {
        let mut kinds = modules.iter().flat_map(|module| &module.kinds);
        kinds.any(|planned| planned.kind == *kind && planned.class != Class::New)
    };
    let mut names = directives.restart.iter().chain(&directives.dead_letters);
    match names.find(|kind| !comes(kind)) {
        Some(kind) => Err(PlanError::NotPlanned { kind: kind.clone() }),
        None => Ok(()),
    }
}

/// The kinds that come in, with their classes.
fn crossings<'a>(candidates: &'a [OfferedModule], modules: &[PlannedModule]) -> Vec<Crossing<'a>> {
    let kinds = candidates.iter().flat_map(|c| &c.descriptor.kinds);
    let planned = modules.iter().flat_map(|module| &module.kinds);
    let classes = planned.map(|kind| kind.class);
    let crossing = |(kind, class)| Crossing { kind, class };
    kinds.zip(classes).map(crossing).collect()
}

/// Whether the transitions have an order. What stays as it is comes before all of them.
fn ordered(crossings: &[Crossing<'_>]) -> Result<(), PlanError> {
    match crate::order::stages(crossings) {
        Ok(_) => Ok(()),
        Err(kinds) => Err(PlanError::Cycle { kinds }),
    }
}

fn twice(modules: &[PlannedModule]) -> Result<(), PlanError> {
    let mut seen = Vec::new();
    for kind in modules.iter().flat_map(|module| &module.kinds) {
        if seen.contains(&&kind.kind) {
            return Err(PlanError::Twice {
                kind: kind.kind.clone(),
            });
        }
        seen.push(&kind.kind);
    }
    Ok(())
}
