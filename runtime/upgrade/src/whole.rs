//! [`Whole`]: a release's own function over the whole snapshot, in the place of its kinds' transitions. It is given all
//! states as bytes, and what it gives back is held to what it must be before any of it becomes a state.

use crate::class::Class;
use crate::phase::Failure;
use crate::transition::Work;
use crate::whole_fault::WholeFault;
use refit_abi::EngineId;
use refit_abi::host::Module;
use refit_abi::schema::SchemaId;
use refit_abi::snapshot::{Snapshot, SnapshotState};
use refit_kernel::Quiesced;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Bytes of states that the function is given at most.
const STATES_BYTES_MAX: usize = 1 << 30;

/// What the function has made.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    /// The states of the engines whose kinds come in, in postcard.
    pub(crate) states: BTreeMap<EngineId, Vec<u8>>,
    /// The engines that stop.
    pub(crate) dropped: Vec<EngineId>,
}

impl Whole {
    /// Has the module's function make the states of all kinds of the work that cross by it.
    pub(crate) fn run(
        module: &Module,
        quiesced: &Quiesced<'_>,
        work: &[Work],
    ) -> Result<Self, Failure> {
        let given = given(quiesced)?;
        let made = module.transform_snapshot(&given.to_bytes());
        let made = made.map_err(|error| Failure::Whole { error })?;
        let made = Snapshot::read(&made).map_err(|fault| Failure::WholeResult {
            fault: WholeFault::Unreadable {
                reason: fault.detail,
            },
        })?;
        let crosses = work.iter().filter(|item| item.class == Class::Snapshot);
        let schemas = crosses.map(|item| {
            let new = item.new.descriptor();
            (new.kind.as_str(), new.schema)
        });
        let schemas = schemas.collect();
        // What starts afresh needs nothing of it.
        let restarts = work.iter().filter(|item| item.class == Class::Restart);
        let restarts = restarts.map(|item| item.new.descriptor().kind.as_str());
        let comparing = Comparing {
            schemas,
            restarts: restarts.collect(),
        };
        let compared = comparing.compare(given, made);
        compared.map_err(|fault| Failure::WholeResult { fault })
    }
}

/// The engines that serve, in the order of their ids, with their states as their own code writes them.
fn given(quiesced: &Quiesced<'_>) -> Result<Snapshot, Failure> {
    let (view, mut engines) = (quiesced.view(), Vec::new());
    let (mut failure, mut left) = (None, STATES_BYTES_MAX);
    for chunk in 0..view.chunks() {
        if failure.is_some() {
            break;
        }
        view.each_there(chunk, |_, slot| {
            let entry = view.table().get(slot.kind());
            let (Some(state), Some(entry)) = (slot.instance(), entry) else {
                return ControlFlow::Continue(());
            };
            let mut bytes = Vec::new();
            match entry.kind.encode(state, &mut bytes) {
                Ok(()) if bytes.len() > left => {
                    let bytes_max = STATES_BYTES_MAX;
                    let fault = WholeFault::TooLarge { bytes_max };
                    failure = Some(Failure::WholeResult { fault });
                    ControlFlow::Break(())
                }
                Ok(()) => {
                    left -= bytes.len();
                    let kind = entry.kind.descriptor();
                    engines.push(SnapshotState {
                        id: slot.id(),
                        kind: kind.kind.clone(),
                        schema: kind.schema,
                        state: bytes,
                    });
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    let engine = slot.id();
                    failure = Some(Failure::Transition { engine, error });
                    ControlFlow::Break(())
                }
            }
        });
    }
    engines.sort_by_key(|engine| engine.id);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Snapshot {
            engines,
            dropped: Vec::new(),
        }),
    }
}

/// What is given back is compared with what was given.
struct Comparing<'a> {
    /// The schema of each kind whose states the function makes.
    schemas: BTreeMap<&'a str, SchemaId>,
    /// The kinds whose engines start afresh.
    restarts: BTreeSet<&'a str>,
}

