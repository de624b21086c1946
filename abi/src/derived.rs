//! The functions that the code of the derives calls. No part of the contract: authors never name them.

pub use crate::float::{Around, Float, around, float};
pub use crate::moved::{
    Composite, MoveAlike, MoveNever, MoveSame, MovedFrom, Mover, all_alike, mover,
};

pub use crate::rest::Rest;

use crate::codec::{self, Refused};
use crate::codes;
use crate::schema::{Describer, Field, Nature, SchemaId, Shape, Type, Variant};
use crate::words::Words;
use crate::{Assemble, Fault, State, StateKey, UpgradeBus, walk};
use serde::Serialize;
use std::any::TypeId;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

/// A described field.
pub fn field(name: &str, ty: Type, offset: usize) -> Field {
    Field {
        name: name.to_owned(),
        ty,
        offset: offset as u64,
    }
}

/// A described variant.
pub fn variant(name: &str, discriminant: Option<&str>, fields: Vec<Field>) -> Variant {
    let discriminant = discriminant.map(ToOwned::to_owned);
    Variant {
        name: name.to_owned(),
        discriminant,
        fields,
    }
}

/// The words of a derived type, as its serde attributes say them.
#[derive(Debug)]
pub struct SaidType {
    /// As [`crate::words::TypeWords::is_transparent`].
    pub is_transparent: bool,
    /// As [`crate::words::TypeWords::refuses_unknown`].
    pub refuses_unknown: bool,
    /// As [`crate::words::TypeWords::members`].
    pub members: &'static [SaidMember],
}

/// The words of a field or variant.
#[derive(Debug)]
pub struct SaidMember {
    /// As [`crate::words::MemberWords::name`].
    pub name: &'static str,
    /// As [`crate::words::MemberWords::written`].
    pub written: &'static str,
    /// As [`crate::words::MemberWords::read`].
    pub read: &'static [&'static str],
    /// As [`crate::words::MemberWords::may_be_absent`].
    pub may_be_absent: bool,
    /// As [`crate::words::MemberWords::fields`].
    pub fields: &'static [SaidMember],
}

/// The described struct `T`.
pub fn structure<T>(name: &str, version: u32, fields: Vec<Field>) -> Type {
    Type::Struct {
        name: name.to_owned(),
        version,
        fields,
        shape: Shape::of::<T>(),
    }
}

/// The described enum `T`.
pub fn enumeration<T>(name: &str, version: u32, variants: Vec<Variant>) -> Type {
    Type::Enum {
        name: name.to_owned(),
        version,
        variants,
        shape: Shape::of::<T>(),
    }
}

/// The type `T` of a `#[state(serde)]` field.
pub fn serde_type<T: 'static>(name: &str) -> Type {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<T>().hash(&mut hasher);
    Type::Serde {
        name: name.to_owned(),
        identity: hasher.finish(),
    }
}

/// Holds for one type alone: no reference is coerced on the way into it.
#[derive(Debug)]
pub struct Exactly<T: ?Sized>(PhantomData<fn(&T) -> &T>);

impl<T: ?Sized> Exactly<T> {
    /// The value for the type of `value`.
    pub fn that_of(_: &T) -> Self {
        Self(PhantomData)
    }
}

/// Compiles where the last field of a struct has a size that is known from the struct's own bounds. The
/// compiler gives a struct another layout where it has none: another niche at equal offsets.
pub fn the_last_field_of_a_state_is_sized<T>() {}

/// The schema hash, computed.
pub fn schema_id<T: State>() -> SchemaId {
    T::describe(&mut Describer::default()).schema_id()
}

/// The description of a type, and its words.
pub(crate) fn described<T: State>() -> (Type, Words) {
    let mut describer = Describer::default();
    let described = T::describe(&mut describer);
    (described, describer.into_words())
}

/// The nature, computed.
pub fn nature<T: State>() -> Nature {
    T::describe(&mut Describer::default()).nature()
}

/// Compiles for the key of a map only.
pub fn key<T: StateKey>() {}

