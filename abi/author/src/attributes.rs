//! The serde attributes of a package's types, read from its source: a description does not have
//! them, and what clients wrote as JSON is read by them.

use super::types::derived_in;
use quote::ToTokens;
use refit_abi::schema::Type;
use std::collections::{BTreeMap, BTreeSet};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, Item, Meta, Token};

/// The attributes that a frozen type keeps: names. It could not name a default's function, or a bound.
const KEPT: [&str; 7] = [
    "alias",
    "default",
    "deny_unknown_fields",
    "rename",
    "rename_all",
    "rename_all_fields",
    "transparent",
];

/// The contents of `#[serde(…)]`, by `Type`, `Type.field`, `Type.Variant` or `Type.Variant.field`.
pub type SerdeAttributes = BTreeMap<String, String>;

/// The types that a source declares, in the order of its files.
#[derive(Debug, Default)]
pub struct Declarations(Vec<Declaration>);

/// One type's declaration in the source.
#[derive(Debug)]
struct Declaration {
    /// Its name in the schema.
    name: String,
    /// `field`, `Variant` and `Variant.field`, in their order.
    members: Vec<String>,
    attributes: SerdeAttributes,
}

impl Declarations {
    /// The types that these source texts declare. A text that is no Rust is passed over, as the compiler
    /// will have refused it.
    pub fn of_sources<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut found = Self::default();
        for text in texts {
            if let Ok(file) = syn::parse_file(text) {
                found.of_items(&file.items);
            }
        }
        found
    }

    /// The attributes of the derived types inside `ty`, and of itself: of several declarations of one
    /// name the first that has the type's members.
    pub fn attributes(&self, ty: &Type) -> SerdeAttributes {
        let mut derived = Vec::new();
        derived_in(ty, &mut derived);
        let declared = derived.into_iter().filter_map(|ty| self.declaration(ty));
        declared.flat_map(|one| one.attributes.clone()).collect()
    }

    /// Lists where JSON of `old`, which has the attributes `noted`, is not that of `new`, in lines for a person.
    /// A type that is declared nowhere here says nothing, nor does a member that only one of them has.
    pub fn renamed(&self, old: &Type, noted: &SerdeAttributes, new: &Type) -> Vec<String> {
        let (before, now) = (places(old, |_| true), self.attributes(new));
        let after = places(new, |ty| self.declaration(ty).is_some());
        let lines = before.intersection(&after).filter_map(|place| {
            let of = |found: &SerdeAttributes| found.get(place).cloned().unwrap_or_default();
            let (old, new) = (of(noted), of(&now));
            let line = || format!("~ {place}: {} → {}", shown(&old), shown(&new));
            is_other(&old, &new).then(line)
        });
        lines.collect()
    }

    fn declaration(&self, ty: &Type) -> Option<&Declaration> {
        let (name, members) = members(ty)?;
        let fits = |one: &&Declaration| one.name == *name && one.members == members;
        self.0.iter().find(fits)
    }

    fn of_items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Struct(item) => {
                    let mut found = Declaration::of(&item.attrs, &item.ident);
                    found.of_fields("", &item.fields);
                    self.0.push(found);
                }
                Item::Enum(item) => {
                    let mut found = Declaration::of(&item.attrs, &item.ident);
                    for variant in &item.variants {
                        let name = variant.ident.unraw().to_string();
                        found.member(&name, &variant.attrs);
                        found.of_fields(&format!("{name}."), &variant.fields);
                    }
                    self.0.push(found);
                }
                Item::Mod(item) => {
                    if let Some((_, items)) = &item.content {
                        self.of_items(items);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Declaration {
    fn of(attrs: &[Attribute], ident: &syn::Ident) -> Self {
        let name = name(attrs, ident.unraw().to_string());
        let mut attributes = SerdeAttributes::new();
        note(&mut attributes, name.clone(), attrs);
        Self {
            name,
            members: Vec::new(),
            attributes,
        }
    }

    fn of_fields(&mut self, of: &str, fields: &Fields) {
        for (place, field) in fields.iter().enumerate() {
            let ident = field.ident.as_ref();
            let name = ident.map_or_else(|| place.to_string(), |ident| ident.unraw().to_string());
            self.member(&format!("{of}{name}"), &field.attrs);
        }
    }

    fn member(&mut self, name: &str, attrs: &[Attribute]) {
        note(&mut self.attributes, format!("{}.{name}", self.name), attrs);
        self.members.push(name.to_owned());
    }
}

/// The name and the members of a derived type, as a [`Declaration`] has them.
fn members(ty: &Type) -> Option<(&String, Vec<String>)> {
    match ty {
        Type::Struct { name, fields, .. } => {
            let fields = fields.iter().map(|field| field.name.clone());
            Some((name, fields.collect()))
        }
        Type::Enum { name, variants, .. } => {
            let members = variants.iter().flat_map(|variant| {
                let fields = variant.fields.iter();
                let fields = fields.map(|field| format!("{}.{}", variant.name, field.name));
                std::iter::once(variant.name.clone()).chain(fields)
            });
            Some((name, members.collect()))
        }
        _ => None,
    }
}

/// The attributes in `noted` of the derived types inside `ty`, and of itself.
pub fn noted_in(noted: &SerdeAttributes, ty: &Type) -> SerdeAttributes {
    let places = places(ty, |_| true);
    let mut found = noted.clone();
    found.retain(|place, _| places.contains(place));
    found
}

/// The places where attributes may be in the derived types inside `ty` that are `wanted`.
fn places(ty: &Type, wanted: impl Fn(&Type) -> bool) -> BTreeSet<String> {
    let mut derived = Vec::new();
    derived_in(ty, &mut derived);
    let types = derived.into_iter().filter(|ty| wanted(ty));
    let places = types.filter_map(members).flat_map(|(name, members)| {
        let members = members.into_iter();
        let members = members.map(move |member| format!("{name}.{member}"));
        std::iter::once(name.clone()).chain(members)
    });
    places.collect()
}

/// Whether what was written under the attributes `old` may not be understood under `new`. A default
/// names nothing, an alias that came and unknown fields that are not refused any more only add.
fn is_other(old: &str, new: &str) -> bool {
    let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
    let metas = |text: &str| parse.parse_str(text).unwrap_or_default();
    let (old, new) = (metas(old), metas(new));
    let is =
        |meta: &Meta, name: &str| meta.path().is_ident("default") || meta.path().is_ident(name);
    let gone = |meta: &Meta| !is(meta, "deny_unknown_fields") && !new.iter().any(|m| m == meta);
    let came = |meta: &Meta| !is(meta, "alias") && !old.iter().any(|m| m == meta);
    old.iter().any(gone) || new.iter().any(came)
}

fn shown(attributes: &str) -> String {
    match attributes {
        "" => "(none)".to_owned(),
        some => format!("#[serde({some})]"),
    }
}

/// The type's name in the schema.
fn name(attrs: &[Attribute], ident: String) -> String {
    let mut name = ident;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("state")) {
        // The derive has refused what cannot be read.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = meta.value()?.parse::<syn::LitStr>()?.value();
            } else if meta.input.peek(Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
    }
    name
}

fn note(found: &mut SerdeAttributes, name: String, attrs: &[Attribute]) {
    let serde = attrs.iter().filter(|attr| attr.path().is_ident("serde"));
    let metas = serde.filter_map(|attr| {
        let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
        attr.parse_args_with(parse).ok()
    });
    let kept: Vec<_> = metas
        .flatten()
        .filter(is_kept)
        .map(|meta| meta.to_token_stream().to_string())
        .collect();
    if !kept.is_empty() {
        found.insert(name, kept.join(", "));
    }
}

fn is_kept(meta: &Meta) -> bool {
    let names_a_function = matches!(meta, Meta::NameValue(_)) && meta.path().is_ident("default");
    !names_a_function && KEPT.iter().any(|kept| meta.path().is_ident(kept))
}

#[cfg(test)]
mod tests;
