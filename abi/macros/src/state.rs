//! `#[derive(State)]`: the description of a type, from which both hashes are computed.

use crate::attributes::{self, OnField};
use crate::errors::Errors;
use crate::{fields, float, pieces, state_rules, type_text, words};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Field, Fields, Generics, Ident, Member, parse_quote};

/// Writes the implementation, or says everything that speaks against it.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let container = state_rules::check(input)?;
    let name = container
        .name
        .unwrap_or_else(|| input.ident.unraw().to_string());
    let version = container.version.unwrap_or(0);
    let named = name_with_constants(&name, &input.generics);
    let contents = match &input.data {
        Data::Struct(data) => {
            let fields = describe_fields(&data.fields, true);
            quote!(::refit_abi::derived::structure::<Self>(#named, #version, #fields))
        }
        Data::Enum(data) => {
            let variants = describe_variants(data)?;
            quote!(::refit_abi::derived::enumeration::<Self>(#named, #version, #variants))
        }
        Data::Union(_) => TokenStream::new(),
    };
    let ident = &input.ident;
    let generics = bounded(&input.generics, &parse_quote!(::refit_abi::State));
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();
    let schema_id = input.generics.params.is_empty().then(cached_schema_id);
    let history = input.generics.params.is_empty().then(history);
    let (field_names, no_drop) = (field_names(input, &generics), refuse_drop(input, &generics));
    let whole = fields::check(input);
    let (describer, said) = (describer(), words::said(input)?);
    let pieces = pieces::expand(&input.data);
    Ok(quote! {
        // SAFETY: this derive has read the whole type, which the check of its fields proves, and describes
        // it field by field; it has refused what would let two types of this description differ in memory,
        // and each field's type has vouched for itself.
        #[automatically_derived]
        unsafe impl #impl_generics ::refit_abi::State for #ident #type_generics #bounds {
            fn describe(
                #describer: &mut ::refit_abi::schema::Describer,
            ) -> ::refit_abi::schema::Type {
                #describer.derived::<Self>(#named, |#describer| {
                    #describer.say(#named, &#said);
                    #contents
                })
            }
            #schema_id
            #history
            #pieces
        }
        #[automatically_derived]
        impl #impl_generics ::refit_abi::derived::Composite for #ident #type_generics #bounds {}
        #field_names
        #no_drop
        #whole
    })
}