/// A copy of a state that is only borrowed, by way of its bytes: what crosses need not be `Clone`.
///
/// # Errors
/// `state-too-deep`; `old-state-does-not-copy` if a `#[state(serde)]` field does not survive postcard.
pub fn copy<T: State>(old: &T) -> Result<T, Fault> {
    let fault = |refused| match refused {
        Refused::TooDeep => Fault::new(STATE_TOO_DEEP, refused.to_string()),
        refused => Fault::new(codes::OLD_STATE_DOES_NOT_COPY, refused.to_string()),
    };
    let mut bytes = Vec::new();
    codec::encode_state(old, &mut bytes).map_err(fault)?;
    codec::decode_state(&bytes).map_err(fault)
}

/// As the host's code for the same.
const STATE_TOO_DEEP: &str = codes::STATE_TOO_DEEP;

/// Drops a value that nobody needs any more; one that is too deep for this thread's stack is leaked.
/// Whether it was dropped.
pub fn let_go<T: State>(value: T) -> bool {
    let drops = !T::nature().is_deep() || may_drop(&value);
    let_go_unless(value, !drops);
    drops
}

/// Whether a value that may be deep can be dropped on this thread.
pub fn may_drop<T: Serialize>(value: &T) -> bool {
    !std::mem::needs_drop::<T>() || walk::may_drop(value)
}

/// Drops a value, or leaks it.
fn let_go_unless<T>(value: T, leak: bool) {
    if leak {
        std::mem::forget(value);
    }
}

/// The second half of a derived step where nobody can be asked for a larger stack: between two steps that
/// run as one. A value too deep to be dropped is leaked, and the node's log says so.
pub fn assemble<N: Assemble>(old: N::From, fresh: N::Fresh, bus: &mut UpgradeBus<'_>) -> N {
    let mut rest = Rest::default();
    let new = N::assemble(old, fresh, &mut rest);
    let leak = N::From::nature().is_deep() && !rest.may_drop();
    if leak {
        bus.log(LEAKED);
    }
    let_go_unless(rest, leak);
    new
}

/// The line in the node's log about a value that was too deep to be dropped.
pub(crate) const LEAKED: &str =
    "a part of an old state is nested too deep to be dropped, and keeps its memory";

/// A function that `#[migrate(with = …)]` names.
pub type With<Old, T> = fn(&Old, &mut UpgradeBus<'_>) -> Result<T, Fault>;

/// The names of a derived struct's fields, in the order they are written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a struct that derives `State`",
    label = "`derive(Migrate)` starts from a struct",
    note = "`#[derive(State, Serialize, Deserialize)]` on the older struct; from an enum, `impl Migrate` by hand"
)]
pub trait FieldNames {
    /// The names.
    const FIELD_NAMES: &'static [&'static str];
}

/// Whether `name` is one of `names`.
pub const fn is_among(name: &str, names: &[&str]) -> bool {
    let mut index = 0;
    while index < names.len() {
        if is_equal(name.as_bytes(), names[index].as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

pub(crate) const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Fails the compilation if an old field is neither moved nor dropped.
///
/// # Panics
/// At compile time, with the field's name.
#[track_caller]
pub const fn every_old_field_is_used(old: &[&str], used: &[&str]) {
    let mut index = 0;
    while index < old.len() {
        if !is_among(old[index], used) {
            let message = Message::empty().with("old field `").with(old[index]).with(
                "` is neither moved nor dropped; keep a field of that name, or list it in drop(…)",
            );
            panic!("{}", message.text());
        }
        index += 1;
    }
}

/// Longest text of [`Message`], in bytes; what does not fit is cut off.
const MESSAGE_BYTES_MAX: usize = 512;

/// A text that is put together while compiling, where there is no `format!`.
struct Message {
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Message {
    const fn empty() -> Self {
        Self {
            bytes: [0; MESSAGE_BYTES_MAX],
            length: 0,
        }
    }

    const fn with(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        if self.length + text.len() > MESSAGE_BYTES_MAX {
            return self;
        }
        let mut index = 0;
        while index < text.len() {
            self.bytes[self.length] = text[index];
            self.length += 1;
            index += 1;
        }
        self
    }

    const fn text(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.length);
        match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "an old field is neither moved nor dropped",
        }
    }
}
