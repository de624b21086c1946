//! The hash of a checkpoint's state, against what the log says of it.

use super::about::About;
use super::image_file::{look_through, tree_of};
use crate::blocks::states::{KeptState, Passed};
use refit_abi::Height;
use refit_kernel::{STATE_FORM, StreamError};
use refit_ordering::{Block, STATE_DELAY_BLOCKS, StateOf};
use refit_store::{Checkpoint, Store};
use std::fs::File;

/// The state that a block of the log names for a checkpoint, if one does; one that has no hash is never named.
pub(super) fn named(checkpoint: &Checkpoint, store: &dyn Store) -> Option<StateOf> {
    let about = About::from_bytes(&checkpoint.about).ok()?;
    about.state.as_ref()?;
    let first = checkpoint.height.0.saturating_add(STATE_DELAY_BLOCKS);
    let headers = (first..=store.last().0).map_while(|height| {
        let block = store.read(Height(height)).ok()?;
        Block::header_of(&block).ok()
    });
    // They are named in their order.
    let mut states = headers.filter_map(|header| header.state);
    let at_or_behind = states.find(|state| state.checkpoint >= checkpoint.height);
    at_or_behind.filter(|state| state.checkpoint == checkpoint.height)
}

/// Reads an image to its end. What is wrong with its state: a part of it is not as the log names it, or, where no block
/// names it yet, as it was kept.
pub(super) fn whole(
    file: &File,
    kept: Option<&KeptState>,
    named: Option<&StateOf>,
) -> Result<Option<String>, StreamError> {
    let named = named.filter(|named| named.form == STATE_FORM);
    if named.is_none() && kept.is_none() {
        return look_through(file).map(|()| None);
    }
    let tree = tree_of(file)?;
    let part = kept.and_then(|kept| kept.difference(&tree));
    let (part, meant) = match named {
        // The log decides: what stands beside a checkpoint may be as damaged as its file.
        Some(named) if named.hash.0 == tree.root => return Ok(None),
        Some(_) => (part.or(Some("a part of it".to_owned())), "the log names"),
        None => (part, "was kept with it"),
    };
    Ok(part.map(|part| format!("its state is not the one that {meant}: {part} is another one")))
}

/// The state that the blocks must come to again where a checkpoint was that cannot be read.
pub(super) fn passed_by(checkpoint: &Checkpoint, named: Option<&StateOf>) -> Option<Passed> {
    let about = About::from_bytes(&checkpoint.about).ok()?;
    let (height, state) = (checkpoint.height, about.state?);
    // The log decides: what stands beside a checkpoint may be as damaged as its file.
    let is_sound = named.is_none_or(|named| *named == state.at(height));
    is_sound.then_some(Passed {
        height,
        generation: about.generation,
        state,
    })
}
