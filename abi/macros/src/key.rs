//! `#[derive(StateKey)]`: an order that follows from the schema alone.
//!
//! It writes `PartialEq`, `Eq`, `PartialOrd` and `Ord`, so that an author's own would conflict.

use crate::state::bounded;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Ident, parse_quote};

/// Writes the implementations.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let cases = cases(input)?;
    let (order, equality) = (order(&cases), equality(&cases));
    let ident = &input.ident;
    let generics = bounded(&input.generics, &parse_quote!(::refit_abi::StateKey));
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();
    let types = cases
        .iter()
        .flat_map(|case| case.fields)
        .map(|field| &field.ty);
    let keys = types.map(|ty| quote_spanned!(ty.span()=> ::refit_abi::derived::key::<#ty>();));
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::core::cmp::PartialEq for #ident #type_generics #bounds {
            fn eq(&self, other: &Self) -> bool {
                #equality
            }
        }
        #[automatically_derived]
        impl #impl_generics ::core::cmp::Eq for #ident #type_generics #bounds {}
        #[automatically_derived]
        impl #impl_generics ::core::cmp::PartialOrd for #ident #type_generics #bounds {
            fn partial_cmp(&self, other: &Self) -> ::core::option::Option<::core::cmp::Ordering> {
                ::core::option::Option::Some(::core::cmp::Ord::cmp(self, other))
            }
        }
        #[automatically_derived]
        impl #impl_generics ::core::cmp::Ord for #ident #type_generics #bounds {
            fn cmp(&self, other: &Self) -> ::core::cmp::Ordering {
                #order
            }
        }
        #[automatically_derived]
        impl #impl_generics ::refit_abi::StateKey for #ident #type_generics #bounds {}
        const _: () = {
            #[allow(dead_code, reason = "its bounds are checked, it is never called")]
            fn every_field_is_a_key #impl_generics () #bounds {
                #(#keys)*
            }
        };
    })
}

/// A struct, or one variant: how it is matched.
struct Case<'a> {
    path: TokenStream,
    fields: &'a Fields,
}

fn cases<'a>(input: &'a DeriveInput) -> syn::Result<Vec<Case<'a>>> {
    if let Some(lifetime) = input.generics.lifetimes().next() {
        let sentence =
            "the key of a map in a state has no lifetime parameter; use `String` or `Vec`";
        return Err(syn::Error::new_spanned(lifetime, sentence));
    }
    match &input.data {
        Data::Struct(data) => Ok(vec![Case {
            path: quote!(Self),
            fields: &data.fields,
        }]),
        Data::Enum(data) => {
            let case = |variant: &'a syn::Variant| {
                let syn::Variant { ident, fields, .. } = variant;
                Case {
                    path: quote!(Self::#ident),
                    fields,
                }
            };
            Ok(data.variants.iter().map(case).collect())
        }
        Data::Union(data) => {
            let sentence =
                "a union cannot be a key: nothing says which field is in it; use an enum";
            Err(syn::Error::new_spanned(data.union_token, sentence))
        }
    }
}

impl Case<'_> {
    /// A pattern that binds every field, and the names it binds.
    fn pattern(&self, prefix: &str) -> (TokenStream, Vec<Ident>) {
        let bind = |index| format_ident!("{prefix}_{index}", span = Span::mixed_site());
        let bound: Vec<_> = (0..self.fields.len()).map(bind).collect();
        let (path, members) = (&self.path, self.fields.members());
        (quote!(#path { #(#members: #bound),* }), bound)
    }
}

/// First the variant's place, then the fields, each in the order it is written.
fn order(cases: &[Case<'_>]) -> TokenStream {
    if cases.is_empty() {
        return quote!(match *self {});
    }
    let arms = cases.iter().map(|case| {
        let (left, lefts) = case.pattern("left");
        let (right, rights) = case.pattern("right");
        quote! {
            (#left, #right) => ::core::cmp::Ordering::Equal
                #(.then_with(|| ::core::cmp::Ord::cmp(#lefts, #rights)))*,
        }
    });
    let otherwise = (cases.len() > 1).then(|| {
        let places = cases.iter().enumerate().map(|(place, case)| {
            let path = &case.path;
            quote!(#path { .. } => #place,)
        });
        quote! {
            _ => {
                let place = |key: &Self| -> usize { match key { #(#places)* } };
                ::core::cmp::Ord::cmp(&place(self), &place(other))
            }
        }
    });
    quote!(match (self, other) { #(#arms)* #otherwise })
}

fn equality(cases: &[Case<'_>]) -> TokenStream {
    if cases.is_empty() {
        return quote!(match *self {});
    }
    let arms = cases.iter().map(|case| {
        let (left, lefts) = case.pattern("left");
        let (right, rights) = case.pattern("right");
        quote!((#left, #right) => true #(&& ::core::cmp::PartialEq::eq(#lefts, #rights))*,)
    });
    let otherwise = (cases.len() > 1).then(|| quote!(_ => false));
    quote!(match (self, other) { #(#arms)* #otherwise })
}
