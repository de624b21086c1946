//! [`ImageError`]: why an image cannot be taken, or no executor can be made from one.

use super::IMAGE_FORMAT;
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::CallError;
use refit_abi::host::Explain;
use refit_abi::schema::SchemaId;
use std::borrow::Cow;

/// Why an image cannot be taken, or no executor can be made from one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A state cannot be written.
    #[error("the state of engine `{engine}` cannot be written: {error}")]
    Encode {
        /// The engine.
        engine: EngineId,
        /// How it fails.
        error: CallError,
    },
    /// A state cannot be read.
    #[error("the state of engine `{engine}` cannot be read by the code at hand: {error}")]
    Decode {
        /// The engine.
        engine: EngineId,
        /// How it fails.
        error: CallError,
    },
    /// It is of another form.
    #[error("the image is of form {format}, this program reads form {IMAGE_FORMAT}")]
    Format {
        /// The form that it says.
        format: u32,
    },
    /// The executor was itself made of an image without this state.
    #[error("the state of engine `{engine}` is not in this process")]
    Elsewhere {
        /// The engine.
        engine: EngineId,
    },
    /// The code at hand has other states.
    #[error(
        "the states of kind `{kind}` are of schema {image}, those of the code at hand of {code}"
    )]
    OtherState {
        /// The name of the engine kind.
        kind: String,
        /// As the image says.
        image: SchemaId,
        /// As the code says.
        code: SchemaId,
    },
    /// The code at hand lacks a kind.
    #[error("engine `{engine}` is of a kind that the code at hand does not have")]
    UnknownKind {
        /// The engine.
        engine: EngineId,
    },
    /// A cause is not there.
    #[error("what waits for engine `{engine}` came from a cause that is not in the image")]
    NoCause {
        /// The engine.
        engine: EngineId,
    },
    /// Two engines have one id.
    #[error("engine `{engine}` is in the image twice")]
    Twice {
        /// The engine.
        engine: EngineId,
    },
    /// It is larger than the caller allows.
    #[error("the states and the messages that wait are larger than {bytes_max} bytes")]
    TooLarge {
        /// As many as are allowed.
        bytes_max: usize,
    },
}

impl ImageError {
    fn of_the_state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            ImageError::Encode { error, .. } | ImageError::Decode { error, .. } => {
                error.of_the_state()
            }
            _ => None,
        }
    }

    /// The engine that it is about.
    pub fn engine(&self) -> Option<EngineId> {
        match self {
            ImageError::Encode { engine, .. }
            | ImageError::Decode { engine, .. }
            | ImageError::Elsewhere { engine }
            | ImageError::UnknownKind { engine }
            | ImageError::NoCause { engine }
            | ImageError::Twice { engine } => Some(*engine),
            ImageError::Format { .. }
            | ImageError::OtherState { .. }
            | ImageError::TooLarge { .. } => None,
        }
    }
}

impl Explain for ImageError {
    fn code(&self) -> &str {
        if let Some((code, _)) = self.of_the_state() {
            return code;
        }
        match self {
            ImageError::Encode { .. } => codes::STATE_NOT_WRITTEN,
            ImageError::Decode { .. } => codes::STATE_NOT_READ,
            ImageError::Format { .. } => codes::IMAGE_FORMAT,
            ImageError::Elsewhere { .. } => codes::IMAGE_STATE_ELSEWHERE,
            ImageError::OtherState { .. } => codes::IMAGE_OTHER_STATE,
            ImageError::UnknownKind { .. } => codes::IMAGE_UNKNOWN_KIND,
            ImageError::NoCause { .. } => codes::IMAGE_NO_CAUSE,
            ImageError::Twice { .. } => codes::IMAGE_ENGINE_TWICE,
            ImageError::TooLarge { .. } => codes::IMAGE_TOO_LARGE,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        if let Some((_, next)) = self.of_the_state() {
            return Cow::Borrowed(next);
        }
        Cow::Borrowed(match self {
            ImageError::Encode { .. } | ImageError::Decode { .. } => {
                "mend what the engine's #[state(serde)] fields write and read"
            }
            ImageError::Format { .. }
            | ImageError::Elsewhere { .. }
            | ImageError::OtherState { .. }
            | ImageError::UnknownKind { .. }
            | ImageError::NoCause { .. }
            | ImageError::Twice { .. } => "take the image again with this node's code",
            ImageError::TooLarge { .. } => "allow a larger image",
        })
    }

    fn engine_name(&self) -> Option<String> {
        self.engine().map(|engine| engine.to_string())
    }
}
