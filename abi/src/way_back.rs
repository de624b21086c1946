//! The ways back: from a kind's own state to the older ones, composed of [`MigrateBack`]s as the steps forward are of
//! [`Migrate`](crate::Migrate)s. The result is postcard: the code that reads it is the older module's.

use crate::chain::Here;
use crate::codes;
use crate::schema::SchemaId;
use crate::{Fault, MigrateBack, State, UpgradeBus, codec};
use std::fmt;
use std::marker::PhantomData;

/// Some ways back, run as one.
pub trait BackChain: 'static {
    /// The newest state.
    type New: State;
    /// The oldest type of the chain.
    type Old: State;

    /// Makes the oldest from the newest, which stays as it is.
    ///
    /// # Errors
    /// The first fault.
    fn run(new: &Self::New, bus: &mut UpgradeBus<'_>) -> Result<Self::Old, Fault>;
}

impl<N: MigrateBack> BackChain for Here<N> {
    type New = N;
    type Old = N::From;

    fn run(new: &N, bus: &mut UpgradeBus<'_>) -> Result<N::From, Fault> {
        N::migrate_back(new, bus)
    }
}

impl<N: MigrateBack, C: BackChain<Old = N>> BackChain for (N, C) {
    type New = C::New;
    type Old = N::From;

    fn run(new: &C::New, bus: &mut UpgradeBus<'_>) -> Result<N::From, Fault> {
        N::migrate_back(&C::run(new, bus)?, bus)
    }
}

/// A way from the state `N` to an older one.
pub struct WayBack<N> {
    pub(crate) schema: SchemaId,
    pub(crate) steps: u32,
    pub(crate) run: fn(&N, &mut UpgradeBus<'_>) -> Result<Vec<u8>, Fault>,
}

impl<N> fmt::Debug for WayBack<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WayBack")
            .field("schema", &self.schema)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl<N> WayBack<N> {
    fn of<C: BackChain<New = N>>(steps: u32) -> Self {
        Self {
            schema: C::Old::schema_id(),
            steps,
            run: |new, bus| {
                let (old, mut bytes) = (C::run(new, bus)?, Vec::new());
                codec::encode_state(&old, &mut bytes).map_err(|refused| {
                    Fault::new(codes::OLD_STATE_NOT_WRITTEN, refused.to_string())
                })?;
                Ok(bytes)
            },
        }
    }
}

/// Finds out, for a concrete type, whether it implements [`MigrateBack`]; as [`crate::export::Probe`] does for the
/// steps forward.
#[derive(Debug)]
pub struct BackProbe<T>(pub PhantomData<T>);

/// The answer when the type has a way back.
pub trait WithWayBack {
    /// The type.
    type State: State;
    /// Its own way and those behind it, newest first.
    fn ways(&self) -> Vec<WayBack<Self::State>>;
    /// Those behind `C`, which leads to this type.
    fn older<C: BackChain<Old = Self::State>>(&self, steps: u32) -> Vec<WayBack<C::New>>;
}

impl<T: MigrateBack> WithWayBack for BackProbe<T> {
    type State = T;

    fn ways(&self) -> Vec<WayBack<T>> {
        let mut ways = vec![WayBack::of::<Here<T>>(1)];
        ways.extend(T::From::ways_back::<Here<T>>(1));
        ways
    }

    fn older<C: BackChain<Old = T>>(&self, steps: u32) -> Vec<WayBack<C::New>> {
        let mut ways = vec![WayBack::of::<(T, C)>(steps + 1)];
        ways.extend(T::From::ways_back::<(T, C)>(steps + 1));
        ways
    }
}

/// The answer when it has none.
pub trait WithoutWayBack {
    /// The type.
    type State;
    /// None.
    fn ways(&self) -> Vec<WayBack<Self::State>>;
    /// None.
    fn older<C: BackChain>(&self, steps: u32) -> Vec<WayBack<C::New>>;
}

impl<T> WithoutWayBack for &BackProbe<T> {
    type State = T;

    fn ways(&self) -> Vec<WayBack<T>> {
        Vec::new()
    }

    fn older<C: BackChain>(&self, _: u32) -> Vec<WayBack<C::New>> {
        Vec::new()
    }
}
