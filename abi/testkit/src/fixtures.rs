//! Fixtures: a state out of its node, as a small file, and back.

use crate::address::Address;
use crate::codec;
use crate::scripted::ScriptedBus;
use crate::testkit::Testkit;
use refit_abi::codes;
use refit_abi::fixture::{FIXTURE_FORMAT, Fixture};
use refit_abi::host::{CallError, Instance, Kind};
use refit_abi::schema::{Describer, SchemaId, Type};
use refit_abi::{Height, State};

/// Why a fixture does not fit where it was to go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FixtureMismatch {
    /// It is of another kind.
    #[error("the fixture is of the kind `{found}`, not of `{wanted}`")]
    Kind {
        /// The kind that the fixture names.
        found: String,
        /// The kind that the test named.
        wanted: String,
    },
    /// It is of another version.
    #[error("the fixture is of version {version} (schema {found}), not of schema {wanted}")]
    Schema {
        /// The fixture's version.
        version: u32,
        /// The fixture's schema.
        found: SchemaId,
        /// The schema of the type that the test named.
        wanted: SchemaId,
    },
    /// No step leads from it to the module's state.
    #[error(
        "no step leads from the fixture's version {version} (schema {found}) of `{kind}` to the newest"
    )]
    NoStep {
        /// The kind that has no such step.
        kind: String,
        /// The fixture's version.
        version: u32,
        /// The fixture's schema.
        found: SchemaId,
    },
    /// Its bytes are not what its schema says.
    #[error("the fixture's state is not readable: {reason}")]
    Unreadable {
        /// The decoder's message.
        reason: String,
    },
    /// The step from it failed, or the new state's check.
    #[error("the fixture's state cannot be migrated to the newest version: {0}")]
    Migration(CallError),
}

impl FixtureMismatch {
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Kind { .. } => codes::FIXTURE_KIND,
            Self::Schema { .. } => codes::FIXTURE_SCHEMA,
            Self::NoStep { .. } => codes::FIXTURE_NO_STEP,
            Self::Unreadable { .. } => codes::FIXTURE_STATE_UNREADABLE,
            Self::Migration(_) => codes::FIXTURE_MIGRATION_FAILED,
        }
    }

    /// The next step for the author.
    pub fn next(&self) -> &'static str {
        match self {
            Self::Kind { .. } => "name the fixture's own kind, or another fixture",
            Self::Schema { .. } => {
                "read it as the frozen type of its version, or let `migrate_fixture` bring it on"
            }
            Self::NoStep { .. } => {
                "keep the frozen types of all published versions, each with its Migrate"
            }
            Self::Unreadable { .. } => "capture it again: refit engine capture ID --out FILE",
            Self::Migration(_) => "mend the migration: a node would report the same",
        }
    }
}

/// A state as a fixture of the kind `kind`.
#[track_caller]
pub fn fixture_of<T: State>(kind: &str, state: &T) -> Fixture {
    let version = match T::describe(&mut Describer::default()) {
        Type::Struct { version, .. } | Type::Enum { version, .. } => version,
        _ => 0,
    };
    Fixture {
        format: FIXTURE_FORMAT,
        kind: kind.to_owned(),
        version,
        schema: T::schema_id(),
        build_id: refit_abi::export::UNSTAMPED.to_owned(),
        height: Height(0),
        state: codec::to_postcard(state),
    }
}

/// The state that is in a fixture: `T` is the (frozen) type of its version.
///
/// # Errors
/// [`FixtureMismatch::Schema`], [`FixtureMismatch::Unreadable`].
pub fn state_of<T: State>(fixture: &Fixture) -> Result<T, FixtureMismatch> {
    let wanted = T::schema_id();
    if fixture.schema != wanted {
        return Err(FixtureMismatch::Schema {
            version: fixture.version,
            found: fixture.schema,
            wanted,
        });
    }
    codec::from_postcard(&fixture.state).map_err(|reason| FixtureMismatch::Unreadable { reason })
}

impl Testkit {
    /// The state of an engine as a fixture: what `refit engine capture` writes.
    ///
    /// # Panics
    /// If it has none.
    #[track_caller]
    pub fn capture(&self, engine: impl Address) -> Fixture {
        let captured = self.captured(engine.id());
        let live = captured.kind.descriptor();
        Fixture {
            format: FIXTURE_FORMAT,
            kind: live.kind.clone(),
            version: live.version,
            schema: live.schema,
            build_id: captured.kind.module().build_id().to_owned(),
            height: captured.height,
            state: captured.state,
        }
    }

    /// Puts the fixture's state in the place of an engine's. One of an older version goes through the
    /// module's own steps first, over a bus on which nobody else is.
    ///
    /// # Errors
    /// [`FixtureMismatch`]; the engine keeps its state.
    #[track_caller]
    pub fn load(&mut self, engine: impl Address, fixture: &Fixture) -> Result<(), FixtureMismatch> {
        let id = engine.id();
        self.load_over(id, fixture, &mut ScriptedBus::new(id))
    }

    /// As [`Testkit::load`], for steps that use the bus.
    ///
    /// # Errors
    /// As [`Testkit::load`].
    #[track_caller]
    pub fn load_over(
        &mut self,
        engine: impl Address,
        fixture: &Fixture,
        bus: &mut ScriptedBus,
    ) -> Result<(), FixtureMismatch> {
        let (id, kind) = (engine.id(), self.captured(engine.id()).kind);
        let newest = brought_on(&kind, fixture, bus)?;
        self.put_state(id, kind, &newest);
        Ok(())
    }
}

/// The fixture's state as the kind's newest, checked, as postcard.
pub(crate) fn brought_on(
    kind: &Kind,
    fixture: &Fixture,
    bus: &mut ScriptedBus,
) -> Result<Vec<u8>, FixtureMismatch> {
    let descriptor = kind.descriptor();
    if fixture.kind != descriptor.kind {
        return Err(FixtureMismatch::Kind {
            found: fixture.kind.clone(),
            wanted: descriptor.kind.clone(),
        });
    }
    let newest = if fixture.schema == descriptor.schema {
        kind.decode(&fixture.state).map_err(unreadable)?
    } else {
        migrated(kind, fixture, bus)?
    };
    let mut bytes = Vec::new();
    let outcome = kind
        .check(&newest)
        .and_then(|()| kind.encode(&newest, &mut bytes));
    // It was made by this kind, so it fits.
    let _ = kind.discard(newest);
    outcome.map_err(FixtureMismatch::Migration)?;
    Ok(bytes)
}

fn migrated(
    kind: &Kind,
    fixture: &Fixture,
    bus: &mut ScriptedBus,
) -> Result<Instance, FixtureMismatch> {
    let step =
        kind.migration_from_schema(fixture.schema)
            .ok_or_else(|| FixtureMismatch::NoStep {
                kind: fixture.kind.clone(),
                version: fixture.version,
                found: fixture.schema,
            })?;
    let old = step.decode_old(&fixture.state).map_err(unreadable)?;
    let (id, height) = bus.frame();
    let newest = step.whole(id, height, &old, bus);
    // It was made by this step, so it fits.
    let _ = step.discard_old(old);
    bus.rethrow();
    newest.map_err(FixtureMismatch::Migration)
}

fn unreadable(error: CallError) -> FixtureMismatch {
    FixtureMismatch::Unreadable {
        reason: error.to_string(),
    }
}
