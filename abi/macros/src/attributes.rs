//! `#[state(…)]` on types, variants and fields, and the discriminants that are refused.

use crate::errors::Errors;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Token, UnOp};

/// The contents of `#[state(…)]` on a type.
#[derive(Default)]
pub(crate) struct Container {
    /// `name = "…"`.
    pub(crate) name: Option<String>,
    /// `version = n`.
    pub(crate) version: Option<u32>,
    /// `helpers(name, …)`: attributes of other derives, which change nothing.
    pub(crate) helpers: Vec<Ident>,
}

/// Reads `#[state(…)]` on a type.
pub(crate) fn container(attrs: &[Attribute]) -> syn::Result<Container> {
    let mut container = Container::default();
    for attr in named(attrs, "state") {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                let name: LitStr = meta.value()?.parse()?;
                if name.value().is_empty() {
                    return Err(syn::Error::new_spanned(
                        name,
                        "the name of a state is empty",
                    ));
                }
                once(&mut container.name, name.value(), &meta)
            } else if meta.path.is_ident("version") {
                let number: Expr = meta.value()?.parse()?;
                let version = digits(&number).and_then(|digits| digits.parse().ok());
                let version = version.ok_or_else(|| {
                    let sentence = "a version is a number from 0 to 4294967295";
                    syn::Error::new_spanned(&number, sentence)
                })?;
                once(&mut container.version, version, &meta)
            } else if meta.path.is_ident("helpers") {
                let inside;
                syn::parenthesized!(inside in meta.input);
                let helpers = inside.call(Punctuated::<Ident, Token![,]>::parse_terminated)?;
                container.helpers.extend(helpers);
                Ok(())
            } else {
                Err(meta.error(
                    "on a type, `state` takes `name = \"…\"`, `version = n` and `helpers(name, …)`",
                ))
            }
        })?;
    }
    Ok(container)
}

/// The contents of `#[state(…)]` on a field.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnField {
    /// Nothing: the type is of the closed list.
    #[default]
    Listed,
    /// `serde`: it crosses as bytes.
    Serde,
    /// `float`: it is of the closed list but for floats.
    Float,
}

/// Reads `#[state(…)]` on a field.
pub(crate) fn on_field(attrs: &[Attribute]) -> syn::Result<OnField> {
    let mut found = None;
    for attr in named(attrs, "state") {
        attr.parse_nested_meta(|meta| {
            let said = if meta.path.is_ident("serde") {
                OnField::Serde
            } else if meta.path.is_ident("float") {
                OnField::Float
            } else {
                return Err(meta.error("on a field, `state` takes `serde` or `float`"));
            };
            once(&mut found, said, &meta)
        })?;
    }
    Ok(found.unwrap_or_default())
}

/// Refuses `#[state(…)]` on a variant.
pub(crate) fn refuse_on_variant(attrs: &[Attribute], errors: &mut Errors) {
    for attr in named(attrs, "state") {
        errors.refuse(
            attr,
            "a variant takes no `state` attribute; write it on the type or a field",
        );
    }
}

/// The number that is written as a variant's discriminant, in base 10.
pub(crate) fn discriminant(expr: &Expr) -> syn::Result<String> {
    let number = match expr {
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => digits(expr).map(|n| format!("-{n}")),
        other => digits(other),
    };
    number.ok_or_else(|| {
        let sentence = "the derive does not see what this expression is; write the number itself, \
                        so that the layout hash changes when it does";
        syn::Error::new_spanned(expr, sentence)
    })
}

fn digits(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        }) => Some(int.base10_digits().to_owned()),
        _ => None,
    }
}

/// The attributes called `name`.
pub(crate) fn named<'a>(
    attrs: &'a [Attribute],
    name: &'a str,
) -> impl Iterator<Item = &'a Attribute> {
    attrs.iter().filter(move |attr| attr.path().is_ident(name))
}

/// Sets what may be written once.
pub(crate) fn once<T>(
    slot: &mut Option<T>,
    value: T,
    meta: &syn::meta::ParseNestedMeta<'_>,
) -> syn::Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new_spanned(
            &meta.path,
            "written twice; keep one",
        )),
    }
}

/// Passes over `= expression` or `(…)`, if one follows.
pub(crate) fn skip_value(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(syn::Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inside;
        syn::parenthesized!(inside in meta.input);
        inside.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
