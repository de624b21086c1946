//! The blocks for a shadow replay: a checkpoint of the live generation, and the log behind it.

use super::about::About;
use crate::rehearsal::Stretch;
use refit_abi::{Generation, Height};
use refit_ordering::{SealedBlock, UpgradeEnd, UpgradeOutcome};
use refit_store::{Archive, Checkpoint, Store};

/// Most blocks of a shadow replay.
const SHADOW_BLOCKS_MAX: u64 = 1_000;

/// Most bytes of them.
const SHADOW_BYTES_MAX: usize = 32 << 20;

/// The last blocks that `generation` has executed behind a checkpoint of its own; or why there are none.
pub(crate) fn stretch(store: &dyn Store, generation: Generation) -> Result<Stretch, String> {
    let archive = store.archive();
    let archive = archive.ok_or("the node keeps no blocks beyond its life")?;
    let last = store.durable_height();
    let from = checkpoint(archive, generation, last)?;
    let mut stretch = Stretch {
        checkpoint: from.path,
        after: from.height,
        blocks: Vec::new(),
    };
    let (mut height, mut bytes) = (from.height, 0);
    while height < last && (stretch.blocks.len() as u64) < SHADOW_BLOCKS_MAX {
        height = height.next();
        let block = store.read(height).map_err(|error| error.to_string())?;
        bytes += block.len();
        if bytes > SHADOW_BYTES_MAX || is_of_next(&block, height, from.height)? {
            break;
        }
        stretch.blocks.push(block.to_vec());
    }
    match stretch.blocks.is_empty() {
        true => Err("no block was made since the last checkpoint".to_owned()),
        false => Ok(stretch),
    }
}

/// The newest checkpoint of the generation with enough blocks behind it, else its oldest.
fn checkpoint(
    archive: &dyn Archive,
    generation: Generation,
    last: Height,
) -> Result<Checkpoint, String> {
    let kept = archive.checkpoints().map_err(|fault| fault.to_string())?;
    let of_it = |kept: &Checkpoint| {
        About::from_bytes(&kept.about).is_ok_and(|about| about.generation == generation)
    };
    let mut kept: Vec<_> = kept.into_iter().filter(of_it).collect();
    let has_enough = |kept: &Checkpoint| last.0.saturating_sub(kept.height.0) >= SHADOW_BLOCKS_MAX;
    let place = kept.iter().rposition(has_enough).unwrap_or(0);
    match kept.is_empty() {
        true => Err("no checkpoint of the live generation is kept yet".to_owned()),
        false => Ok(kept.swap_remove(place)),
    }
}

/// Whether a block is of another generation than the one that `first`, which its checkpoint is of, was made by.
fn is_of_next(block: &[u8], height: Height, first: Height) -> Result<bool, String> {
    let sealed = SealedBlock::from_bytes(block).map_err(|error| error.to_string())?;
    let is_committed = matches!(
        sealed.block.header.outcome,
        Some(UpgradeOutcome {
            end: UpgradeEnd::Committed,
            ..
        })
    );
    // The first says what came before it: that is behind the checkpoint already.
    Ok(is_committed && height > first.next())
}
