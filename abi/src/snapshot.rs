//! What a function over a whole snapshot is given and gives back: the states of all engines, as bytes.
//!
//! ```text
//! bytes   = in postcard: form u32, engines [engine], dropped [id]
//! engine  = id, kind, schema of the state's type, the state in postcard
//! ```
//!
//! It is given every engine that serves, in the order of their ids, and `dropped` empty. It gives all of them back in that
//! order, each with its id and its kind as they were:
//!
//! * an engine of a kind whose code comes in has a state of the new code's type, and that type's schema;
//! * an engine of another kind has its state as it was, to the byte;
//! * one that is to stop is in `dropped`, and no longer among the engines.
//!
//! Engines that have panicked have no state and are not in it: they stay as they are. What is not as said here aborts the
//! upgrade, and nothing has happened; so does a state that its type's own check refuses. States of more than 1 GiB together
//! are not given at all.

use crate::codec::{Refused, decode_state, encode_state};
use crate::schema::SchemaId;
use crate::{EngineId, Fault, State};
use serde::{Deserialize, Serialize};

/// The form of the bytes; they begin with it.
pub const SNAPSHOT_FORM: u32 = 1;

/// The states of all engines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The engines that serve, in the order of their ids.
    pub engines: Vec<SnapshotState>,
    /// The engines that are to stop.
    pub dropped: Vec<EngineId>,
}

/// The state of one engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotState {
    /// The engine.
    pub id: EngineId,
    /// Its kind.
    pub kind: String,
    /// The schema of its state's type.
    pub schema: SchemaId,
    /// Its state, in postcard.
    pub state: Vec<u8>,
}

impl Snapshot {
    /// Reads what the function is given.
    ///
    /// # Errors
    /// A fault, if the bytes are of another form.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let unreadable = |why: String| Fault::new("snapshot-not-read", why);
        let form: Result<(u32, &[u8]), _> = postcard::take_from_bytes(bytes);
        let (form, rest) = form.map_err(|error| unreadable(error.to_string()))?;
        if form != SNAPSHOT_FORM {
            return Err(unreadable(format!(
                "it is of form {form}, and this code reads form {SNAPSHOT_FORM}"
            )));
        }
        match postcard::take_from_bytes(rest) {
            Ok((snapshot, [])) => Ok(snapshot),
            Ok((_, rest)) => Err(unreadable(format!("{} bytes are too many", rest.len()))),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// The bytes that the function gives back.
    pub fn to_bytes(&self) -> Vec<u8> {
        match postcard::to_allocvec(&(SNAPSHOT_FORM, self)) {
            Ok(bytes) => bytes,
            // Postcard fails on sequences of unknown length and on full buffers; here is neither.
            Err(error) => unreachable!("it has only sized fields: {error}"),
        }
    }

    /// An engine, if it is there and serves.
    pub fn engine(&self, id: EngineId) -> Option<&SnapshotState> {
        let found = self.engines.binary_search_by_key(&id, |engine| engine.id);
        found.ok().and_then(|at| self.engines.get(at))
    }

    /// The engines of a kind, to give them other states.
    pub fn of_kind_mut(&mut self, kind: &str) -> impl Iterator<Item = &mut SnapshotState> {
        self.engines.iter_mut().filter(move |it| it.kind == kind)
    }

    /// Has an engine stop: its mail and its timers go with it.
    pub fn drop_engine(&mut self, id: EngineId) {
        self.engines.retain(|engine| engine.id != id);
        self.dropped.push(id);
    }
}

impl SnapshotState {
    /// The state, as a value of the type that it is of: the frozen type of a published version, or today's.
    ///
    /// # Errors
    /// A fault, if it is of another type.
    pub fn read<S: State>(&self) -> Result<S, Fault> {
        let expected = S::schema_id();
        if self.schema != expected {
            let (id, schema) = (self.id, self.schema);
            let why = format!("the state of `{id}` has schema {schema}, the type has {expected}");
            return Err(Fault::new("snapshot-other-schema", why));
        }
        decode_state(&self.state).map_err(|error| self.fault("snapshot-not-read", &error))
    }

    /// Makes this its state.
    ///
    /// # Errors
    /// A fault, if the state cannot be written as bytes.
    pub fn write<S: State>(&mut self, state: &S) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        encode_state(state, &mut bytes)
            .map_err(|error| self.fault("snapshot-not-written", &error))?;
        (self.schema, self.state) = (S::schema_id(), bytes);
        Ok(())
    }

    fn fault(&self, code: &str, error: &Refused) -> Fault {
        Fault::new(code, format!("the state of `{}`: {error}", self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let engine = |name: &str| SnapshotState {
            id: EngineId::root(name).unwrap(),
            kind: name.to_owned(),
            schema: SchemaId::default(),
            state: vec![1, 2],
        };
        Snapshot {
            engines: vec![engine("a"), engine("b")],
            dropped: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_reads_back_and_another_form_is_refused() {
        let mut snapshot = snapshot();
        snapshot.drop_engine(EngineId::root("b").unwrap());
        let bytes = snapshot.to_bytes();
        assert_eq!(Snapshot::read(&bytes).unwrap(), snapshot);
        for end in 0..bytes.len() {
            assert!(Snapshot::read(&bytes[..end]).is_err(), "{end}");
        }
        let mut more = bytes.clone();
        more.push(0);
        assert!(Snapshot::read(&more).is_err());
        let mut newer = bytes;
        newer[0] += 1;
        let error = Snapshot::read(&newer).unwrap_err();
        assert!(error.detail.contains("form 2"), "{error}");
    }

    #[test]
    fn a_state_is_read_as_what_it_is_and_as_nothing_else() {
        let mut snapshot = snapshot();
        let engine = snapshot.of_kind_mut("a").next().unwrap();
        assert_eq!(
            engine.read::<u64>().unwrap_err().code,
            "snapshot-other-schema"
        );
        engine.write(&"text".to_owned()).unwrap();
        assert_eq!(engine.schema, String::schema_id());
        assert_eq!(engine.read::<String>().unwrap(), "text");
        assert!(snapshot.engine(EngineId::root("c").unwrap()).is_none());
    }
}