/// The name in the schema; the values of const parameters, which no field need show, are added.
fn name_with_constants(name: &str, generics: &Generics) -> TokenStream {
    let constants: Vec<_> = generics.const_params().map(|param| &param.ident).collect();
    if constants.is_empty() {
        return quote!(#name);
    }
    let format = format!("{{}}<{}>", vec!["{}"; constants.len()].join(","));
    quote!(&::std::format!(#format, #name, #(#constants),*))
}

/// The generics with `bound` on every type parameter.
pub(crate) fn bounded(generics: &Generics, bound: &syn::TypeParamBound) -> Generics {
    let mut generics = generics.clone();
    generics
        .type_params_mut()
        .for_each(|param| param.bounds.push(bound.clone()));
    generics
}

fn describe_variants(data: &DataEnum) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let mut variants = Vec::new();
    for variant in &data.variants {
        let name = variant.ident.unraw().to_string();
        let number = variant
            .discriminant
            .as_ref()
            .map(|(_, expr)| attributes::discriminant(expr));
        let number = number.and_then(|number| errors.take(number));
        let number = match number {
            Some(number) => quote!(::core::option::Option::Some(#number)),
            None => quote!(::core::option::Option::None),
        };
        let fields = describe_fields(&variant.fields, false);
        variants.push(quote!(::refit_abi::derived::variant(#name, #number, #fields)));
    }
    errors.finish()?;
    Ok(quote!(::std::vec![#(#variants),*]))
}

/// A vector of described fields. Rust gives the offsets of a struct's, not of a variant's.
fn describe_fields(fields: &Fields, with_offsets: bool) -> TokenStream {
    let described = fields.iter().zip(fields.members()).map(|(field, member)| {
        let name = member_name(&member);
        let ty = describe_type(field);
        let offset = if with_offsets {
            quote!(::core::mem::offset_of!(Self, #member))
        } else {
            quote!(0)
        };
        quote!(::refit_abi::derived::field(#name, #ty, #offset))
    });
    quote!(::std::vec![#(#described),*])
}

fn describe_type(field: &Field) -> TokenStream {
    let ty = &field.ty;
    match attributes::on_field(&field.attrs) {
        Ok(OnField::Float) => float::describe(ty, &describer()),
        Ok(OnField::Serde) => {
            let text = type_text::of(quote!(#ty));
            quote!(::refit_abi::derived::serde_type::<#ty>(#text))
        }
        _ => {
            let describer = describer();
            quote_spanned!(ty.span()=> <#ty as ::refit_abi::State>::describe(#describer))
        }
    }
}

/// The name of `describe`'s argument, one for all code, whatever macro a field's type came from.
fn describer() -> Ident {
    Ident::new("describer", Span::mixed_site())
}

/// The names of a struct's fields as a constant, for `derive(Migrate)` on the struct that follows.
fn field_names(input: &DeriveInput, generics: &Generics) -> Option<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return None;
    };
    let names = data.fields.members().map(|member| member_name(&member));
    let ident = &input.ident;
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();
    Some(quote! {
        #[automatically_derived]
        #[doc(hidden)]
        impl #impl_generics ::refit_abi::derived::FieldNames for #ident #type_generics #bounds {
            const FIELD_NAMES: &'static [&'static str] = &[#(#names),*];
        }
    })
}

fn member_name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

/// `schema_id` and `nature` of a type without parameters, computed once. (A generic function has one static for
/// all its instantiations, so generic types keep the provided method.)
fn cached_schema_id() -> TokenStream {
    quote! {
        fn schema_id() -> ::refit_abi::schema::SchemaId {
            // No mutable state: the value follows from the type alone, so whoever comes first
            // stores what everyone else would have stored.
            static SCHEMA_ID: ::std::sync::OnceLock<::refit_abi::schema::SchemaId> =
                ::std::sync::OnceLock::new();
            *SCHEMA_ID.get_or_init(::refit_abi::derived::schema_id::<Self>)
        }

        fn nature() -> ::refit_abi::schema::Nature {
            // As above.
            static NATURE: ::std::sync::OnceLock<::refit_abi::schema::Nature> =
                ::std::sync::OnceLock::new();
            *NATURE.get_or_init(::refit_abi::derived::nature::<Self>)
        }
    }
}

/// Whether the type has a `Migrate` or a `MigrateMessage`, found out here, where the type is concrete:
/// so that a chain of steps knows its next link. (A generic type ends the chain.)
fn history() -> TokenStream {
    quote! {
        fn older_states<C: ::refit_abi::chain::Chain<From = Self>>(
            steps: u32,
            dropped: &[::std::string::String],
        ) -> ::std::vec::Vec<::refit_abi::Step<C::To>> {
            #[allow(unused_imports, reason = "one of the two answers")]
            use ::refit_abi::export::{Probe, WithStep as _, WithoutStep as _};
            (&Probe::<Self>(::core::marker::PhantomData)).older::<C>(steps, dropped)
        }

        fn ways_back<C: ::refit_abi::way_back::BackChain<Old = Self>>(
            steps: u32,
        ) -> ::std::vec::Vec<::refit_abi::way_back::WayBack<C::New>> {
            #[allow(unused_imports, reason = "one of the two answers")]
            use ::refit_abi::way_back::{BackProbe, WithWayBack as _, WithoutWayBack as _};
            (&BackProbe::<Self>(::core::marker::PhantomData)).older::<C>(steps)
        }

        fn older_messages<C: ::refit_abi::chain::MessageChain<From = Self>>(
        ) -> ::std::vec::Vec<::refit_abi::message::OlderMessage<C::To>> {
            #[allow(unused_imports, reason = "one of the two answers")]
            use ::refit_abi::message::{
                MessageProbe, WithOlderMessages as _, WithoutOlderMessages as _,
            };
            (&MessageProbe::<Self>(::core::marker::PhantomData)).older::<C>()
        }
    }
}

/// Two implementations of one trait if the type implements `Drop`: the compiler's error then shows
/// the trait's name, which is a sentence.
fn refuse_drop(input: &DeriveInput, generics: &Generics) -> TokenStream {
    let ident = &input.ident;
    let (impl_generics, type_generics, bounds) = generics.split_for_impl();
    quote! {
        const _: () = {
            #[allow(non_camel_case_types, reason = "it is read as a sentence in an error")]
            trait a_state_must_not_implement_Drop_because_its_code_is_replaced {}
            #[allow(drop_bounds, reason = "only types that implement Drop themselves are meant")]
            impl<T: ::core::ops::Drop> a_state_must_not_implement_Drop_because_its_code_is_replaced
                for T {}
            impl #impl_generics a_state_must_not_implement_Drop_because_its_code_is_replaced
                for #ident #type_generics #bounds {}
        };
    }
}
