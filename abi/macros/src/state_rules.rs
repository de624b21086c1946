//! Checks the rules for the type of a state, as far as its own tokens show.

use crate::attributes::{self, Container, OnField};
use crate::errors::Errors;
use crate::{closed_list, float, layout_rules, serde_rules};
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{Data, DeriveInput, Fields, GenericParam, Generics, Ident, Type};

/// Reads `#[state(…)]` on the type, or says everything that speaks against it.
pub(crate) fn check(input: &DeriveInput) -> syn::Result<Container> {
    let mut errors = Errors::default();
    let container = errors
        .take(attributes::container(&input.attrs))
        .unwrap_or_default();
    layout_rules::check(input, &container, &mut errors);
    serde_rules::check(&input.attrs, &mut errors);
    for lifetime in input.generics.lifetimes() {
        errors.refuse(
            lifetime,
            "a state owns its data and outlives the code that made it, so it has no lifetime \
             parameter; use `String`, `Vec` or the value itself in place of what is borrowed",
        );
    }
    match &input.data {
        Data::Struct(data) => check_fields(&data.fields, &input.generics, &mut errors),
        Data::Enum(data) => {
            for variant in &data.variants {
                attributes::refuse_on_variant(&variant.attrs, &mut errors);
                serde_rules::check(&variant.attrs, &mut errors);
                check_fields(&variant.fields, &input.generics, &mut errors);
            }
        }
        Data::Union(data) => errors.refuse(
            data.union_token,
            "a union cannot be a state: nothing says which field is in it; use an enum",
        ),
    }
    errors.finish()?;
    Ok(container)
}

fn check_fields(fields: &Fields, generics: &Generics, errors: &mut Errors) {
    for field in fields {
        serde_rules::check(&field.attrs, errors);
        match attributes::on_field(&field.attrs) {
            Ok(OnField::Listed) => closed_list::check(&field.ty, errors),
            Ok(OnField::Float) => float::check(&field.ty, errors),
            Ok(OnField::Serde) => {
                refuse_parameters(&field.ty, generics, errors);
                closed_list::check_as_bytes(&field.ty, errors);
            }
            Err(error) => errors.add(error),
        }
    }
}

/// The schema knows a `#[state(serde)]` field by its text, which is one for all instantiations.
fn refuse_parameters(ty: &Type, generics: &Generics, errors: &mut Errors) {
    for param in &generics.params {
        let ident = match param {
            GenericParam::Type(param) => &param.ident,
            GenericParam::Const(param) => &param.ident,
            GenericParam::Lifetime(_) => continue,
        };
        if mentions(quote!(#ty), ident) {
            let sentence = format!(
                "`#[state(serde)]` cannot be on a type that names the parameter `{ident}`: its \
                 schema would be one for all types put there; write the type out"
            );
            errors.refuse(ty, sentence);
        }
    }
}

fn mentions(tokens: TokenStream, ident: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == *ident,
        TokenTree::Group(group) => mentions(group.stream(), ident),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
