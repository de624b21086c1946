//! Moves an unchanged field from the older struct into the newer one. No part of the contract: what
//! `derive(Migrate)` writes calls it.
//!
//! A field of the very same type is moved. A field whose type is declared twice (frozen and on the head, or in
//! another crate) is moved too, if schema and layout of both are equal: [`crate::schema`] says why their memory is
//! then alike. Which of the two it is, the compiler finds for the concrete types: the method of `&&Mover` is
//! found before that of `&Mover`, and this before that of `Mover`, which says what to do.

use crate::State;
use std::any::TypeId;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::{Mutex, PoisonError};

/// A type that has others inside: a derived one, or a container. Two of these may be one type declared twice;
/// two different scalars never are.
pub trait Composite: State {}

/// From a field's older type to its newer one.
#[derive(Debug)]
pub struct Mover<Old, New>(PhantomData<fn(Old) -> New>);

/// The mover of the field that `field` gives; `New` is the type of the newer one.
pub fn mover<Struct, Old, New>(_field: fn(&Struct) -> &Old) -> Mover<Old, New> {
    Mover(PhantomData)
}

/// A field that keeps its type.
pub trait MoveSame<T> {
    /// A field of the very same type is always alike.
    fn is_alike(&self) -> bool {
        true
    }

    /// The value.
    fn move_field(&self, old: T) -> T {
        old
    }
}

impl<T> MoveSame<T> for &&Mover<T, T> {}

/// A field whose type is declared twice.
pub trait MoveAlike<Old, New> {
    /// Whether schema and layout of both are equal.
    fn is_alike(&self) -> bool;

    /// The value.
    ///
    /// # Panics
    /// If they are not. A module that would is refused when it describes itself: [`all_alike`].
    fn move_field(&self, old: Old) -> New;
}

impl<Old: Composite, New: Composite> MoveAlike<Old, New> for &Mover<Old, New> {
    fn is_alike(&self) -> bool {
        are_alike::<Old, New>()
    }

    fn move_field(&self, old: Old) -> New {
        assert!(
            are_alike::<Old, New>(),
            "a moved field has another schema or layout than the older one"
        );
        let old = ManuallyDrop::new(old);
        // SAFETY: schema and layout of both are equal and nothing in them crosses as bytes, so a value of the
        // one is a value of the other (`State`'s implementors vouch for their descriptions); the older one is
        // not used or dropped again.
        unsafe { std::mem::transmute_copy::<Old, New>(&old) }
    }
}

/// A field that cannot be moved.
pub trait MoveNever<Old, Unlike> {
    /// Says nothing: that it cannot be moved is said where it would be.
    fn is_alike(&self) -> bool {
        false
    }

    /// Does not compile.
    fn move_field<New: MovedFrom<Old>>(&self, old: Old) -> New;
}

impl<Old, Unlike> MoveNever<Old, Unlike> for Mover<Old, Unlike> {
    fn move_field<New: MovedFrom<Old>>(&self, old: Old) -> New {
        New::moved_from(old)
    }
}

/// Holds for each type and itself: only so that the error about two types can say what to do.
#[diagnostic::on_unimplemented(
    message = "a moved field keeps its type: it was `{Old}` and is `{Self}`",
    label = "not the type of the older field",
    note = "write `#[migrate(with = function)]` on the field and list the older one in `drop(…)`"
)]
pub trait MovedFrom<Old> {
    /// The value.
    fn moved_from(old: Old) -> Self;
}

impl<T> MovedFrom<T> for T {
    fn moved_from(old: T) -> T {
        old
    }
}

/// Pairs of types that were compared. A module has as many as its steps have such fields.
static COMPARED: Mutex<BTreeMap<(TypeId, TypeId), bool>> = Mutex::new(BTreeMap::new());

/// Whether a value of the one type is a value of the other.
fn are_alike<Old: State, New: State>() -> bool {
    let pair = (TypeId::of::<Old>(), TypeId::of::<New>());
    let mut compared = COMPARED.lock().unwrap_or_else(PoisonError::into_inner);
    *compared.entry(pair).or_insert_with(|| {
        let describe = |describe: fn(&mut crate::schema::Describer) -> crate::schema::Type| {
            describe(&mut crate::schema::Describer::default())
        };
        let (old, new) = (describe(Old::describe), describe(New::describe));
        Old::schema_id() == New::schema_id()
            && Old::layout_id() == New::layout_id()
            && !old.has_serde_field()
            && !new.has_serde_field()
    })
}

/// Refuses a step one of whose moved fields is not alike, while its module describes itself.
///
/// # Panics
/// With the field's name.
pub fn all_alike(state: &str, fields: &[(&str, bool)]) {
    for (field, is_alike) in fields {
        assert!(
            is_alike,
            "`{field}` of `{state}` is moved, and its type has another schema or layout than in the older state: \
             write #[migrate(with = function)] on it and list the older one in drop(…)"
        );
    }
}
