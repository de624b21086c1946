//! [`ImageError`]: why an image cannot be taken, or no executor can be made from one.

use super::IMAGE_FORMAT;
use refit_abi::EngineId;
use refit_abi::host::CallError;
use refit_abi::schema::SchemaId;

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
        /// The kind.
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
    /// A short, stable word for programs.
    pub fn code(&self) -> &'static str {
        if let Some((code, _)) = self.of_the_state() {
            return code;
        }
        match self {
            ImageError::Encode { .. } => "state-not-written",
            ImageError::Decode { .. } => "state-not-read",
            ImageError::Format { .. } => "image-format",
            ImageError::Elsewhere { .. } => "image-state-elsewhere",
            ImageError::OtherState { .. } => "image-other-state",
            ImageError::UnknownKind { .. } => "image-unknown-kind",
            ImageError::NoCause { .. } => "image-no-cause",
            ImageError::Twice { .. } => "image-engine-twice",
            ImageError::TooLarge { .. } => "image-too-large",
        }
    }

    /// What to do next.
    pub fn next(&self) -> &'static str {
        if let Some((_, next)) = self.of_the_state() {
            return next;
        }
        match self {
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
        }
    }

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
