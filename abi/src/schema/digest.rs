//! The two hashes of a type: of its meaning, and of its memory layout.

use super::{Field, LayoutId, SchemaId, Shape, Type, Variant};

/// Which of the two hashes is being computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Schema,
    Layout,
}

impl Type {
    /// The hash of what this type means.
    pub fn schema_id(&self) -> SchemaId {
        SchemaId(self.digest(View::Schema, "refit 2026 schema", ""))
    }

    /// The hash of how this type lies in memory within `layout`: [`crate::build::LAYOUT`].
    pub fn layout_id(&self, layout: &str) -> LayoutId {
        LayoutId(self.digest(View::Layout, "refit 2026 layout", layout))
    }

    fn digest(&self, view: View, context: &str, salt: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        text(&mut hasher, salt);
        self.feed(view, &mut hasher);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        bytes
    }

    fn feed(&self, view: View, h: &mut blake3::Hasher) {
        match self {
            Type::Scalar { name, shape } => {
                text(h, "scalar");
                text(h, name);
                shape.feed(view, h);
            }
            Type::Container {
                name,
                arguments,
                length,
                shape,
            } => {
                text(h, "container");
                text(h, name);
                number(h, *length);
                number(h, arguments.len() as u64);
                arguments.iter().for_each(|argument| argument.feed(view, h));
                shape.feed(view, h);
            }
            Type::Struct {
                name,
                version,
                fields,
                shape,
            } => {
                text(h, "struct");
                text(h, name);
                number(h, u64::from(*version));
                feed_fields(fields, view, h);
                shape.feed(view, h);
            }
            Type::Enum {
                name,
                version,
                variants,
                shape,
            } => {
                text(h, "enum");
                text(h, name);
                number(h, u64::from(*version));
                number(h, variants.len() as u64);
                variants.iter().for_each(|variant| variant.feed(view, h));
                shape.feed(view, h);
            }
            Type::Recursion { name, levels } => {
                text(h, "recursion");
                text(h, name);
                number(h, *levels);
            }
            Type::Serde { name, identity } => {
                text(h, "serde");
                text(h, name);
                if view == View::Layout {
                    number(h, *identity);
                }
            }
        }
    }
}

impl Shape {
    fn feed(self, view: View, h: &mut blake3::Hasher) {
        if view == View::Layout {
            number(h, self.size);
            number(h, self.align);
        }
    }
}

impl Variant {
    fn feed(&self, view: View, h: &mut blake3::Hasher) {
        text(h, &self.name);
        if view == View::Layout {
            text(h, self.discriminant.as_deref().unwrap_or(""));
        }
        feed_fields(&self.fields, view, h);
    }
}

fn feed_fields(fields: &[Field], view: View, h: &mut blake3::Hasher) {
    number(h, fields.len() as u64);
    for field in fields {
        text(h, &field.name);
        field.ty.feed(view, h);
        if view == View::Layout {
            number(h, field.offset);
        }
    }
}

pub(crate) fn text(h: &mut blake3::Hasher, text: &str) {
    number(h, text.len() as u64);
    h.update(text.as_bytes());
}

pub(crate) fn number(h: &mut blake3::Hasher, number: u64) {
    h.update(&number.to_le_bytes());
}
