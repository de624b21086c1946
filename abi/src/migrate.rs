//! [`Migrate`]: from the last version's state to this one's.
//!
//! Two ways to write it. `#[derive(Migrate)]` moves unchanged fields and asks the author only for
//! new ones; its two halves are [`Assemble`]. `impl Migrate` by hand is one function from `&Old` to
//! `New`. Either way the old state is only read until the whole upgrade commits.

use crate::descriptor::MigrationDescriptor;
use crate::raw::MigrationVtable;
use crate::shim;
use crate::{Fault, State, UpgradeBus};

/// The transition function of a state: what Common Lisp calls
/// `update-instance-for-redefined-class` and Erlang/OTP `code_change`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no transition from an older state",
    note = "`#[derive(Migrate)]` with `#[migrate(from = v1::…)]`, or `impl Migrate for {Self}`"
)]
pub trait Migrate: State {
    /// The older state, frozen as it was published.
    type From: State;

    /// Makes the new state from the old one, which stays as it is.
    ///
    /// # Errors
    /// A [`Fault`] aborts the whole upgrade: every engine goes on with its old code and state.
    ///
    /// # Panics
    /// A panic aborts the upgrade as a fault does.
    fn migrate(old: &Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault>;

    /// The step as the node calls it. The derive writes its own.
    #[doc(hidden)]
    fn step() -> Step {
        Step::by_hand::<Self>()
    }
}

/// The two halves that `#[derive(Migrate)]` writes: a fallible one that reads the old state and
/// makes only what is new, and an infallible one that moves the rest once the upgrade is decided.
pub trait Assemble: Migrate {
    /// The new and changed fields.
    type Fresh: Send + 'static;

    /// The new fields, if none needs the old state: then nothing at all runs in the pause.
    fn defaults() -> Option<Self::Fresh>;

    /// Makes the new and changed fields.
    ///
    /// # Errors
    /// As [`Migrate::migrate`].
    fn prepare(old: &Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self::Fresh, Fault>;

    /// Moves the unchanged fields and the fresh ones into the new state.
    fn assemble(old: Self::From, fresh: Self::Fresh) -> Self;
}

/// One step from an older state, ready for a module's table.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) vtable: MigrationVtable,
    pub(crate) descriptor: MigrationDescriptor,
}

impl Step {
    /// The step of a transition written by hand.
    pub fn by_hand<N: Migrate>() -> Self {
        Self {
            vtable: shim::migration::by_hand::<N>(),
            descriptor: describe::<N>(true, false, Fields::default()),
        }
    }

    /// The step of a derived transition.
    pub fn assembled<N: Assemble>(fields: Fields) -> Self {
        let defaults_only = fields.computed.is_empty();
        Self {
            vtable: shim::migration::assembled::<N>(defaults_only),
            descriptor: describe::<N>(false, defaults_only, fields),
        }
    }
}

/// What the derive did with each field.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields {
    /// Moved over unchanged.
    pub moved: &'static [&'static str],
    /// Made by a default.
    pub defaulted: &'static [&'static str],
    /// Made by a function that reads the old state.
    pub computed: &'static [&'static str],
    /// Dropped, because the author wrote so.
    pub dropped: &'static [&'static str],
}

fn describe<N: Migrate>(by_hand: bool, defaults_only: bool, fields: Fields) -> MigrationDescriptor {
    let owned = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    // An older field whose name a `with` field takes over was converted: its data does not end.
    let converted = |name: &&&str| !fields.computed.contains(name);
    MigrationDescriptor {
        from_schema: N::From::schema_id(),
        from_layout: N::From::layout_id(),
        from: N::From::describe(&mut crate::schema::Describer::default()),
        by_hand,
        defaults_only,
        moved: owned(fields.moved),
        fresh: [owned(fields.defaulted), owned(fields.computed)].concat(),
        dropped: fields
            .dropped
            .iter()
            .filter(converted)
            .map(|name| (*name).to_owned())
            .collect(),
    }
}
