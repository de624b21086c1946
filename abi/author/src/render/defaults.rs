//! `#[serde(default)]` in a frozen module: a type of the engine's own is declared there without its
//! `Default`, so where one is needed the attribute is left out.

use super::items::Item;
use refit_abi::schema::{Field, Type};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Meta, Token};

/// Longest array that has a default.
const ARRAY_LENGTH_MAX: u64 = 32;

/// Most elements of a tuple that has a default.
const TUPLE_LENGTH_MAX: usize = 12;

/// The contents of `#[serde(…)]` without `default`; `None` if nothing is left.
pub(super) fn without(serde: &str) -> Option<String> {
    let Some(metas) = metas(serde) else {
        return Some(serde.to_owned());
    };
    let kept: Vec<_> = metas
        .iter()
        .filter(|meta| !meta.path().is_ident("default"))
        .map(|meta| quote::ToTokens::to_token_stream(meta).to_string())
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// Whether `default` is among what stands in `#[serde(…)]`.
pub(super) fn asks(serde: &str) -> bool {
    metas(serde).is_some_and(|metas| metas.iter().any(|meta| meta.path().is_ident("default")))
}

fn metas(serde: &str) -> Option<Punctuated<Meta, Token![,]>> {
    Punctuated::parse_terminated.parse_str(serde).ok()
}

/// Whether the type has a default where its derived types have none.
pub(super) fn has(ty: &Type) -> bool {
    match ty {
        Type::Scalar { name, .. } => !["EngineId", "ClientId"].contains(&name.as_str()),
        Type::Container {
            name,
            arguments,
            length,
            ..
        } => match name.as_str() {
            "Option" | "Vec" | "VecDeque" | "BTreeMap" | "BTreeSet" | "PhantomData" | "Box<[]>" => {
                true
            }
            "array" => *length <= ARRAY_LENGTH_MAX && arguments.iter().all(has),
            "tuple" => arguments.len() <= TUPLE_LENGTH_MAX && arguments.iter().all(has),
            "Box" => arguments.iter().all(has),
            _ => false,
        },
        _ => false,
    }
}

/// The places in `item` where a default is left out, by `Type` or `Type.field`, as `serde` has it.
pub(super) fn left_out(item: &Item, serde: &super::SerdeAttributes) -> Vec<String> {
    let asked = |place: &String| serde.get(place).is_some_and(|serde| asks(serde));
    let of = |name: &str, fields: &[Field]| -> Vec<String> {
        let without = fields.iter().filter(|field| !has(&field.ty));
        without
            .map(|field| format!("{name}.{}", field.name))
            .collect()
    };
    let places = match &item.ty {
        Type::Struct { name, fields, .. } => {
            let mut places = of(name, fields);
            places.push(name.clone());
            places
        }
        Type::Enum { name, variants, .. } => variants
            .iter()
            .flat_map(|variant| of(&format!("{name}.{}", variant.name), &variant.fields))
            .collect(),
        _ => Vec::new(),
    };
    places.into_iter().filter(asked).collect()
}
