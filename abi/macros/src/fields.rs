//! Proves that the derive has read the whole type: code that does not compile if a macro below it has added a field,
//! or changed the type of one.
//!
//! The code is only type-checked: nothing calls it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields};

/// The check of `input`, under the type's own bounds alone.
pub(crate) fn check(input: &DeriveInput) -> TokenStream {
    let body = match &input.data {
        Data::Struct(data) => {
            let arm = arm(&quote!(Self), &data.fields);
            let sized = data.fields.iter().next_back().map(sized);
            quote!(match self { #arm } #sized)
        }
        Data::Enum(data) if data.variants.is_empty() => quote!(match *self {}),
        Data::Enum(data) => {
            let arms = data.variants.iter().map(|variant| {
                let ident = &variant.ident;
                arm(&quote!(Self::#ident), &variant.fields)
            });
            quote!(match self { #(#arms)* })
        }
        Data::Union(_) => TokenStream::new(),
    };
    let ident = &input.ident;
    let (impl_generics, type_generics, bounds) = input.generics.split_for_impl();
    quote! {
        const _: () = {
            #[allow(dead_code, reason = "it is type-checked, never called")]
            trait EveryFieldIsDescribed {
                fn every_field_is_described(&self);
            }
            #[automatically_derived]
            #[allow(
                deprecated,
                clippy::type_complexity,
                reason = "the types are the author's, written once more"
            )]
            impl #impl_generics EveryFieldIsDescribed for #ident #type_generics #bounds {
                fn every_field_is_described(&self) {
                    #body
                }
            }
        };
    }
}

/// A pattern that names every field, and their types compared with those that are described.
fn arm(path: &TokenStream, fields: &Fields) -> TokenStream {
    let bound = |index| format_ident!("field_{index}", span = Span::mixed_site());
    let names: Vec<_> = (0..fields.len()).map(bound).collect();
    let members = fields.members();
    let types = fields.iter().map(|field| &field.ty);
    let compared = names.iter().zip(types).map(|(name, ty)| {
        // In two statements: with its type expected, a reference would be coerced.
        quote_spanned! {ty.span()=>
            let #name = ::refit_abi::derived::Exactly::that_of(#name);
            let _: ::refit_abi::derived::Exactly<#ty> = #name;
        }
    });
    quote!(#path { #(#members: #names),* } => { #(#compared)* })
}

fn sized(last: &Field) -> TokenStream {
    let ty = &last.ty;
    quote_spanned! {ty.span()=>
        ::refit_abi::derived::the_last_field_of_a_state_is_sized::<#ty>();
    }
}
