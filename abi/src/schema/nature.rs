//! [`Nature`]: whether the values of a type may be deep, opaque or hold floats.

use super::Type;

/// The facts of a type that a walk over its values must know before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// The type contains itself: a value is as deep as its data.
    pub recursive: bool,
    /// A `#[state(serde)]` field is inside, of which only its own `Serialize` knows what it is.
    pub opaque: bool,
    /// An `f32` or `f64` is inside.
    pub floats: bool,
}

impl Nature {
    /// Whether a value may be so deep that writing, reading or dropping it overflows a stack.
    pub const fn is_deep(self) -> bool {
        self.recursive || self.opaque
    }

    /// Whether a value is written part by part with a look at each: it may be deep, or it has floats.
    pub const fn is_guarded(self) -> bool {
        self.is_deep() || self.floats
    }

    /// The nature of a type that is made of this one's type and the other's.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            recursive: self.recursive || other.recursive,
            opaque: self.opaque || other.opaque,
            floats: self.floats || other.floats,
        }
    }

    fn of<'a>(parts: impl IntoIterator<Item = &'a Type>) -> Self {
        let parts = parts.into_iter().map(Type::nature);
        parts.fold(Self::default(), Self::and)
    }
}

impl Type {
    /// Whether a `#[state(serde)]` field is inside: then the state never crosses by pointer.
    pub fn has_serde_field(&self) -> bool {
        self.nature().opaque
    }

    /// The facts of the type that a walk over its values must know.
    pub fn nature(&self) -> Nature {
        match self {
            Type::Serde { .. } => Nature {
                opaque: true,
                ..Nature::default()
            },
            Type::Recursion { .. } => Nature {
                recursive: true,
                ..Nature::default()
            },
            Type::Scalar { name, .. } => Nature {
                floats: matches!(name.as_str(), "f32" | "f64"),
                ..Nature::default()
            },
            Type::Container { arguments, .. } => Nature::of(arguments),
            Type::Struct { fields, .. } => Nature::of(fields.iter().map(|field| &field.ty)),
            Type::Enum { variants, .. } => {
                let fields = variants.iter().flat_map(|variant| &variant.fields);
                Nature::of(fields.map(|field| &field.ty))
            }
        }
    }
}
