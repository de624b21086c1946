//! Described types as trees: the derived types inside of one, and the tree without what belongs to one
//! compiler. It names no other room of this crate, so that all of them may name it.

use refit_abi::schema::{Field, Shape, Type, Variant};

/// Adds the derived types inside `ty`, and itself.
pub fn derived_in<'a>(ty: &'a Type, found: &mut Vec<&'a Type>) {
    let inner: Vec<&Type> = match ty {
        Type::Container { arguments, .. } => arguments.iter().collect(),
        Type::Struct { fields, .. } => fields.iter().map(|field| &field.ty).collect(),
        Type::Enum { variants, .. } => {
            let fields = variants.iter().flat_map(|variant| &variant.fields);
            fields.map(|field| &field.ty).collect()
        }
        _ => return,
    };
    if matches!(ty, Type::Struct { .. } | Type::Enum { .. }) {
        found.push(ty);
    }
    inner.into_iter().for_each(|ty| derived_in(ty, found));
}

/// The type without what belongs to one compiler: sizes, alignments, offsets.
pub fn layoutless(ty: &Type) -> Type {
    let mut ty = ty.clone();
    strip(&mut ty);
    ty
}

fn strip(ty: &mut Type) {
    match ty {
        Type::Scalar { shape, .. } => *shape = Shape::default(),
        Type::Serde { identity, .. } => *identity = 0,
        Type::Container {
            arguments, shape, ..
        } => {
            *shape = Shape::default();
            arguments.iter_mut().for_each(strip);
        }
        Type::Struct { fields, shape, .. } => {
            *shape = Shape::default();
            fields.iter_mut().for_each(strip_field);
        }
        Type::Enum {
            variants, shape, ..
        } => {
            *shape = Shape::default();
            let fields = |variant: &mut Variant| variant.fields.iter_mut().for_each(strip_field);
            variants.iter_mut().for_each(fields);
        }
        _ => {}
    }
}

fn strip_field(field: &mut Field) {
    field.offset = 0;
    strip(&mut field.ty);
}
