//! [`State`]: data that may cross from one generation's code to the next's, and the closed list of
//! types that may.
//!
//! A type is on the list when memory made by one build of it can be read, changed and freed by
//! another build. The list is closed because each type left off it crashed or corrupted when it
//! was tried: an empty `HashMap` points into its library; `Rc`, `Arc` and `Cow` may; `dyn` and
//! function pointers always do; a map key whose hand-written `Ord` changed loses its entries.

use crate::chain::{Chain, MessageChain};
use crate::message::OlderMessage;
use crate::moved::Composite;
use crate::pieces::{Piece, Written};
use crate::schema::{Describer, LayoutId, Nature, SchemaId, Shape, Type};
use crate::way_back::{BackChain, WayBack};
use crate::{BlockHash, BlockTime, ClientId, EngineId, Generation, Height, Step, TimerId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

/// A type of the closed list. `#[derive(State, Serialize, Deserialize)]` implements it.
///
/// # Safety
/// Memory is handed from one build's code to another's by what this trait says, so:
/// * [`State::describe`] tells the truth, as [`crate::schema`] asks for it: two types with equal
///   descriptions lie in memory alike, and whatever code made a value, code of another build may read,
///   change and drop it once the first is unmapped.
/// * [`State::schema_id`] and [`State::layout_id`] are the hashes of that description.
///
/// The derive, which reads the whole type, vouches for both. No safe code can: a type that is off the
/// list goes behind `#[state(serde)]` instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of an engine's state, message, query or answer",
    label = "not on the closed list of types that cross from one generation to the next",
    note = "use integers, bool, char, String, arrays, tuples, Option, Result, Box, Vec, VecDeque, BTreeMap or BTreeSet; \
            an f32 or f64 that is written out, with `#[state(float)]` on the field; \
            or your own type with fields of this list and `#[derive(State, Serialize, Deserialize)]`; \
            or, for a type of another crate that is no hash map and no hash set, `#[state(serde)]` on the field: \
            it then crosses as bytes"
)]
pub unsafe trait State: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Describes this type.
    fn describe(describer: &mut Describer) -> Type;

    /// The hash of what this type means.
    fn schema_id() -> SchemaId {
        Self::describe(&mut Describer::default()).schema_id()
    }

    /// The hash of how this type lies in memory in this build.
    fn layout_id() -> LayoutId {
        Self::describe(&mut Describer::default()).layout_id(crate::build::LAYOUT)
    }

    /// The facts of the type that a walk over its values must know. The derive keeps it: a handler's every `send` asks.
    #[doc(hidden)]
    fn nature() -> Nature {
        Self::describe(&mut Describer::default()).nature()
    }

    /// Writes on, from where the piece before ended; see [`crate::pieces`]. What does not say how it is
    /// divided is one piece.
    #[doc(hidden)]
    fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
        piece.whole(self)
    }

    /// Writes on as a part of another value.
    #[doc(hidden)]
    fn write_inside(&self, piece: &mut Piece<'_>) -> Written {
        piece.inside(self)
    }

    /// All older states from which this one, and through `C` the newest, can be reached. The derive
    /// knows whether the type has a [`crate::Migrate`]; `dropped` are the fields that `C` drops.
    #[doc(hidden)]
    fn older_states<C: Chain<From = Self>>(_steps: u32, _dropped: &[String]) -> Vec<Step<C::To>> {
        Vec::new()
    }

    /// As [`State::older_states`], for [`crate::MigrateBack`]: all older states that `C` leads on to.
    #[doc(hidden)]
    fn ways_back<C: BackChain<Old = Self>>(_steps: u32) -> Vec<WayBack<C::New>> {
        Vec::new()
    }

    /// As [`State::older_states`], for [`crate::MigrateMessage`].
    #[doc(hidden)]
    fn older_messages<C: MessageChain<From = Self>>() -> Vec<OlderMessage<C::To>> {
        Vec::new()
    }
}

/// A type whose order cannot be hand-written, so that a map built by old code stays sorted for new
/// code. Implement it with `#[derive(StateKey)]`, which writes `Ord` and its companions itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map or a set in an engine's state",
    note = "use an integer, bool, char, String, or an array, tuple, Vec or Option of those; \
            or `#[derive(StateKey)]` on your own type, which writes its `Ord`: a hand-written order \
            that changed between two generations would lose entries"
)]
pub trait StateKey: State + Ord {}

macro_rules! scalars {
    ($($ty:ty),* $(,)?) => {$(
        // SAFETY: it owns what it holds, borrows nothing of a library, and its name and shape say how it
        // lies in memory: the list below names the compiler's own types and plain numbers of this crate.
        unsafe impl State for $ty {
            fn describe(_: &mut Describer) -> Type {
                scalar::<Self>(stringify!($ty))
            }

            fn nature() -> Nature {
                Nature::default()
            }

            fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
                piece.plain(self)
            }
        }
        impl StateKey for $ty {}
    )*};
}
scalars!(
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    bool,
    char,
    (),
    EngineId,
    ClientId,
    Height,
    BlockTime,
    BlockHash,
    Generation,
    TimerId,
);

fn scalar<T>(name: &str) -> Type {
    Type::Scalar {
        name: name.to_owned(),
        shape: Shape::of::<T>(),
    }
}

