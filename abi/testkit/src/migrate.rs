//! One migration alone: no engines, no blocks, and a bus that the test has written.

use crate::codec;
use crate::fixtures::{FixtureMismatch, brought_on};
use crate::scripted::ScriptedBus;
use refit_abi::codes;
use refit_abi::export::LinkedModule;
use refit_abi::fixture::Fixture;
use refit_abi::host::{CallError, Module, with_bus};
use refit_abi::{Engine, EngineId, Fault, Migrate, MigrateBack, OnUpgrade, State};

/// Runs one step, from `N::From` to `N`.
///
/// # Errors
/// The migration's own fault; `bus-budget-spent` if it went past the script's budget, and
/// `upgrade-cancelled` if the script has cancelled the upgrade, whatever the migration made of that.
///
/// # Panics
/// As the migration does.
pub fn migrate<N: Migrate>(old: &N::From, bus: &mut ScriptedBus) -> Result<N, Fault> {
    let outcome = with_bus(bus.frame(), bus, |bus| N::migrate(old, bus));
    bus.ended(outcome)
}

/// Has an engine handle one upgrade message.
///
/// # Errors
/// As [`migrate`], of its `on_upgrade`.
///
/// # Panics
/// As the handler does.
pub fn on_upgrade<E: OnUpgrade>(
    engine: &mut E,
    sender: EngineId,
    message: E::Upgrade,
    bus: &mut ScriptedBus,
) -> Result<(), Fault> {
    let outcome = with_bus(bus.frame(), bus, |bus| {
        engine.on_upgrade(bus, sender, message)
    });
    bus.ended(outcome)
}

/// Brings a fixture of any published version to the newest, through the module's own steps, and checks
/// the new state: `migrate_fixture::<Counter>(module(), &fixture, &mut bus)`.
///
/// # Errors
/// [`FixtureMismatch`].
///
/// # Panics
/// If the module cannot be used or has no kind `E`.
#[track_caller]
pub fn migrate_fixture<E: Engine>(
    module: LinkedModule,
    fixture: &Fixture,
    bus: &mut ScriptedBus,
) -> Result<E, FixtureMismatch> {
    let module = match Module::linked(module) {
        Ok(module) => module,
        Err(error) => panic!("{error}"),
    };
    let Some(kind) = module.kind(E::KIND) else {
        panic!("the module has no kind `{}`", E::KIND);
    };
    let newest = brought_on(&kind, fixture, bus)?;
    codec::from_postcard(&newest).map_err(|reason| FixtureMismatch::Unreadable { reason })
}

/// Takes a state back to an older version, through the module's own ways back, over as many versions as it takes:
/// `migrate_back::<Counter, v1::Counter>(module(), &state, &mut bus)`.
///
/// # Errors
/// The fault of a way back; `no-way-back` if the module has none that leads there, `way-back-panicked`; and as
/// [`migrate`], of the bus.
///
/// # Panics
/// If the module cannot be used or has no kind `E`.
#[track_caller]
pub fn migrate_back<E: Engine, Old: State>(
    module: LinkedModule,
    new: &E,
    bus: &mut ScriptedBus,
) -> Result<Old, Fault> {
    let kind = Module::linked(module).map(|module| module.kind(E::KIND));
    let kind = match kind {
        Ok(Some(kind)) => kind,
        Ok(None) => panic!("the module has no kind `{}`", E::KIND),
        Err(error) => panic!("{error}"),
    };
    let unreadable = |reason: String| Fault::new(codes::STATE_NOT_READ, reason);
    let state = kind
        .decode(&codec::to_postcard(new))
        .map_err(|error| unreadable(error.to_string()))?;
    let (frame, mut bytes) = (bus.frame(), Vec::new());
    let outcome = kind.migrate_back(&state, Old::schema_id(), frame, bus, &mut bytes);
    // It was made by this kind, so it fits.
    let _ = kind.discard(state);
    let outcome = outcome.map_err(|error| match error {
        CallError::Fault(fault) => fault,
        CallError::Rejected { reason } => Fault::new(codes::NO_WAY_BACK, reason),
        other => Fault::new(codes::WAY_BACK_PANICKED, other.to_string()),
    });
    bus.ended(outcome)?;
    codec::from_postcard(&bytes).map_err(unreadable)
}

/// Asserts that the way there and back gives what went in, byte for byte. Made for property tests: call
/// it with any old state.
///
/// # Panics
/// If a step fails, or if something else comes back.
#[track_caller]
pub fn assert_round_trip<N: MigrateBack>(old: &N::From) {
    let mut bus = ScriptedBus::new("round-trip");
    let new: N = match migrate(old, &mut bus) {
        Ok(new) => new,
        Err(fault) => panic!("the migration failed: {fault}"),
    };
    let outcome = with_bus(bus.frame(), &mut bus, |bus| N::migrate_back(&new, bus));
    let back = match bus.ended(outcome) {
        Ok(back) => back,
        Err(fault) => panic!("the way back failed: {fault}"),
    };
    let (before, after) = (codec::to_postcard(old), codec::to_postcard(&back));
    assert!(
        before == after,
        "{} does not come back as it went in; as JSON, before {} and after {}",
        codec::name::<N::From>(),
        json(old),
        json(&back),
    );
}

/// A value to be shown; states with keys that JSON has no words for are only measured.
fn json<T: refit_abi::State>(value: &T) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|_| format!("{} bytes", codec::to_postcard(value).len()))
}
