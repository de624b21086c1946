//! [`Migrate`]: the step from the last version's state to this one's.
//!
//! Two ways to write it. `#[derive(Migrate)]` moves unchanged fields and asks the author only for
//! new ones; its two halves are [`Assemble`]. `impl Migrate` by hand is one function from `&Old` to
//! `New`. Either way the old state is only read until the whole upgrade commits.

use crate::chain::{Chain, Here};
use crate::derived::Rest;
use crate::descriptor::MigrationDescriptor;
use crate::raw::MigrationVtable;
use crate::{Fault, State, UpgradeBus};
use crate::{derived, shim};
use std::fmt;
use std::marker::PhantomData;

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

    /// As [`Migrate::migrate`] for an old state that nobody else needs: between two steps that are run
    /// as one. The derive moves what does not change.
    #[doc(hidden)]
    fn migrate_owned(old: Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        let new = Self::migrate(&old, bus);
        if !derived::let_go(old) {
            bus.log(derived::LEAKED);
        }
        new
    }

    /// The step as the node calls it. The derive writes its own.
    #[doc(hidden)]
    fn step() -> Step<Self> {
        Step::by_hand()
    }
}

/// The way back: from this version's state to the last one's. Optional; a property test can
/// ask that it gives back what went in (`refit_testkit::assert_round_trip`). The ways compose as the steps do:
/// with those of the frozen versions, a state goes back several versions. A module offers them
/// ([`crate::descriptor::KindDescriptor::ways_back`]); a plan to an
/// older version takes them.
pub trait MigrateBack: Migrate {
    /// Makes the older state from the new one.
    ///
    /// # Errors
    /// A [`Fault`] if this state has no older form.
    fn migrate_back(new: &Self, bus: &mut UpgradeBus<'_>) -> Result<Self::From, Fault>;
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

    /// Moves the unchanged fields and the fresh ones into the new state, the other old fields into the rest.
    fn assemble(old: Self::From, fresh: Self::Fresh, rest: &mut Rest) -> Self;

    /// Whether this thread's stack is large enough to drop what [`Assemble::prepare`] made. Asked only of
    /// types whose values may be deep.
    fn may_drop_fresh(fresh: &Self::Fresh) -> bool;
}

/// One step from an older state to a `To`, ready for a module's table.
///
/// The table's functions have lost their types; this one keeps the type that they make, so that nobody can
/// put a step to another type into a kind's history. Only the constructors below make one.
pub struct Step<To> {
    pub(crate) vtable: MigrationVtable,
    pub(crate) descriptor: MigrationDescriptor,
    makes: PhantomData<fn() -> To>,
}

impl<To> Step<To> {
    fn new(vtable: MigrationVtable, descriptor: MigrationDescriptor) -> Self {
        Self {
            vtable,
            descriptor,
            makes: PhantomData,
        }
    }

    /// Several steps run as one, as if written by hand.
    pub(crate) fn chained<C: Chain<To = To>>(steps: u32, dropped: Vec<String>) -> Self {
        let mut descriptor = describe_from::<C::From>();
        (descriptor.steps, descriptor.dropped) = (steps, dropped);
        Self::new(shim::migration::by_hand::<C>(), descriptor)
    }
}

impl<To: Migrate> Step<To> {
    /// The step of a transition written by hand.
    pub fn by_hand() -> Self {
        Self::new(
            shim::migration::by_hand::<(To, Here<To>)>(),
            describe::<To>(true, false, Fields::default()),
        )
    }
}

impl<To: Assemble> Step<To> {
    /// The step of a derived transition.
    pub fn assembled(fields: Fields) -> Self {
        let defaults_only = fields.computed.is_empty();
        Self::new(
            shim::migration::assembled::<To>(defaults_only),
            describe::<To>(false, defaults_only, fields),
        )
    }
}

impl<To> fmt::Debug for Step<To> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

/// The derive's account of each field.
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
        ..describe_from::<N::From>()
    }
}

/// One step written by hand from the state `F`.
fn describe_from<F: State>() -> MigrationDescriptor {
    MigrationDescriptor {
        from_schema: F::schema_id(),
        from_layout: F::layout_id(),
        from: F::describe(&mut crate::schema::Describer::default()),
        by_hand: true,
        steps: 1,
        defaults_only: false,
        moved: Vec::new(),
        fresh: Vec::new(),
        dropped: Vec::new(),
    }
}
