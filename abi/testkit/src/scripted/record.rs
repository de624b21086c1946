//! Records what a migration did over a scripted bus.

use crate::codec;
use refit_abi::schema::SchemaId;
use refit_abi::{Engine, EngineId, State};

/// An upgrade message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The engine that it was sent to.
    pub to: EngineId,
    /// The schema of the message's type.
    pub schema: SchemaId,
    /// The message, as postcard.
    pub payload: Vec<u8>,
}

/// An engine that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The id that the bus gave.
    pub id: EngineId,
    /// The name of its kind.
    pub kind: String,
    /// The schema of its configuration.
    pub schema: SchemaId,
    /// Its configuration as postcard.
    pub config: Vec<u8>,
}

impl Sent {
    /// The message.
    ///
    /// # Panics
    /// If it is not an `M`.
    #[track_caller]
    pub fn message<M: State>(&self) -> M {
        read(
            &format!("the message to `{}`", self.to),
            self.schema,
            &self.payload,
        )
    }
}

impl Spawned {
    /// The configuration that it was started with.
    ///
    /// # Panics
    /// If it is not of kind `E`.
    #[track_caller]
    pub fn config<E: Engine>(&self) -> E::Config {
        assert!(
            self.kind == E::KIND,
            "the engine is of the kind `{}`, not of `{}`",
            self.kind,
            E::KIND
        );
        read("the configuration", self.schema, &self.config)
    }
}

#[track_caller]
fn read<T: State>(what: &str, schema: SchemaId, bytes: &[u8]) -> T {
    let wanted = T::schema_id();
    assert!(
        schema == wanted,
        "the schema of {what} is {schema}, that of {} is {wanted}",
        codec::name::<T>()
    );
    match codec::from_postcard(bytes) {
        Ok(value) => value,
        Err(reason) => panic!("{what} is not readable: {reason}"),
    }
}
