//! `#[migrate(…)]` on a struct and on its fields.

use crate::attributes::{named, once};
use crate::errors::Errors;
use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprPath, Field, Ident, LitStr, Token, TypePath};

/// The contents of `#[migrate(…)]` on the struct.
pub(crate) struct Container {
    /// `from = path`.
    pub(crate) from: TypePath,
    /// The older fields that `drop(field, …)` names.
    pub(crate) dropped: Vec<Ident>,
}

/// The source of a field's value.
pub(crate) enum Source {
    /// The old field of this name.
    Moved(Ident),
    /// `default`, or `default = expression`.
    Default(Option<Expr>),
    /// `with = path`.
    With(ExprPath),
}

/// Reads `#[migrate(…)]` on the struct.
pub(crate) fn container(name: &Ident, attrs: &[Attribute]) -> syn::Result<Container> {
    let (mut from, mut dropped) = (None, None);
    for attr in named(attrs, "migrate") {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("from") {
                let path: TypePath = meta.value()?.parse()?;
                once(&mut from, path, &meta)
            } else if meta.path.is_ident("drop") {
                let inside;
                syn::parenthesized!(inside in meta.input);
                let parse = Punctuated::<Ident, Token![,]>::parse_terminated;
                let fields = inside.call(parse)?.into_iter().collect();
                once(&mut dropped, fields, &meta)
            } else {
                Err(meta.error("on a struct, `migrate` takes `from = path` and `drop(field, …)`"))
            }
        })?;
    }
    let from = from.ok_or_else(|| {
        let sentence = "say which older state it starts from: `#[migrate(from = v1::…)]`";
        syn::Error::new_spanned(name, sentence)
    })?;
    Ok(Container {
        from,
        dropped: dropped.unwrap_or_default(),
    })
}

/// Reads `#[migrate(…)]` on a field called `name`.
pub(crate) fn source(name: &Ident, field: &Field) -> syn::Result<Source> {
    let mut source = None;
    for attr in named(&field.attrs, "migrate") {
        attr.parse_nested_meta(|meta| {
            let parsed = parse_source(&meta)?;
            match source.replace(parsed) {
                None => Ok(()),
                Some(_) => {
                    Err(meta
                        .error("a field has one source: `default`, `with` or `rename`; keep one"))
                }
            }
        })?;
    }
    Ok(source.unwrap_or_else(|| Source::Moved(name.clone())))
}

fn parse_source(meta: &ParseNestedMeta<'_>) -> syn::Result<Source> {
    if meta.path.is_ident("default") {
        let written = meta.input.peek(Token![=]);
        return Ok(Source::Default(
            written.then(|| meta.value()?.parse()).transpose()?,
        ));
    }
    if meta.path.is_ident("with") {
        return Ok(Source::With(meta.value()?.parse()?));
    }
    if meta.path.is_ident("rename") {
        return Ok(Source::Moved(old_name(&meta.value()?.parse()?)?));
    }
    Err(meta.error(
        "on a field, `migrate` takes `default`, `default = expression`, `with = function` or \
         `rename = \"older_name\"`; without it the field is moved from the older one of its name",
    ))
}

/// The identifier in the string, raw if it is a keyword.
fn old_name(text: &LitStr) -> syn::Result<Ident> {
    let ident = text.parse_with(Ident::parse_any).map_err(|_| {
        syn::Error::new_spanned(text, "expected the name of a field of the older struct")
    })?;
    let span: Span = text.span();
    let is_keyword = syn::parse_str::<Ident>(&text.value()).is_err();
    let name = ident.unraw().to_string();
    Ok(if is_keyword {
        Ident::new_raw(&name, span)
    } else {
        ident
    })
}

/// Refuses an old field that is used more than once.
pub(crate) fn refuse_double_use<'a>(
    moved: impl Iterator<Item = &'a Ident>,
    dropped: &[Ident],
    errors: &mut Errors,
) {
    let mut seen: Vec<&Ident> = Vec::new();
    for ident in moved {
        if seen.contains(&ident) {
            errors.refuse(
                ident,
                format!("`{ident}` is moved into two fields; make one of them with `with`"),
            );
        }
        seen.push(ident);
    }
    for ident in dropped {
        if seen.contains(&ident) {
            let sentence = format!(
                "`{ident}` is moved into a field or dropped already; remove it here, or give that \
                 field `#[migrate(default)]` or `#[migrate(with = function)]`"
            );
            errors.refuse(ident, sentence);
        }
        seen.push(ident);
    }
}
