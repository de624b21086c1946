//! The JSON that the user gives for an engine: in the command, or on stdin.

use crate::failure::Reported;
use crate::files::read_bounded;
use miette::{NamedSource, SourceCode, SourceSpan};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::MESSAGE_BYTES_MAX;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("this is not JSON: {message}")]
    NotJson {
        message: String,
        source_code: NamedSource<String>,
        span: SourceSpan,
    },
    #[error("cannot read stdin")]
    Stdin { source: io::Error },
    #[error("`{name}` is named twice")]
    Twice { name: String },
    #[error("no engine or no message is named")]
    Nothing,
    #[error("cannot read {}", path.display())]
    Lines { path: PathBuf, source: io::Error },
    #[error(
        "{refused} of {answered} lines were refused; each line of the output that has a `problem` says why"
    )]
    LinesRefused { refused: u64, answered: u64 },
    #[error("the text is longer than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
}

impl Explain for InputError {
    fn code(&self) -> &str {
        match self {
            Self::NotJson { .. } => codes::INPUT_NOT_JSON,
            Self::Stdin { .. } => codes::INPUT_UNREADABLE,
            Self::Twice { .. } => codes::INPUT_TWICE,
            Self::Nothing => codes::INPUT_NOTHING,
            Self::Lines { .. } => codes::INPUT_NO_LINES,
            Self::LinesRefused { .. } => codes::NODE_LINES_REFUSED,
            Self::TooLarge { .. } => codes::INPUT_TOO_LARGE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NotJson { .. } => {
                "correct what is marked; quote the whole text for the shell: '{\"get\":{\"key\":\"a\"}}'"
            }
            Self::Stdin { .. } => "give the JSON in the command instead of `-`",
            Self::Twice { .. } => "name it once, with the value that is meant",
            Self::Nothing => "write: refit send ENGINE JSON",
            Self::Lines { .. } => "give the path of a file that you may read, or `-` for stdin",
            Self::LinesRefused { .. } => "correct what they name, and send those lines again",
            Self::TooLarge { .. } => "send less at once, in several requests",
        })
    }
}

impl Reported for InputError {
    fn marked(&self) -> Option<(&dyn SourceCode, SourceSpan)> {
        match self {
            Self::NotJson {
                source_code, span, ..
            } => Some((source_code, *span)),
            _ => None,
        }
    }
}

/// The JSON text that `argument` is, or that it says is on stdin.
pub(crate) fn json(argument: String) -> Result<String, InputError> {
    let (text, name) = match argument.as_str() {
        "-" => (stdin()?, "stdin"),
        _ => (argument, "argument"),
    };
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(not_json(name, text, &error)),
    }
}

fn stdin() -> Result<String, InputError> {
    read_bounded(io::stdin().lock(), MESSAGE_BYTES_MAX as u64)
        .map_err(|source| InputError::Stdin { source })?
        .ok_or(InputError::TooLarge {
            bytes_max: MESSAGE_BYTES_MAX,
        })
}

fn not_json(name: &str, text: String, error: &serde_json::Error) -> InputError {
    let above: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let place = above + error.column().saturating_sub(1);
    let span = (place.min(text.len()), usize::from(place < text.len())).into();
    let source_code = NamedSource::new(name, text);
    InputError::NotJson {
        message: error.to_string(),
        source_code,
        span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_fault_is_marked() {
        let InputError::NotJson { span, .. } = json("{\n\"a\": x}".to_owned()).unwrap_err() else {
            panic!("another error");
        };
        assert_eq!(span.offset(), 7);
        assert!(json(String::new()).is_err());
        assert_eq!(json("[1]".to_owned()).unwrap(), "[1]");
    }
}
