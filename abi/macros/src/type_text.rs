//! The text of a type, for the schema hash.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The text of a type with a space only between two words: the compiler's own way to print tokens
/// may change, and this text is in the schema hash.
pub(crate) fn of(tokens: TokenStream) -> String {
    fn append(tokens: TokenStream, text: &mut String) {
        for token in tokens {
            let word = match token {
                TokenTree::Group(group) => {
                    let (open, close) = delimiters(group.delimiter());
                    text.push_str(open);
                    append(group.stream(), text);
                    text.push_str(close);
                    continue;
                }
                TokenTree::Punct(punct) => {
                    text.push(punct.as_char());
                    continue;
                }
                TokenTree::Ident(ident) => ident.to_string(),
                TokenTree::Literal(literal) => literal.to_string(),
            };
            if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                text.push(' ');
            }
            text.push_str(&word);
        }
    }
    let mut text = String::new();
    append(tokens, &mut text);
    text
}

fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}
