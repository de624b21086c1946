//! Finds out about a concrete type while a module compiles: whether it has a transition, handles upgrade
//! messages, can be cloned. The method of `&Probe<T>` is found before that of `&&Probe<T>` if its bound holds, so
//! `export_engines!` asks without naming the answer.

use crate::chain::{Chain, Here};
use crate::codes;
use crate::raw::Codec;
use crate::schema::SchemaId;
use crate::{EngineId, Fault, Migrate, OnUpgrade, State, Step, UpgradeBus, codec};
use std::marker::PhantomData;

/// Finds out, for a concrete type, whether it implements [`crate::Migrate`], [`OnUpgrade`] or `Clone`: the
/// method of `&Probe<T>` is found before that of `&&Probe<T>` if its bound holds.
#[derive(Debug)]
pub struct Probe<T>(pub PhantomData<T>);

/// The answer when the type has a transition.
pub trait WithStep {
    /// The state.
    type State: State;
    /// Its own step and those before it.
    fn steps(&self) -> Vec<Step<Self::State>>;
    /// The ways from older states that go on with `C`.
    fn older<C: Chain<From = Self::State>>(
        &self,
        steps: u32,
        dropped: &[String],
    ) -> Vec<Step<C::To>>;
}

impl<T: Migrate> WithStep for Probe<T> {
    type State = T;

    fn steps(&self) -> Vec<Step<T>> {
        let step = T::step();
        let older = T::From::older_states::<(T, Here<T>)>(1, &step.descriptor.dropped);
        std::iter::once(step).chain(older).collect()
    }

    fn older<C: Chain<From = T>>(&self, steps: u32, dropped: &[String]) -> Vec<Step<C::To>> {
        let steps = steps + 1;
        let dropped = [T::step().descriptor.dropped, dropped.to_vec()].concat();
        let older = T::From::older_states::<(T, C)>(steps, &dropped);
        let step = Step::chained::<(T, C)>(steps, dropped);
        std::iter::once(step).chain(older).collect()
    }
}

/// The answer when it has none.
pub trait WithoutStep {
    /// The state.
    type State;
    /// No steps.
    fn steps(&self) -> Vec<Step<Self::State>>;
    /// None.
    fn older<C: Chain>(&self, steps: u32, dropped: &[String]) -> Vec<Step<C::To>>;
}

impl<T> WithoutStep for &Probe<T> {
    type State = T;

    fn steps(&self) -> Vec<Step<T>> {
        Vec::new()
    }

    fn older<C: Chain>(&self, _: u32, _: &[String]) -> Vec<Step<C::To>> {
        Vec::new()
    }
}

/// A kind's handler of upgrade messages.
#[derive(Debug)]
pub struct UpgradeHandler<E> {
    /// The schema of the messages.
    pub schema: SchemaId,
    pub(crate) handle: fn(&mut E, &mut UpgradeBus<'_>, EngineId, &[u8]) -> Result<(), Fault>,
}

/// The answer when the engine handles upgrade messages.
pub trait WithUpgrade {
    /// The engine.
    type Engine;
    /// Its handler.
    fn upgrade_handler(&self) -> Option<UpgradeHandler<Self::Engine>>;
}

impl<E: OnUpgrade> WithUpgrade for Probe<E> {
    type Engine = E;

    fn upgrade_handler(&self) -> Option<UpgradeHandler<E>> {
        Some(UpgradeHandler {
            schema: E::Upgrade::schema_id(),
            handle: |engine, bus, sender, bytes| {
                let deep = E::Upgrade::nature().is_deep();
                let message = codec::decode(Codec::Postcard, bytes, deep).map_err(|refused| {
                    Fault::new(codes::UPGRADE_MESSAGE_UNREADABLE, refused.to_string())
                })?;
                engine.on_upgrade(bus, sender, message)
            },
        })
    }
}

/// The answer when it does not.
pub trait WithoutUpgrade {
    /// The engine.
    type Engine;
    /// None.
    fn upgrade_handler(&self) -> Option<UpgradeHandler<Self::Engine>>;
}

impl<E> WithoutUpgrade for &Probe<E> {
    type Engine = E;

    fn upgrade_handler(&self) -> Option<UpgradeHandler<E>> {
        None
    }
}

/// A state's `Clone`.
pub type Cloner<T> = fn(&T) -> T;

/// The answer when the state can be cloned.
pub trait WithClone {
    /// The state.
    type State;
    /// Its `Clone`.
    fn cloner(&self) -> Option<Cloner<Self::State>>;
}

impl<T: Clone> WithClone for Probe<T> {
    type State = T;

    fn cloner(&self) -> Option<Cloner<T>> {
        Some(T::clone)
    }
}

/// The answer when it cannot.
pub trait WithoutClone {
    /// The state.
    type State;
    /// None.
    fn cloner(&self) -> Option<Cloner<Self::State>>;
}

impl<T> WithoutClone for &Probe<T> {
    type State = T;

    fn cloner(&self) -> Option<Cloner<T>> {
        None
    }
}
