//! [`Armed`]: an upgrade with everything at hand, and its way through the update point.
//!
//! `Armed` ─quiesced→ `Transitioned` ─commit→ published. Each step is made only from the one before.
//! Whatever fails before the commit unwinds: what was made is dropped, the old generation's memory
//! was only read.

use crate::class::Class;
use crate::phase::{Failure, Phase, Verdict, Watch};
use crate::transition::{Transition, Work};
use crate::under_way::UnderWay;
use parking_lot::Mutex;
use refit_abi::Generation;
use refit_abi::host::{CallError, Kind, Module};
use refit_abi::schema::SchemaId;
use refit_kernel::{GenerationTable, KindIndex, LogLine, Pending, Quiesced};
use std::sync::Arc;

/// An upgrade that waits for its update point.
#[derive(Debug)]
pub struct Armed {
    base: Generation,
    table: Arc<GenerationTable>,
    classes: Vec<(String, Class)>,
    work: Arc<Vec<Work>>,
    lines: Mutex<Vec<LogLine>>,
    under_way: Arc<UnderWay>,
}

/// Why an upgrade cannot be armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmError {
    /// No step leads from the live state to the new one.
    #[error("no step leads from the live state of `{kind}` (schema {from}) to the new module's")]
    NoMigration {
        /// The kind.
        kind: String,
        /// The live schema.
        from: SchemaId,
    },
    /// The defaults of new fields cannot be made.
    #[error("a default of the new fields of `{kind}` fails: {error}")]
    Trial {
        /// The kind.
        kind: String,
        /// How.
        error: CallError,
    },
}

impl ArmError {
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ArmError::NoMigration { .. } => "plan-no-migration",
            ArmError::Trial { .. } => "default-failed",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        match self {
            ArmError::NoMigration { .. } => {
                "write the step with #[derive(Migrate)] or impl Migrate"
            }
            ArmError::Trial { .. } => "mend the default of the new field; the node is unchanged",
        }
    }
}

impl Armed {
    /// Prepares all that can be prepared for bringing `modules` into the generation `live`.
    ///
    /// Calls into the new modules (tries their defaults), so on a thread that is joined before they
    /// are unmapped.
    ///
    /// # Errors
    /// [`ArmError`]; nothing has changed.
    pub fn new(live: &GenerationTable, modules: &[Module]) -> Result<Self, ArmError> {
        let (mut replaced, mut added, mut work, mut classes) = (vec![], vec![], vec![], vec![]);
        for new in modules.iter().flat_map(Module::kinds) {
            let name = new.descriptor().kind.clone();
            let Some((index, entry)) = live.find(&name) else {
                classes.push((name, Class::New));
                added.push(new);
                continue;
            };
            let (class, pending) = crossing(&name, &entry.kind, &new)?;
            if needs_work(class, pending.as_ref()) {
                work.push(Work::new(index, class, entry.kind.clone(), new.clone()));
            }
            classes.push((name, class));
            replaced.push((index, new, pending));
        }
        Ok(Self {
            base: live.number(),
            table: live.next(replaced, added),
            classes,
            work: Arc::new(work),
            lines: Mutex::new(Vec::new()),
            under_way: Arc::default(),
        })
    }

    /// The generation that will be live.
    pub fn table(&self) -> &Arc<GenerationTable> {
        &self.table
    }

    /// How each kind crosses; kinds that are carried are not in it.
    pub fn classes(&self) -> &[(String, Class)] {
        &self.classes
    }

    /// Takes the quiesced node through the upgrade. Afterwards the new generation is published, or
    /// the old one is as it was.
    pub fn run(&self, quiesced: &mut Quiesced<'_>, watch: &mut dyn Watch) -> Verdict {
        match self.transition(quiesced, watch) {
            Ok(transitioned) => {
                let number = transitioned.commit(quiesced);
                // From here on there is no way back: a withdrawal comes too late.
                let _ = watch.reached(Phase::Committed);
                Verdict::Committed(number)
            }
            Err((phase, failure)) => Verdict::Aborted { phase, failure },
        }
    }

