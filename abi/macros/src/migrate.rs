//! `#[derive(Migrate)]`: the two halves of a transition, from what is written on the fields.
//!
//! `prepare` makes the fresh fields from the old state and may fail; `assemble` takes the old state
//! apart, without `..`, and moves the rest. Local names are hygienic: an author's expression sees
//! none of them.

use crate::migrate_attributes::Source;
use crate::migrate_plan::{Field, Plan};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident};

/// Writes the implementations.
pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let plan = Plan::read(input)?;
    let (ident, from) = (&input.ident, &plan.container.from);
    let fresh_ident = format_ident!("{}FreshFields", ident.unraw());
    let fresh_fields = plan.fresh().map(|field| {
        let (name, ty) = (field.name, field.ty);
        quote!(#name: #ty)
    });
    let (names, defaults) = (plan.check_names(), plan.defaults());
    let (halves, step) = (plan.halves(&fresh_ident), plan.step());
    Ok(quote! {
        const _: () = {
            #names
            #defaults

            #[doc(hidden)]
            #[allow(missing_debug_implementations, unreachable_pub, reason = "seen by no one")]
            pub struct #fresh_ident {
                #(#fresh_fields),*
            }

            #[automatically_derived]
            impl ::refit_abi::Assemble for #ident {
                type Fresh = #fresh_ident;
                #halves
            }

            #[automatically_derived]
            impl ::refit_abi::Migrate for #ident {
                type From = #from;

                fn migrate(
                    old: &Self::From,
                    bus: &mut ::refit_abi::UpgradeBus<'_>,
                ) -> ::core::result::Result<Self, ::refit_abi::Fault> {
                    let fresh = <Self as ::refit_abi::Assemble>::prepare(old, bus)?;
                    let copy = ::refit_abi::derived::copy(old)?;
                    ::core::result::Result::Ok(
                        ::refit_abi::derived::assemble::<Self>(copy, fresh, bus),
                    )
                }

                fn migrate_owned(
                    old: Self::From,
                    bus: &mut ::refit_abi::UpgradeBus<'_>,
                ) -> ::core::result::Result<Self, ::refit_abi::Fault> {
                    let fresh = <Self as ::refit_abi::Assemble>::prepare(&old, bus)?;
                    ::core::result::Result::Ok(
                        ::refit_abi::derived::assemble::<Self>(old, fresh, bus),
                    )
                }

                #step
            }
        };
    })
}

