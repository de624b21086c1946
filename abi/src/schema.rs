//! Describes types as data: the [`Type`] tree that `derive(State)` describes, and the two
//! hashes over it.
//!
//! * The *schema hash* covers names, order, versions and types: what the bytes and the fields mean.
//! * The *layout hash* covers the same and, on top, sizes, alignments, field offsets, discriminants
//!   and the compiler: what the memory looks like.
//!
//! Two states with equal schema and layout hash may be handed over by pointer. This is why, in full:
//!
//! 1. *Equal hashes are equal descriptions* by equal compilers: all that a description has goes into the
//!    layout hash, each part with its length before it, and so does [`crate::build::LAYOUT`], which names
//!    the compiler, the standard library that it comes with, and the target.
//! 2. *A description says all that the compiler chooses from.* Rust fixes no layout, but one compiler computes
//!    it from these alone: the fields' own layouts in the order they are written, for an enum its variants in
//!    their order and the discriminants that are written, the `repr`, and whether the last field of a struct
//!    may be unsized. Names, paths, visibility, attributes that mean no layout and whether a type was made from
//!    a generic one are none of it. The first two are described. The others are one for all states: the derive
//!    refuses every `repr`, and a last field whose size the type's own bounds leave open. So two types of one
//!    description have one layout, by induction over the fields: offsets, size, alignment, padding, where the
//!    tag is and which bit patterns are free for the type around (the niche, which no program can ask for).
//!    Where the tree ends: a scalar and a container are the standard library's, or plain numbers of this crate;
//!    a recursion passes through a pointer, whose layout does not depend on what is behind it.
//! 3. *The description is of the type itself*, not of what a macro saw before another changed it: the code
//!    that the derive writes takes the value apart without `..`, and compares the types of the fields.
//! 4. *What memory means beyond layout* is the closed list's matter: no pointer into a library, one allocator.
//! 5. *A `#[state(serde)]` field* is not described, so its owner is never handed to another module. Inside one
//!    module the [`Type::Serde::identity`] tells two types of one text apart.
//!
//! Sizes, alignments and offsets follow from the rest; they are in the hash as a net. A test asks the compiler
//! itself for the layouts of random types, and compares (`cargo test -p refit-abi --test all layouts`).
//!
//! Optimisation level, target CPU and debug assertions do not change layout and are left out.

#[cfg(feature = "host")]
mod difference;
mod digest;
mod nature;

#[cfg(feature = "host")]
pub use difference::differences;
pub(crate) use digest::{number, text};
pub use nature::Nature;

use crate::derived::SaidType;
use crate::words::{TypeWords, Words};
use serde::{Deserialize, Serialize};
use std::any::TypeId;
use std::fmt;

/// Deepest nesting of types that is described; deeper is a defect in the author's types.
pub const TYPE_DEPTH_MAX: usize = 128;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, abi_stable::StableAbi,
        )]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                crate::id::write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                crate::id::parse_hex(&text)
                    .map($name)
                    .ok_or_else(|| serde::de::Error::custom("expected 32 hexadecimal digits"))
            }
        }
    };
}

digest! {
    /// Hash of what a type means: names, order, versions, types.
    SchemaId
}
digest! {
    /// Hash of how a type lies in memory, for one compiler.
    LayoutId
}
digest! {
    /// Hash of the names under which a type is written and read as JSON.
    WordsId
}

/// One type, described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Type {
    /// An integer, `f32` and `f64`, `bool`, `char`, `()`, `String`, `EngineId`, …: wholly named by its name.
    Scalar {
        /// `u64`, `String`, …
        name: String,
        /// Size and alignment: a type of this crate may change its own.
        shape: Shape,
    },
    /// A generic type of the closed list with its arguments: `Vec`, `BTreeMap`, a tuple, …
    Container {
        /// `Vec`, `Option`, `tuple`, …
        name: String,
        /// The type arguments, in order.
        arguments: Vec<Type>,
        /// Number of elements of an array, else 0.
        length: u64,
        /// Size and alignment.
        shape: Shape,
    },
    /// A derived struct.
    Struct {
        /// `#[state(name = "…")]`, or the identifier.
        name: String,
        /// `#[state(version = n)]`, else 0.
        version: u32,
        /// The fields, in the order they are written.
        fields: Vec<Field>,
        /// Size and alignment.
        shape: Shape,
    },
    /// A derived enum.
    Enum {
        /// `#[state(name = "…")]`, or the identifier.
        name: String,
        /// `#[state(version = n)]`, else 0.
        version: u32,
        /// The variants, in the order they are written.
        variants: Vec<Variant>,
        /// Size and alignment.
        shape: Shape,
    },
    /// A derived type that is being described further up: the type is recursive.
    Recursion {
        /// Its name.
        name: String,
        /// The number of derived types further up at which it is: 0 is the one that is being described. Two types
        /// of one name may be open at once.
        levels: u64,
    },
    /// A `#[state(serde)]` field: any serde type, which crosses as bytes and never by pointer.
    Serde {
        /// The type as the author wrote it.
        name: String,
        /// Which type it is, in one build: two types of one module may have the same text.
        identity: u64,
    },
}

/// One field of a struct or of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name; `0`, `1`, … in a tuple struct.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Bytes from the start of the struct; 0 in a variant, where Rust does not say.
    pub offset: u64,
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The discriminant that is written in the source, as text, if one is.
    pub discriminant: Option<String>,
    /// The payload.
    pub fields: Vec<Field>,
}

/// Size and alignment of a type, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The size of a value in bytes, from `size_of`.
    pub size: u64,
    /// The alignment of a value in bytes, from `align_of`.
    pub align: u64,
}

impl Shape {
    /// The shape of `T`.
    pub const fn of<T>() -> Self {
        Self {
            size: size_of::<T>() as u64,
            align: align_of::<T>() as u64,
        }
    }
}

/// Collects a description; remembers which derived types are open, to end recursion.
#[derive(Debug, Default)]
pub struct Describer {
    open: Vec<TypeId>,
    words: Vec<TypeWords>,
}

impl Describer {
    /// Describes the derived type `T` called `name` with `describe`, unless it is already open.
    ///
    /// # Panics
    /// When types nest deeper than [`TYPE_DEPTH_MAX`]: a generic type that contains itself with a
    /// growing argument.
    pub fn derived<T: 'static>(
        &mut self,
        name: &str,
        describe: impl FnOnce(&mut Self) -> Type,
    ) -> Type {
        // Not `type_name`: two versions of one crate give two types the same.
        let this = TypeId::of::<T>();
        if let Some(levels) = self.open.iter().rev().position(|open| *open == this) {
            return Type::Recursion {
                name: name.to_owned(),
                levels: levels as u64,
            };
        }
        assert!(
            self.open.len() < TYPE_DEPTH_MAX,
            "the state type `{name}` nests without end"
        );
        self.open.push(this);
        let described = describe(self);
        self.open.pop();
        described
    }

    /// Notes the words of the derived type that is being described.
    #[doc(hidden)]
    pub fn say(&mut self, name: &str, said: &SaidType) {
        self.words.push(TypeWords::said(name, said));
    }

    /// The words of all that was described.
    pub fn into_words(self) -> Words {
        Words::new(self.words)
    }
}
