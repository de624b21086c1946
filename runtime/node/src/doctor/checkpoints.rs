//! The checkpoints of a store: what each says it is, and whether its states are whole.

use super::facts::{CheckpointFacts, ImageState};
use crate::blocks::states::KeptState;
use crate::recovery::about::About;
use crate::recovery::image_file::tree_of;
use refit_kernel::StreamError;
use refit_store::{Checkpoint, is_no_file, open_file};
use std::io::ErrorKind;

/// A checkpoint, and what stands beside its states.
pub(super) struct Looked {
    pub(super) facts: CheckpointFacts,
    pub(super) about: Option<About>,
}

pub(super) fn look(checkpoint: &Checkpoint) -> Looked {
    let about = About::from_bytes(&checkpoint.about);
    let image = match &about {
        Ok(about) => image(checkpoint, about.state.as_ref()),
        Err(why) => ImageState::Refused(why.clone()),
    };
    let about = about.ok();
    let artifacts = about.as_ref().map(About::artifacts).unwrap_or_default();
    let bytes = std::fs::metadata(&checkpoint.path).map_or(0, |it| it.len());
    Looked {
        facts: CheckpointFacts {
            number: checkpoint.number,
            height: checkpoint.height,
            bytes,
            generation: about.as_ref().map(|about| about.generation),
            image,
            artifacts: artifacts.into_iter().collect(),
        },
        about,
    }
}

/// As a start looks at it: what is damaged lets it take the one before, and nothing else does.
fn image(checkpoint: &Checkpoint, kept: Option<&KeptState>) -> ImageState {
    let file = match open_file(&checkpoint.path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound || is_no_file(&error) => {
            return ImageState::Damaged(error.to_string());
        }
        Err(error) => return ImageState::Refused(error.to_string()),
    };
    // A file that is whole may still be another one than was kept.
    match tree_of(&file).map(|tree| kept.and_then(|kept| kept.difference(&tree))) {
        Ok(None) => ImageState::Whole,
        Ok(Some(part)) => ImageState::Damaged(format!(
            "its state is not the one that was kept: {part} is another one"
        )),
        Err(error @ (StreamError::Read { .. } | StreamError::Format { .. })) => {
            ImageState::Refused(error.to_string())
        }
        Err(error) => ImageState::Damaged(error.to_string()),
    }
}
