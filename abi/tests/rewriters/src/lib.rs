//! Macros that change the type they are on, as some published ones do: a derive above one of them is given
//! the type as it was before. For the tests of `derive(State)`.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Adds `pub label: crate::Label` to a struct with named fields.
#[proc_macro_attribute]
pub fn add_a_field(_: TokenStream, item: TokenStream) -> TokenStream {
    in_braces(item, |fields| before("pub label: crate::Label,", fields))
}

/// Makes every `u64` among the fields a `crate::Label`.
#[proc_macro_attribute]
pub fn change_a_type(_: TokenStream, item: TokenStream) -> TokenStream {
    let change = |token: TokenTree| match token {
        TokenTree::Ident(ident) if ident.to_string() == "u64" => parsed("crate::Label"),
        other => other.into(),
    };
    in_braces(item, |fields| fields.into_iter().flat_map(change).collect())
}

/// Adds a variant to an enum.
#[proc_macro_attribute]
pub fn add_a_variant(_: TokenStream, item: TokenStream) -> TokenStream {
    in_braces(item, |variants| before("Added(crate::Label),", variants))
}

/// A derive that makes nothing, with a helper attribute, which changes nothing.
#[proc_macro_derive(Named, attributes(named))]
pub fn named(_: TokenStream) -> TokenStream {
    TokenStream::new()
}

fn in_braces(item: TokenStream, change: impl Fn(TokenStream) -> TokenStream) -> TokenStream {
    let tokens = item.into_iter().map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            TokenTree::Group(Group::new(Delimiter::Brace, change(group.stream())))
        }
        other => other,
    });
    tokens.collect()
}

fn before(source: &str, tokens: TokenStream) -> TokenStream {
    let mut all = parsed(source);
    all.extend(tokens);
    all
}

fn parsed(source: &str) -> TokenStream {
    source.parse().expect("the source above is Rust")
}
