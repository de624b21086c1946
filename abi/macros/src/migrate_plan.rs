//! Finds the source of each field of the new struct: one plan, checked for contradictions.

use crate::errors::Errors;
use crate::migrate_attributes::{self as attributes, Container, Source};
use syn::{Data, DeriveInput, Fields, Ident, Type};

/// A field of the new struct, and what is written on it.
pub(crate) struct Field<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) source: Source,
}

/// The whole transition.
pub(crate) struct Plan<'a> {
    pub(crate) container: Container,
    pub(crate) fields: Vec<Field<'a>>,
}

impl<'a> Plan<'a> {
    /// Reads what is written on the struct and its fields.
    pub(crate) fn read(input: &'a DeriveInput) -> syn::Result<Self> {
        let fields = named_fields(input)?;
        let mut errors = Errors::default();
        let container = errors.take(attributes::container(&input.ident, &input.attrs));
        let mut read = Vec::new();
        for field in fields {
            let Some(name) = &field.ident else { continue };
            if let Some(source) = errors.take(attributes::source(name, field)) {
                read.push(Field {
                    name,
                    ty: &field.ty,
                    source,
                });
            }
        }
        let dropped = container
            .as_ref()
            .map_or(&[][..], |container| &container.dropped);
        let moved = read.iter().filter_map(|field| match &field.source {
            Source::Moved(old) => Some(old),
            Source::Default(_) | Source::With(_) => None,
        });
        attributes::refuse_double_use(moved, dropped, &mut errors);
        errors.finish()?;
        let container = container
            .ok_or_else(|| syn::Error::new_spanned(&input.ident, "`migrate` cannot be read"))?;
        Ok(Self {
            container,
            fields: read,
        })
    }

    /// The fields that are moved, each with the name of the old one.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (&Field<'a>, &Ident)> {
        self.fields.iter().filter_map(|field| match &field.source {
            Source::Moved(old) => Some((field, old)),
            Source::Default(_) | Source::With(_) => None,
        })
    }

    /// The fields that are made.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields
            .iter()
            .filter(|field| !matches!(field.source, Source::Moved(_)))
    }
}

fn named_fields(input: &DeriveInput) -> syn::Result<Vec<&syn::Field>> {
    let by_hand = "write its transition by hand: `impl Migrate`";
    if !input.generics.params.is_empty() {
        let sentence = format!("`derive(Migrate)` does not see through type parameters; {by_hand}");
        return Err(syn::Error::new_spanned(&input.generics, sentence));
    }
    let what = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Ok(fields.named.iter().collect()),
            Fields::Unit => return Ok(Vec::new()),
            Fields::Unnamed(_) => "a tuple struct has no field names to match",
        },
        Data::Enum(_) => "an enum has no fields to move one by one",
        Data::Union(_) => "a union cannot be a state; use an enum",
    };
    Err(syn::Error::new_spanned(
        &input.ident,
        format!("{what}; {by_hand}"),
    ))
}