macro_rules! containers {
    ($($name:ident<$($arg:ident $(: $bound:ident)?),+> = $write:expr;)*) => {$(
        // SAFETY: of the standard library that every build of one compiler has; it owns its elements
        // through the allocator that all builds share, and has no sentinel in a library. `Describer` and
        // the arguments' own implementations say the rest.
        unsafe impl<$($arg: State $(+ $bound)?),+> State for $name<$($arg),+> {
            fn describe(describer: &mut Describer) -> Type {
                container::<Self>(stringify!($name), vec![$($arg::describe(describer)),+], 0)
            }

            fn nature() -> Nature {
                Nature::default()$(.and($arg::nature()))+
            }

            fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
                let write: fn(&Self, &mut Piece<'_>) -> Written = $write;
                write(self, piece)
            }
        }
        impl<$($arg: State $(+ $bound)?),+> Composite for $name<$($arg),+> {}
    )*};
}
containers! {
    Vec<T> = |all, piece| piece.sequence(all.len(), |index| all.get(index));
    VecDeque<T> = |all, piece| piece.sequence(all.len(), |index| all.get(index));
    Box<T> = |inside, piece| piece.inside(&**inside);
    Option<T> = |option, piece| match option {
        None => piece.plain(option),
        Some(value) => piece.variant(1, value),
    };
    Result<T, E> = |result, piece| match result {
        Ok(value) => piece.variant(0, value),
        Err(error) => piece.variant(1, error),
    };
    BTreeMap<K: StateKey, V> = |map, piece| piece.map(map);
    BTreeSet<K: StateKey> = |set, piece| piece.set(set);
}

impl<T: StateKey> StateKey for Vec<T> {}
impl<T: StateKey> StateKey for Option<T> {}
impl<T: StateKey> StateKey for Box<T> {}

// SAFETY: it holds nothing.
unsafe impl<T: State> State for PhantomData<T> {
    fn describe(describer: &mut Describer) -> Type {
        container::<Self>("PhantomData", vec![T::describe(describer)], 0)
    }

    fn nature() -> Nature {
        Nature::default()
    }
}
impl<T: State> Composite for PhantomData<T> {}

macro_rules! texts {
    ($($ty:ty),*) => {$(
        // SAFETY: of the standard library that every build of one compiler has; it owns its bytes through
        // the allocator that all builds share, and has no sentinel in a library.
        unsafe impl State for $ty {
            fn describe(_: &mut Describer) -> Type {
                scalar::<Self>(stringify!($ty))
            }

            fn nature() -> Nature {
                Nature::default()
            }

            fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
                piece.text(self)
            }
        }
        impl StateKey for $ty {}
    )*};
}
texts!(String, Box<str>);

// SAFETY: as for `Vec`.
unsafe impl<T: State> State for Box<[T]> {
    fn describe(describer: &mut Describer) -> Type {
        container::<Self>("Box<[]>", vec![T::describe(describer)], 0)
    }

    fn nature() -> Nature {
        T::nature()
    }

    fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
        piece.sequence(self.len(), |index| self.get(index))
    }
}
impl<T: State> Composite for Box<[T]> {}

macro_rules! arrays {
    ($($n:literal)*) => {$(
        // SAFETY: `T`s, one after the other, as many as the description says.
        unsafe impl<T: State> State for [T; $n] {
            fn describe(describer: &mut Describer) -> Type {
                container::<Self>("array", vec![T::describe(describer)], $n)
            }

            fn nature() -> Nature {
                T::nature()
            }

            fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
                piece.array(self)
            }
        }
        impl<T: State> Composite for [T; $n] {}
        impl<T: StateKey> StateKey for [T; $n] {}
    )*};
}
// serde reads arrays of up to 32 elements; a longer one is a `Vec` or a derived type.
arrays!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

macro_rules! tuples {
    ($(($($arg:ident $index:tt),+))*) => {$(
        // SAFETY: its elements and nothing else; where the compiler puts them follows from their layouts,
        // which their descriptions determine.
        unsafe impl<$($arg: State),+> State for ($($arg,)+) {
            fn describe(describer: &mut Describer) -> Type {
                container::<Self>("tuple", vec![$($arg::describe(describer)),+], 0)
            }

            fn nature() -> Nature {
                Nature::default()$(.and($arg::nature()))+
            }

            fn write_piece(&self, piece: &mut Piece<'_>) -> Written {
                let level = piece.enter();
                $(piece.part(&level, $index, |piece| piece.inside(&self.$index))?;)+
                Ok(())
            }
        }
        impl<$($arg: State),+> Composite for ($($arg,)+) {}
        impl<$($arg: StateKey),+> StateKey for ($($arg,)+) {}
    )*};
}
tuples!(
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
);

fn container<T>(name: &str, arguments: Vec<Type>, length: u64) -> Type {
    Type::Container {
        name: name.to_owned(),
        arguments,
        length,
        shape: Shape::of::<T>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_types_have_equal_hashes_and_others_do_not() {
        assert_eq!(Vec::<u64>::schema_id(), Vec::<u64>::schema_id());
        assert_ne!(Vec::<u64>::schema_id(), Vec::<u32>::schema_id());
        assert_ne!(<[u8; 3]>::schema_id(), <[u8; 4]>::schema_id());
        assert_ne!(<(u8, u16)>::schema_id(), <(u16, u8)>::schema_id());
        assert_ne!(Option::<u8>::schema_id(), Vec::<u8>::schema_id());
    }
}
