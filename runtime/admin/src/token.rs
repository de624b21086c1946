//! The bearer token of the TCP listener.
//!
//! It comes from a file or the environment, never from an argument, and is never shown: `Debug`
//! hides it, and the comparison takes the same time whatever the presented text is.

use crate::share::of_token;
use refit_abi::host::Share;
use std::fmt;

/// Shortest token, in bytes.
pub const TOKEN_BYTES_MIN: usize = 16;

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 512;

/// The secret that a client on TCP presents.
#[derive(Clone)]
pub struct Token(blake3::Hash);

/// A text that may not be a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is too short or too long.
    #[error("the token has {length} bytes; use {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}")]
    Length {
        /// Its length in bytes.
        length: usize,
    },
    /// It has a character that a header cannot hold.
    #[error("the token has a character that is not printable ASCII; use letters and digits")]
    Character,
}

impl Token {
    /// The token `text`, without the white space around it.
    ///
    /// # Errors
    /// [`TokenError`] says what is wrong with the text, without showing it.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&text.len()) {
            return Err(TokenError::Length { length: text.len() });
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(TokenError::Character);
        }
        Ok(Self(blake3::hash(text.as_bytes())))
    }

    /// Whether `presented` is this token. Hashes are compared, in constant time.
    pub(crate) fn admits(&self, presented: &str) -> bool {
        self.0 == blake3::hash(presented.as_bytes())
    }

    /// By which way those who present it come in: the same in every run of a node.
    pub fn share(&self) -> Share {
        of_token(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_admits_itself_alone() {
        let token = Token::new("0123456789abcdef\n").unwrap();
        assert!(token.admits("0123456789abcdef"));
        assert!(!token.admits("0123456789abcdeF"));
        assert!(!token.admits(""));
    }

    #[test]
    fn a_weak_or_unsendable_token_is_refused() {
        assert_eq!(
            Token::new("short").unwrap_err(),
            TokenError::Length { length: 5 }
        );
        assert_eq!(
            Token::new("0123456789 abcdef").unwrap_err(),
            TokenError::Character
        );
    }

    #[test]
    fn each_token_is_a_share_of_its_own_and_none_is_that_of_the_socket() {
        let share = |text: &str| Token::new(text).unwrap().share();
        assert_eq!(share("0123456789abcdef"), share("0123456789abcdef\n"));
        assert_ne!(share("0123456789abcdef"), share("0123456789abcdeF"));
        assert_ne!(share("0123456789abcdef"), Share::UNIX);
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
