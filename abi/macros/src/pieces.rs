//! Lets `#[derive(State)]` write a struct in pieces: field by field. An enum is one piece.

use crate::attributes::{self, OnField};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, Field, Fields, Member};

/// `write_piece` of a struct with fields.
pub(crate) fn expand(data: &Data) -> Option<TokenStream> {
    let fields = match data {
        Data::Struct(data) if !data.fields.is_empty() => &data.fields,
        _ => return None,
    };
    let members: Vec<_> = fields.members().collect();
    let parts = parts(fields);
    Some(quote! {
        fn write_piece(
            &self,
            piece: &mut ::refit_abi::pieces::Piece<'_>,
        ) -> ::refit_abi::pieces::Written {
            let parts = [#(::refit_abi::pieces::part_at(&self.#members)),*];
            let ::core::option::Option::Some(level) = piece.structure(self, &parts) else {
                return piece.whole(self);
            };
            #(#parts)*
            ::core::result::Result::Ok(())
        }
    })
}

/// One statement for each field. It asks of the field's type what the description asks, in the same words and at
/// the same place: so an error of that is reported once.
fn parts(fields: &Fields) -> Vec<TokenStream> {
    let fields = fields.iter().zip(fields.members()).zip(0_u64..);
    let part = |((field, member), part): ((&Field, Member), u64)| {
        let ty = &field.ty;
        let write = match attributes::on_field(&field.attrs) {
            Ok(OnField::Serde | OnField::Float) => quote!(piece.opaque(&self.#member)),
            _ => {
                let inside = quote_spanned!(ty.span()=> <#ty as ::refit_abi::State>::write_inside);
                quote!(#inside(&self.#member, piece))
            }
        };
        quote!(piece.part(&level, #part, |piece| #write)?;)
    };
    fields.map(part).collect()
}