impl Comparing<'_> {
    fn compare(&self, given: Snapshot, made: Snapshot) -> Result<Whole, WholeFault> {
        let dropped: BTreeSet<EngineId> = made.dropped.iter().copied().collect();
        let mut back = made.engines.into_iter().peekable();
        let mut whole = Whole::default();
        for before in given.engines {
            let engine = before.id;
            // Taken out of the order in which they were given: one that is twice there, or new, is none of these.
            let Some(after) = back.next_if(|after| after.id == engine) else {
                match dropped.contains(&engine) {
                    true => whole.dropped.push(engine),
                    false => return Err(WholeFault::Gone { engine }),
                }
                continue;
            };
            if let Some(state) = self.state(before, after)? {
                whole.states.insert(engine, state);
            }
        }
        let unknown = back.next().map(|after| after.id);
        let unknown = unknown.or_else(|| {
            let mut said = made.dropped.into_iter();
            said.find(|engine| !whole.dropped.contains(engine))
        });
        match unknown {
            Some(engine) => Err(WholeFault::Unknown { engine }),
            None => Ok(whole),
        }
    }

    /// The new state of an engine; none if its code does not come in, or it starts afresh.
    fn state(
        &self,
        before: SnapshotState,
        after: SnapshotState,
    ) -> Result<Option<Vec<u8>>, WholeFault> {
        let engine = before.id;
        if before.kind != after.kind {
            return Err(WholeFault::Kind {
                engine,
                kind: before.kind,
                found: after.kind,
            });
        }
        let kind = before.kind.as_str();
        match self.schemas.get(kind) {
            Some(expected) if after.schema != *expected => Err(WholeFault::Schema {
                engine,
                found: after.schema,
                expected: *expected,
            }),
            Some(_) => Ok(Some(after.state)),
            None if self.restarts.contains(kind) => Ok(None),
            None if before != after => Err(WholeFault::Carried { engine }),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(name: &str, state: &[u8]) -> SnapshotState {
        SnapshotState {
            id: EngineId::root(name).unwrap(),
            kind: name.to_owned(),
            schema: SchemaId::default(),
            state: state.to_vec(),
        }
    }

    fn given() -> Snapshot {
        let mut engines = vec![engine("comes", b"1"), engine("stays", b"2")];
        engines.sort_by_key(|engine| engine.id);
        Snapshot {
            engines,
            dropped: Vec::new(),
        }
    }

    fn compared(change: impl FnOnce(&mut Snapshot)) -> Result<Whole, WholeFault> {
        let mut made = given();
        change(&mut made);
        let comparing = Comparing {
            schemas: [("comes", SchemaId::default())].into(),
            restarts: BTreeSet::new(),
        };
        comparing.compare(given(), made)
    }

    #[test]
    fn what_comes_in_gets_its_new_state_and_what_stays_has_the_old_one() {
        let whole = compared(|made| {
            let comes = made.of_kind_mut("comes").next();
            comes.unwrap().state = b"new".to_vec();
        });
        let states = whole.unwrap().states;
        let id = EngineId::root("comes").unwrap();
        assert_eq!(states, [(id, b"new".to_vec())].into());
        let whole = compared(|made| made.drop_engine(EngineId::root("stays").unwrap()));
        assert_eq!(whole.unwrap().dropped, [EngineId::root("stays").unwrap()]);
    }

    #[test]
    fn whatever_else_is_given_back_is_refused_and_the_engine_named() {
        let other = |text: &str| EngineId::root(text).unwrap();
        let fault = |change: fn(&mut Snapshot)| compared(change).unwrap_err();
        let (comes, stays, third) = (other("comes"), other("stays"), other("third"));
        let gone = fault(|made| made.engines.retain(|engine| engine.kind != "comes"));
        assert_eq!(gone, WholeFault::Gone { engine: comes });
        let changed = fault(|made| {
            made.of_kind_mut("stays").for_each(|it| it.state.push(0));
        });
        assert_eq!(changed, WholeFault::Carried { engine: stays });
        let kind = fault(|made| {
            made.of_kind_mut("comes").for_each(|it| it.kind.push('2'));
        });
        assert_eq!(kind.engine(), Some(comes));
        let schema = fault(|made| {
            let comes = made.of_kind_mut("comes").next();
            comes.unwrap().write(&7_u64).unwrap();
        });
        assert!(matches!(schema, WholeFault::Schema { .. }), "{schema}");
        let more = fault(|made| made.engines.push(engine("third", b"3")));
        assert_eq!(more.engine(), Some(third));
        let twice = fault(|made| made.engines.insert(0, made.engines[0].clone()));
        assert!(matches!(
            twice,
            WholeFault::Gone { .. } | WholeFault::Unknown { .. }
        ));
        let stranger = fault(|made| made.dropped.push(EngineId::root("third").unwrap()));
        assert_eq!(stranger, WholeFault::Unknown { engine: third });
    }
}