impl Plan<'_> {
    /// Constants that fail with a sentence where the old struct lacks a field, or has one that is
    /// forgotten here. (The pattern in `assemble` fails too, but says less.)
    fn check_names(&self) -> TokenStream {
        let from = &self.container.from;
        let old_names = quote!(<#from as ::refit_abi::derived::FieldNames>::FIELD_NAMES);
        let present = self.moved().map(|(field, old)| {
            let sentence = missing(field.name, old);
            let old_text = old.unraw().to_string();
            quote_spanned! {old.span()=>
                const _: () = ::core::assert!(
                    ::refit_abi::derived::is_among(#old_text, #old_names), #sentence
                );
            }
        });
        let used = self
            .moved()
            .map(|(_, old)| old)
            .chain(&self.container.dropped);
        let used = used.map(|old| old.unraw().to_string());
        let all = quote_spanned! {from.span()=>
            const _: () = ::refit_abi::derived::every_old_field_is_used(#old_names, &[#(#used),*]);
        };
        quote!(#(#present)* #all)
    }

    /// A function for each written default: the expression sees no local name, and no `?` or
    /// `return` in it leaves more than itself.
    fn defaults(&self) -> TokenStream {
        let functions = self.fresh().filter_map(|field| {
            let Source::Default(Some(expr)) = &field.source else {
                return None;
            };
            let (ident, ty) = (default_ident(field.name), field.ty);
            Some(quote_spanned!(expr.span()=> fn #ident() -> #ty { #expr }))
        });
        quote!(#(#functions)*)
    }

    fn halves(&self, fresh: &Ident) -> TokenStream {
        let [old, bus] = ["old", "bus"].map(|name| Ident::new(name, Span::mixed_site()));
        let only_defaults = !self
            .fields
            .iter()
            .any(|f| matches!(f.source, Source::With(_)));
        let values: Vec<_> = self
            .fresh()
            .map(|field| self.value(field, &old, &bus))
            .collect();
        let defaults = if only_defaults {
            quote!(::core::option::Option::Some(#fresh { #(#values),* }))
        } else {
            quote!(::core::option::Option::None)
        };
        let assemble = self.assemble(fresh);
        quote! {
            fn defaults() -> ::core::option::Option<Self::Fresh> {
                #defaults
            }

            fn prepare(
                #old: &<Self as ::refit_abi::Migrate>::From,
                #bus: &mut ::refit_abi::UpgradeBus<'_>,
            ) -> ::core::result::Result<Self::Fresh, ::refit_abi::Fault> {
                let _ = (&#old, &#bus);
                ::core::result::Result::Ok(#fresh { #(#values),* })
            }

            #assemble
        }
    }

    /// `field: value` for a fresh field.
    fn value(&self, field: &Field<'_>, old: &Ident, bus: &Ident) -> TokenStream {
        let Field { name, ty, source } = field;
        let from = &self.container.from;
        match source {
            Source::With(function) => quote_spanned! {function.span()=>
                #name: {
                    let make: ::refit_abi::derived::With<#from, #ty> = #function;
                    make(#old, #bus)?
                }
            },
            Source::Default(Some(_)) => {
                let default = default_ident(name);
                quote!(#name: #default())
            }
            Source::Default(None) | Source::Moved(_) => {
                quote_spanned!(ty.span()=> #name: <#ty as ::core::default::Default>::default())
            }
        }
    }

    fn assemble(&self, fresh: &Ident) -> TokenStream {
        let from = &self.container.from;
        let dropped = &self.container.dropped;
        let (mut taken, mut built) = (Vec::new(), Vec::new());
        let rest: Vec<_> = (0..dropped.len())
            .map(|index| format_ident!("dropped_{index}", span = Span::mixed_site()))
            .collect();
        for (index, (field, old)) in self.moved().enumerate() {
            let name = field.name;
            // Its place is the type's: what is wrong with moving it is said there.
            let place = Span::mixed_site().located_at(field.ty.span());
            let local = format_ident!("moved_{index}", span = place);
            let mover = mover(field, old);
            taken.push(quote!(#old: #local));
            built.push(quote_spanned!(field.ty.span()=> #name: #mover.move_field(#local)));
        }
        for field in self.fresh() {
            let name = field.name;
            built.push(quote!(#name: fresh.#name));
        }
        // Named through an alias: in a pattern a path with arguments would need `::<>`.
        // No span of the author's: the compiler would propose to edit the attribute as a pattern.
        let pattern = quote!(__RefitOld { #(#taken,)* #(#dropped: #rest,)* });
        let made = self.fresh().map(|field| field.name);
        quote! {
            fn assemble(
                old: <Self as ::refit_abi::Migrate>::From,
                fresh: #fresh,
                rest: &mut ::refit_abi::derived::Rest,
            ) -> Self {
                #[allow(unused_imports, reason = "which of them a field needs, its types decide")]
                use ::refit_abi::derived::{MoveAlike as _, MoveNever as _, MoveSame as _};
                type __RefitOld = #from;
                let #pattern = old;
                let _ = (&fresh, &rest);
                #(rest.keep(#rest);)*
                Self { #(#built),* }
            }

            fn may_drop_fresh(fresh: &#fresh) -> bool {
                let _ = &fresh;
                true #(&& ::refit_abi::derived::may_drop(&fresh.#made))*
            }
        }
    }

    fn step(&self) -> TokenStream {
        let text = |ident: &Ident| ident.unraw().to_string();
        let moved = self.moved().map(|(field, _)| text(field.name));
        let defaulted = self
            .fresh()
            .filter(|f| matches!(f.source, Source::Default(_)));
        let defaulted = defaulted.map(|field| text(field.name));
        let computed = self.fresh().filter(|f| matches!(f.source, Source::With(_)));
        let computed = computed.map(|field| text(field.name));
        let dropped = self.container.dropped.iter().map(text);
        let from = &self.container.from;
        let alike = self.moved().map(|(field, old)| {
            let (name, mover) = (text(field.name), mover(field, old));
            quote_spanned!(field.ty.span()=> (#name, #mover.is_alike()))
        });
        let alike: Vec<_> = alike.collect();
        quote! {
            fn step() -> ::refit_abi::Step<Self> {
                #[allow(unused_imports, reason = "which of them a field needs, its types decide")]
                use ::refit_abi::derived::{MoveAlike as _, MoveNever as _, MoveSame as _};
                #[allow(dead_code, reason = "a step may move nothing")]
                type __RefitOld = #from;
                ::refit_abi::derived::all_alike(
                    ::core::any::type_name::<Self>(),
                    &[#(#alike),*],
                );
                ::refit_abi::Step::assembled(::refit_abi::Fields {
                    moved: &[#(#moved),*],
                    defaulted: &[#(#defaulted),*],
                    computed: &[#(#computed),*],
                    dropped: &[#(#dropped),*],
                })
            }
        }
    }
}

/// The code that moves a field, found by its two types and called on three references: see `refit_abi`'s `moved`.
fn mover(field: &Field<'_>, old: &Ident) -> TokenStream {
    let ty = field.ty;
    let field = Ident::new("field", Span::mixed_site());
    quote_spanned! {ty.span()=>
        (&&&::refit_abi::derived::mover::<_, _, #ty>(|#field: &__RefitOld| &#field.#old))
    }
}

/// The name of the function that makes a field's default.
fn default_ident(field: &Ident) -> Ident {
    format_ident!("__refit_default_{}", field.unraw())
}

fn missing(new: &Ident, old: &Ident) -> String {
    let (new, old) = (new.unraw(), old.unraw());
    format!(
        "field `{new}` would be moved from `{old}`, which the older struct does not have; write \
         #[migrate(default)], #[migrate(with = function)] or #[migrate(rename = \"older_name\")] on it"
    )
}
