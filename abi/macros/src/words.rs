//! The words of a type: under which names serde writes and reads its fields and variants as JSON.
//!
//! Errors that serde's own derive reports are not reported here again. The rules for names are serde's: a name
//! of its own goes before `rename_all`, a variant's `rename_all` before the enum's `rename_all_fields`.

use crate::attributes::{named, skip_value};
use crate::case::Case;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Variant};

/// The contents of a type's, a variant's or a field's serde attributes, as far as they are about words.
#[derive(Default)]
struct Said {
    written: Option<String>,
    /// The first is the name, the others are aliases.
    read: Vec<String>,
    aliases: Vec<String>,
    all: Cases,
    all_fields: Cases,
    may_be_absent: bool,
    refuses_unknown: bool,
    is_transparent: bool,
}

/// The rules of a `rename_all`.
#[derive(Clone, Copy, Default)]
struct Cases {
    written: Option<Case>,
    read: Option<Case>,
}

/// The `SaidType` of a type.
pub(crate) fn said(input: &DeriveInput) -> syn::Result<TokenStream> {
    let of_type = Said::of(&input.attrs)?;
    let members = match &input.data {
        _ if of_type.is_transparent => Vec::new(),
        Data::Struct(data) => fields(&data.fields, of_type.all, of_type.may_be_absent)?,
        Data::Enum(data) => {
            let variants = data.variants.iter();
            variants
                .map(|it| variant(it, &of_type))
                .collect::<syn::Result<_>>()?
        }
        Data::Union(_) => Vec::new(),
    };
    let Said {
        refuses_unknown,
        is_transparent,
        ..
    } = of_type;
    Ok(quote!(::refit_abi::derived::SaidType {
        is_transparent: #is_transparent,
        refuses_unknown: #refuses_unknown,
        members: &[#(#members),*],
    }))
}

fn variant(variant: &Variant, of_type: &Said) -> syn::Result<TokenStream> {
    let said = Said::of(&variant.attrs)?;
    let name = variant.ident.unraw().to_string();
    let cased = |case: Option<Case>| match case {
        Some(case) => case.of_variant(&name),
        None => name.clone(),
    };
    let cases = Cases {
        written: said.all.written.or(of_type.all_fields.written),
        read: said.all.read.or(of_type.all_fields.read),
    };
    let fields = fields(&variant.fields, cases, false)?;
    let (written, read) = (cased(of_type.all.written), cased(of_type.all.read));
    Ok(said.member(&name, written, read, &fields))
}

/// The members of named fields; those of others have no names.
fn fields(fields: &Fields, cases: Cases, may_be_absent: bool) -> syn::Result<Vec<TokenStream>> {
    let member = |(place, field): (usize, &syn::Field)| {
        let mut said = Said::of(&field.attrs)?;
        said.may_be_absent |= may_be_absent;
        let Some(ident) = &field.ident else {
            let (place, may_be_absent) = (place.to_string(), said.may_be_absent);
            return Ok(by_place(&place, may_be_absent));
        };
        let name = ident.unraw().to_string();
        let cased = |case: Option<Case>| match case {
            Some(case) => case.of_field(&name),
            None => name.clone(),
        };
        let (written, read) = (cased(cases.written), cased(cases.read));
        Ok(said.member(&name, written, read, &[]))
    };
    fields.iter().enumerate().map(member).collect()
}

fn by_place(name: &str, may_be_absent: bool) -> TokenStream {
    quote!(::refit_abi::derived::SaidMember {
        name: #name,
        written: "",
        read: &[],
        may_be_absent: #may_be_absent,
        fields: &[],
    })
}

impl Said {
    fn of(attrs: &[Attribute]) -> syn::Result<Self> {
        let mut said = Self::default();
        for attr in named(attrs, "serde") {
            attr.parse_nested_meta(|meta| said.read_one(&meta))?;
        }
        Ok(said)
    }

    fn read_one(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string);
        match name.as_deref() {
            Some("rename") => {
                let (written, read) = names(meta)?;
                self.written = written.into_iter().next();
                self.read = read;
                return Ok(());
            }
            Some("rename_all") => {
                self.all = cases(meta)?;
                return Ok(());
            }
            Some("rename_all_fields") => {
                self.all_fields = cases(meta)?;
                return Ok(());
            }
            Some("alias") => {
                let alias: LitStr = meta.value()?.parse()?;
                self.aliases.push(alias.value());
                return Ok(());
            }
            Some("default") => self.may_be_absent = true,
            Some("deny_unknown_fields") => self.refuses_unknown = true,
            Some("transparent") => self.is_transparent = true,
            _ => {}
        }
        skip_value(meta)
    }

    /// The `SaidMember` of what would be `written` and `read` without a name of its own.
    fn member(
        self,
        name: &str,
        written: String,
        read: String,
        fields: &[TokenStream],
    ) -> TokenStream {
        let may_be_absent = self.may_be_absent;
        let written = self.written.unwrap_or(written);
        let mut names = self.read.into_iter();
        let own = names.next().unwrap_or(read);
        // In an order of its own: that of the attributes says nothing.
        let mut others: Vec<_> = names.chain(self.aliases).collect();
        others.retain(|alias| *alias != own);
        others.sort_unstable();
        others.dedup();
        quote!(::refit_abi::derived::SaidMember {
            name: #name,
            written: #written,
            read: &[#own #(, #others)*],
            may_be_absent: #may_be_absent,
            fields: &[#(#fields),*],
        })
    }
}

/// `= "name"`, or `(serialize = "name", deserialize = "name")`: those that are written, and read.
fn names(meta: &ParseNestedMeta<'_>) -> syn::Result<(Vec<String>, Vec<String>)> {
    if !meta.input.peek(syn::token::Paren) {
        let name: LitStr = meta.value()?.parse()?;
        return Ok((vec![name.value()], vec![name.value()]));
    }
    let (mut written, mut read) = (Vec::new(), Vec::new());
    meta.parse_nested_meta(|inner| {
        let name: LitStr = inner.value()?.parse()?;
        match inner.path.is_ident("serialize") {
            true => written.push(name.value()),
            false => read.push(name.value()),
        }
        Ok(())
    })?;
    Ok((written, read))
}

fn cases(meta: &ParseNestedMeta<'_>) -> syn::Result<Cases> {
    let (written, read) = names(meta)?;
    let case = |names: Vec<String>| names.first().and_then(|name| Case::of(name));
    Ok(Cases {
        written: case(written),
        read: case(read),
    })
}
