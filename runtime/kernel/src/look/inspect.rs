//! Looking at the engines between two blocks: how they are, how many, what their states are.

use crate::engines::slot::{EngineStatus, Poison, Slot, SlotState};
use crate::executor::Executor;
use crate::generation::kept::Kept;
use crate::generation::table::{KindEntry, KindIndex};
use crate::limits::RECORD_BYTES_MAX;
use crate::outcome::LogLine;
use crate::outcome::dead_letters::DeadLetterBrief;
use refit_abi::host::{CallError, Instance, Kind, Pieces, running};
use refit_abi::schema::SchemaId;
use refit_abi::{BlockTime, EngineId, Generation, Height, Undelivered};

/// States as postcard, each with its engine.
pub type States = Vec<(EngineId, Vec<u8>)>;

/// How many engines there are of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCount {
    /// All of them.
    pub serving: u64,
    /// Of these, the poisoned ones.
    pub poisoned: u64,
}

/// The work of an executor that waits for coming blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Awaited {
    /// The newest executed block.
    pub height: Height,
    /// Messages in mailboxes.
    pub backlog: usize,
    /// The next height at which a timer is due.
    pub timer_height: Option<Height>,
    /// The next block time at which a timer is due.
    pub timer_time: Option<BlockTime>,
}

/// An engine that is poisoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonedEngine {
    /// The engine.
    pub engine: EngineId,
    /// Why it is.
    pub poison: Poison,
}

/// A state that could not be written, or that its kind's own check does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    /// The engine.
    pub engine: EngineId,
    /// The error.
    pub error: CallError,
}

/// One engine's state, with the code that wrote it down.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Its kind.
    pub kind: Kind,
    /// The version of the state's type.
    pub version: u32,
    /// The schema of the state's type.
    pub schema: SchemaId,
    /// The last block that it has seen.
    pub height: Height,
    /// The generation that is live.
    pub generation: Generation,
    /// The state as postcard.
    pub state: Vec<u8>,
}

/// Why an engine's state cannot be captured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No engine has the id.
    #[error("no engine is called `{engine}`")]
    Unknown {
        /// The id that was asked for.
        engine: EngineId,
    },
    /// It has no state to rely on.
    #[error("engine `{engine}` has no state to be captured: it is {}", match reason {
        Undelivered::Poisoned => "poisoned",
        _ => "stopped",
    })]
    Unavailable {
        /// The engine.
        engine: EngineId,
        /// Poisoned or stopped.
        reason: Undelivered,
    },
    /// It could not be written down.
    #[error("the state of `{engine}` could not be written: {error}")]
    Encode {
        /// The engine.
        engine: EngineId,
        /// The error.
        error: CallError,
    },
    /// It is larger than was asked for.
    #[error("the state of `{engine}` has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// The engine.
        engine: EngineId,
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
}

impl Executor {
    /// The work that waits for coming blocks: a block source has to know it before the first block, too.
    pub fn awaited(&self) -> Awaited {
        Awaited {
            height: self.height,
            backlog: self.engines.waiting.letters,
            timer_height: self.timers.next_height(),
            timer_time: self.timers.next_time(),
        }
    }

