//! Describes a `#[state(float)]` field. No part of the contract: what `derive(State)` writes calls it.
//!
//! `f32` and `f64` do not implement `State`, so that none gets into a state by chance: through a type
//! parameter, an alias, a key. The derive takes the type of such a field apart down to its floats and describes
//! each level by the traits here, which check what the names stand for.

use crate::StateKey;
use crate::schema::{Shape, Type};
use std::collections::{BTreeMap, VecDeque};

/// A floating-point number.
///
/// # Safety
/// It is a scalar of the language called [`Float::NAME`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the language's `f32` or `f64`",
    label = "`#[state(float)]` takes it for one"
)]
pub unsafe trait Float {
    /// As the schema names it.
    const NAME: &'static str;
}

// SAFETY: so it is.
unsafe impl Float for f32 {
    const NAME: &'static str = "f32";
}

// SAFETY: so it is.
unsafe impl Float for f64 {
    const NAME: &'static str = "f64";
}

/// A container of the closed list around the types of the tuple `Parts`, whatever they are.
///
/// # Safety
/// How it lies in memory, and what its memory means, follows from name, length and parts, as for its
/// implementation of `State`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the standard library's container of this name, or its key is no `StateKey`",
    label = "`#[state(float)]` takes it for one"
)]
pub unsafe trait Around<Parts> {
    /// As the schema names it.
    const NAME: &'static str;
    /// Number of elements of an array, else 0.
    const LENGTH: u64 = 0;
}

macro_rules! containers {
    ($($name:literal: $ty:ty as <$($arg:ident $(: $bound:ident)?),+>;)*) => {$(
        // SAFETY: as for its implementation of `State`, which asks nothing more of its memory.
        unsafe impl<$($arg $(: $bound)?),+> Around<($($arg,)+)> for $ty {
            const NAME: &'static str = $name;
        }
    )*};
}
containers! {
    "Vec": Vec<T> as <T>;
    "VecDeque": VecDeque<T> as <T>;
    "Box": Box<T> as <T>;
    "Box<[]>": Box<[T]> as <T>;
    "Option": Option<T> as <T>;
    "Result": Result<T, E> as <T, E>;
    "BTreeMap": BTreeMap<K, V> as <K: StateKey, V>;
    "tuple": (A,) as <A>;
    "tuple": (A, B) as <A, B>;
    "tuple": (A, B, C) as <A, B, C>;
    "tuple": (A, B, C, D) as <A, B, C, D>;
    "tuple": (A, B, C, D, E) as <A, B, C, D, E>;
    "tuple": (A, B, C, D, E, F) as <A, B, C, D, E, F>;
    "tuple": (A, B, C, D, E, F, G) as <A, B, C, D, E, F, G>;
    "tuple": (A, B, C, D, E, F, G, H) as <A, B, C, D, E, F, G, H>;
}

// SAFETY: `T`s, one after the other, as many as the description says.
unsafe impl<T, const N: usize> Around<(T,)> for [T; N] {
    const NAME: &'static str = "array";
    const LENGTH: u64 = N as u64;
}

/// The described float `T`.
pub fn float<T: Float>() -> Type {
    Type::Scalar {
        name: T::NAME.to_owned(),
        shape: Shape::of::<T>(),
    }
}

/// The described container `T` around `Parts`, which are described by `arguments`, in their order.
pub fn around<T: Around<Parts>, Parts>(arguments: Vec<Type>) -> Type {
    Type::Container {
        name: T::NAME.to_owned(),
        arguments,
        length: T::LENGTH,
        shape: Shape::of::<T>(),
    }
}