    /// Which transitions are running, for whoever looks on from another thread.
    pub fn under_way(&self) -> &Arc<UnderWay> {
        &self.under_way
    }

    /// What the transitions logged.
    pub fn take_lines(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines.lock())
    }

    fn transition(
        &self,
        quiesced: &mut Quiesced<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Transitioned<'_>, (Phase, Failure)> {
        watch
            .reached(Phase::Quiesced)
            .map_err(|error| (Phase::Quiesced, error.into()))?;
        let live = quiesced.table().number();
        if live != self.base {
            return Err((
                Phase::Quiesced,
                Failure::Overtaken {
                    armed: self.base,
                    live,
                },
            ));
        }
        if !self.work.is_empty() {
            let transition = Arc::new(Transition::new(
                self.work.clone(),
                quiesced.height(),
                self.under_way.clone(),
            ));
            let shared = transition.clone();
            quiesced.visit(move |chunk| shared.visit(chunk));
            *self.lines.lock() = transition.take_lines();
            if let Some(failure) = transition.take_failure() {
                self.unwind(quiesced);
                return Err((Phase::Transitioned, failure));
            }
        }
        if let Err(withdrawn) = watch.reached(Phase::Transitioned) {
            self.unwind(quiesced);
            return Err((Phase::Transitioned, withdrawn.into()));
        }
        Ok(Transitioned { armed: self })
    }

    /// Drops everything new. The states of the old generation were only read.
    fn unwind(&self, quiesced: &mut Quiesced<'_>) {
        let (work, table) = (self.work.clone(), self.table.clone());
        quiesced.visit(move |chunk| {
            for item in work.iter() {
                let Some(entry) = table.get(item.index) else {
                    continue;
                };
                let Some(pending) = &entry.pending else {
                    continue;
                };
                for mut slot in chunk.live(item.index) {
                    slot.discard_next(pending, &entry.kind);
                }
            }
        });
    }
}

/// Everything new is made; only the publication is missing.
struct Transitioned<'a> {
    armed: &'a Armed,
}

impl Transitioned<'_> {
    fn commit(self, quiesced: &mut Quiesced<'_>) -> Generation {
        quiesced.publish(self.armed.table.clone())
    }
}

/// How the states of one kind cross, and what is left to do for each after the commit.
fn crossing(name: &str, old: &Kind, new: &Kind) -> Result<(Class, Option<Pending>), ArmError> {
    let missing = || ArmError::NoMigration {
        kind: name.to_owned(),
        from: old.descriptor().schema,
    };
    let class = Class::of(old.descriptor(), new.descriptor()).ok_or_else(missing)?;
    let pending = match class {
        Class::Migrate | Class::MigrateByHand => {
            let step = new.migration_from(old.tag()).ok_or_else(missing)?;
            step.trial().map_err(|error| ArmError::Trial {
                kind: name.to_owned(),
                error,
            })?;
            Some(Pending::Settle(step))
        }
        Class::Translate => Some(Pending::Replace(old.clone())),
        Class::Carry | Class::New | Class::Adopt => None,
    };
    Ok((class, pending))
}

/// Whether the pause has to visit the engines of a kind.
fn needs_work(class: Class, pending: Option<&Pending>) -> bool {
    match (class, pending) {
        (Class::Migrate, Some(Pending::Settle(step))) => !step.defaults_only(),
        (Class::MigrateByHand | Class::Translate, _) => true,
        _ => false,
    }
}

impl Work {
    pub(crate) fn new(index: KindIndex, class: Class, old: Kind, new: Kind) -> Self {
        let step = match class {
            Class::Translate => new.migration_from_schema(old.descriptor().schema),
            _ => new.migration_from(old.tag()),
        };
        Self {
            index,
            class,
            old,
            new,
            step,
        }
    }
}