    /// Takes the lines that engines have logged outside of a block: in their `init`, when the node starts them.
    pub fn take_lines(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.between.logs)
    }

    /// The state of `engine` as postcard, of at most `bytes_max` bytes; of one that an upgrade could not settle, the
    /// state before.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub fn encode_state(
        &self,
        engine: EngineId,
        bytes_max: usize,
    ) -> Result<Captured, CaptureError> {
        let unknown = CaptureError::Unknown { engine };
        let unavailable = |reason| CaptureError::Unavailable { engine, reason };
        let table = self.table();
        let write = |slot: &mut Slot| {
            let entry = table.get(slot.kind).ok_or_else(|| unknown.clone())?;
            slot.settle(entry, self.settling.update_point);
            let kept = match &slot.state {
                SlotState::Live(instance) => encoded(engine, entry, instance)?,
                SlotState::Poisoned(_) => {
                    let kept = slot.kept.as_deref();
                    kept.ok_or_else(|| unavailable(Undelivered::Poisoned))?
                        .clone()
                }
                SlotState::Away => return Err(unavailable(Undelivered::Stopped)),
            };
            Ok((entry.kind.clone(), kept))
        };
        let absent = || match self.engines.directory.absence(engine) {
            Undelivered::Unknown => Err(unknown.clone()),
            reason => Err(unavailable(reason)),
        };
        let (kind, kept) = self.engines.with(engine, write).unwrap_or_else(absent)?;
        let Kept {
            version,
            schema,
            state,
        } = kept;
        let bytes = state.len();
        if bytes > bytes_max {
            return Err(CaptureError::TooLarge {
                engine,
                bytes,
                bytes_max,
            });
        }
        Ok(Captured {
            kind,
            version,
            schema,
            height: self.height,
            generation: table.number(),
            state,
        })
    }

    /// How one engine is; `None` if there is none of this id.
    pub fn status_of(&self, engine: EngineId) -> Option<EngineStatus> {
        self.engines.look(engine, Slot::status)
    }

    /// How the first `most` engines are, in the order of their places.
    pub fn statuses(&self, most: usize) -> Vec<EngineStatus> {
        let mut statuses = Vec::new();
        for chunk in &self.engines.chunks {
            let left = most - statuses.len();
            statuses.extend(chunk.read().statuses().take(left));
            if statuses.len() == most {
                break;
            }
        }
        statuses
    }

    /// The first `most` poisoned engines, in the order of their places, each with why it is.
    pub fn poisoned(&self, most: usize) -> Vec<PoisonedEngine> {
        let mut poisoned = Vec::new();
        for chunk in &self.engines.chunks {
            for slot in &chunk.read().slots {
                if let SlotState::Poisoned(poison) = &slot.state
                    && poisoned.len() < most
                {
                    poisoned.push(PoisonedEngine {
                        engine: slot.id,
                        poison: (**poison).clone(),
                    });
                }
            }
        }
        poisoned
    }

    /// The newest `most` dead letters, the newest first.
    pub fn newest_dead_letters(&self, most: usize) -> Vec<DeadLetterBrief> {
        let newest = self.dead.kept().rev().take(most);
        newest.map(DeadLetterBrief::of).collect()
    }

    /// How many engines there are of each kind, in the order of the table.
    pub fn kind_counts(&self) -> Vec<KindCount> {
        let mut counts = vec![KindCount::default(); self.shared.table.load().iter().count()];
        for chunk in &self.engines.chunks {
            for slot in &chunk.read().slots {
                let Some(count) = counts.get_mut(slot.kind.0 as usize) else {
                    continue;
                };
                count.serving += 1;
                count.poisoned += u64::from(matches!(slot.state, SlotState::Poisoned(_)));
            }
        }
        counts
    }

    /// Runs the own check of every live engine whose kind is among those that `of` names.
    ///
    /// # Errors
    /// The first engine, in the order of their places, whose state does not pass, and why.
    pub fn check_states(&self, of: impl Fn(KindIndex) -> bool) -> Result<(), StateError> {
        let table = self.table();
        for chunk in &self.engines.chunks {
            for slot in &mut chunk.write().slots {
                let Some(entry) = table.get(slot.kind).filter(|_| of(slot.kind)) else {
                    continue;
                };
                slot.settle(entry, self.settling.update_point);
                if let SlotState::Live(instance) = &slot.state {
                    let _about = running::about(slot.id);
                    let passed = entry.kind.check(instance);
                    passed.map_err(|error| StateError {
                        engine: slot.id,
                        error,
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Every live engine's state as postcard, in the order of their places.
    ///
    /// # Errors
    /// The first engine whose state could not be written, and why.
    pub fn encode_states(&self) -> Result<States, StateError> {
        let mut states = Vec::with_capacity(self.engines());
        self.each_state(|engine, pieces| {
            let state = pieces.collect::<Result<Vec<_>, _>>()?.concat();
            states.push((engine, state));
            Ok(())
        })?;
        Ok(states)
    }

    /// Hands on every live engine's state as postcard, in the order of their places and in pieces: there is no more
    /// than one of them at a time.
    ///
    /// # Errors
    /// The first engine whose state could not be written, and why; or what `each` says.
    pub fn each_state(
        &self,
        mut each: impl FnMut(EngineId, &mut Pieces<'_>) -> Result<(), CallError>,
    ) -> Result<(), StateError> {
        let table = self.table();
        for chunk in &self.engines.chunks {
            for slot in &mut chunk.write().slots {
                let Some(entry) = table.get(slot.kind) else {
                    continue;
                };
                slot.settle(entry, self.settling.update_point);
                let SlotState::Live(instance) = &slot.state else {
                    continue;
                };
                let _about = running::about(slot.id);
                let mut pieces = entry.kind.encode_pieces(instance, RECORD_BYTES_MAX);
                each(slot.id, &mut pieces).map_err(|error| StateError {
                    engine: slot.id,
                    error,
                })?;
            }
        }
        Ok(())
    }
}

/// A live state, with its kind, version, schema and height.
fn encoded(engine: EngineId, entry: &KindEntry, instance: &Instance) -> Result<Kept, CaptureError> {
    let mut state = Vec::new();
    let _about = running::about(engine);
    let encoded = entry.kind.encode(instance, &mut state);
    encoded.map_err(|error| CaptureError::Encode { engine, error })?;
    let descriptor = entry.kind.descriptor();
    Ok(Kept {
        version: descriptor.version,
        schema: descriptor.schema,
        state,
    })
}
