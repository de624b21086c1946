//! `#[state(float)]`: a field's type taken apart down to its floats.
//!
//! A float implements no `State`, so the derive itself describes each level of the type around it. It judges
//! by names; that they stand for the language's floats and the standard library's containers, the bounds of the
//! code that it writes check.

use crate::closed_list;
use crate::errors::Errors;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, Type, TypePath};

const CONTAINERS: &[&str] = &["Option", "Result", "Box", "Vec", "VecDeque", "BTreeMap"];

/// The role of a type in a walk that looks for floats.
enum Level<'a> {
    Float,
    /// A container of the closed list, with its arguments in order.
    Around(Vec<&'a Type>),
    /// A path of another name with its arguments.
    Other(Vec<&'a Type>),
}

/// Says everything that speaks against a `#[state(float)]` field of this type.
pub(crate) fn check(ty: &Type, errors: &mut Errors) {
    if holds_float(ty) {
        check_level(ty, errors);
    } else {
        errors.refuse(
            ty,
            "`#[state(float)]` is on a type in which no `f32` or `f64` is written; remove the attribute, \
             or write the type out if an alias hides a float",
        );
    }
}

fn check_level(ty: &Type, errors: &mut Errors) {
    if !holds_float(ty) {
        return closed_list::check(ty, errors);
    }
    match level(ty) {
        Level::Float => {}
        Level::Around(arguments) => {
            if let (Some("BTreeMap"), Some(key)) = (name(ty).as_deref(), arguments.first())
                && holds_float(key)
            {
                refuse_key(key, errors);
            }
            arguments.iter().for_each(|ty| check_level(ty, errors));
        }
        Level::Other(arguments) if name(ty).as_deref() == Some("BTreeSet") => {
            arguments.iter().for_each(|ty| refuse_key(ty, errors));
        }
        Level::Other(_) => errors.refuse(
            ty,
            "`#[state(float)]` looks for floats in `Option`, `Result`, `Box`, `Vec`, `VecDeque`, arrays, tuples \
             and the values of a `BTreeMap`; in a type of your own, write `f32` or `f64` on its field, and the \
             attribute there",
        ),
    }
}

fn refuse_key(key: &Type, errors: &mut Errors) {
    errors.refuse(
        key,
        "a float cannot be the key of a map or a set: NaN has no place in an order, and 0.0 equals -0.0; use an \
         integer with its unit in the name",
    );
}

/// The description of a field's type, as an expression that uses `describer`.
pub(crate) fn describe(ty: &Type, describer: &Ident) -> TokenStream {
    let plain = || quote_spanned!(ty.span()=> <#ty as ::refit_abi::State>::describe(#describer));
    if !holds_float(ty) {
        return plain();
    }
    match level(ty) {
        Level::Float => quote_spanned!(ty.span()=> ::refit_abi::derived::float::<#ty>()),
        Level::Around(parts) => {
            let arguments = parts.iter().map(|part| describe(part, describer));
            let arguments = quote!(::std::vec![#(#arguments),*]);
            quote_spanned! {ty.span()=>
                ::refit_abi::derived::around::<#ty, (#(#parts,)*)>(#arguments)
            }
        }
        // `check` has refused it.
        Level::Other(_) => plain(),
    }
}

fn holds_float(ty: &Type) -> bool {
    match level(ty) {
        Level::Float => true,
        Level::Around(arguments) | Level::Other(arguments) => {
            arguments.into_iter().any(holds_float)
        }
    }
}

fn level(ty: &Type) -> Level<'_> {
    match ty {
        Type::Group(group) => level(&group.elem),
        Type::Paren(paren) => level(&paren.elem),
        Type::Array(array) => Level::Around(vec![&array.elem]),
        Type::Tuple(tuple) => Level::Around(tuple.elems.iter().collect()),
        Type::Path(path) => level_of_path(path),
        Type::Slice(slice) => Level::Other(vec![&slice.elem]),
        _ => Level::Other(Vec::new()),
    }
}

fn level_of_path(ty: &TypePath) -> Level<'_> {
    let Some(last) = ty.path.segments.last() else {
        return Level::Other(Vec::new());
    };
    let arguments: Vec<&Type> = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            let arguments = arguments.args.iter();
            let types = arguments.filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            types.collect()
        }
        PathArguments::None if ["f32", "f64"].iter().any(|float| last.ident == float) => {
            return Level::Float;
        }
        PathArguments::None | PathArguments::Parenthesized(_) => Vec::new(),
    };
    match arguments[..] {
        [Type::Slice(slice)] if last.ident == "Box" => Level::Around(vec![&slice.elem]),
        _ if CONTAINERS.iter().any(|name| last.ident == name) => Level::Around(arguments),
        _ => Level::Other(arguments),
    }
}

fn name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        Type::Group(group) => name(&group.elem),
        Type::Paren(paren) => name(&paren.elem),
        _ => None,
    }
}
