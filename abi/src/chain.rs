//! Steps run as one. An author writes only version n to n+1; the types know the rest: a [`Chain`] is
//! the type-level list of the steps from one old state to the newest, a [`MessageChain`] that of
//! conversions.
//!
//! The list grows at its old end: `(N, C)` is "from `N::From` to `N`, then `C`". It ends at a type that
//! has no step, so a version that was never published costs nothing.

use crate::{Fault, Migrate, MigrateMessage, State, UpgradeBus};
use std::marker::PhantomData;

/// Some steps, run as one.
pub trait Chain: 'static {
    /// The oldest state.
    type From: State;
    /// The newest type of the chain.
    type To: State;

    /// Makes the newest from the oldest, which stays as it is.
    ///
    /// # Errors
    /// The first step's fault.
    fn begin(old: &Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self::To, Fault>;

    /// Makes the newest from the oldest, which is dropped.
    ///
    /// # Errors
    /// The first step's fault.
    fn run(old: Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self::To, Fault>;
}

/// A chain without steps: the newest type itself.
#[derive(Debug)]
pub struct Here<T>(PhantomData<fn() -> T>);

impl<T: State> Chain for Here<T> {
    type From = T;
    type To = T;

    fn begin(old: &T, _: &mut UpgradeBus<'_>) -> Result<T, Fault> {
        crate::derived::copy(old)
    }

    fn run(old: T, _: &mut UpgradeBus<'_>) -> Result<T, Fault> {
        Ok(old)
    }
}

impl<N: Migrate, C: Chain<From = N>> Chain for (N, C) {
    type From = N::From;
    type To = C::To;

    fn begin(old: &N::From, bus: &mut UpgradeBus<'_>) -> Result<C::To, Fault> {
        C::run(N::migrate(old, bus)?, bus)
    }

    fn run(old: N::From, bus: &mut UpgradeBus<'_>) -> Result<C::To, Fault> {
        C::run(N::migrate_owned(old, bus)?, bus)
    }
}

/// Some conversions of a message, run as one.
pub trait MessageChain: 'static {
    /// The oldest message.
    type From: State;
    /// The newest type of the chain.
    type To: State;

    /// The oldest in the newest's words.
    ///
    /// # Errors
    /// The first conversion's fault.
    fn run(old: Self::From) -> Result<Self::To, Fault>;
}

impl<T: State> MessageChain for Here<T> {
    type From = T;
    type To = T;

    fn run(old: T) -> Result<T, Fault> {
        Ok(old)
    }
}

impl<N: MigrateMessage, C: MessageChain<From = N>> MessageChain for (N, C) {
    type From = N::From;
    type To = C::To;

    fn run(old: N::From) -> Result<C::To, Fault> {
        C::run(N::migrate(old)?)
    }
}
