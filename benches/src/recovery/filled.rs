//! [`Filled`]: a data folder whose node has ended, and what a start of it must come to.

use super::RecoveryOptions;
use crate::BenchError;
use crate::inside::{InsideCode, InsideNode, KV, failed, fill, on_disk, put};
use refit_abi::Height;
use refit_store::{Archive, Checkpoint};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes of the value of a message that only makes the log longer, so that a checkpoint is due.
const PADDING_BYTES: usize = 256 << 10;

/// Such messages at a time.
const PADDINGS: u64 = 16;

/// Longest wait for a checkpoint that is due.
const CHECKPOINT_MAX: Duration = Duration::from_secs(300);

/// Between two looks whether it is kept.
const LOOK: Duration = Duration::from_millis(5);

/// Keys that a long log writes.
const LOG_KEYS: u64 = 10_000;

/// The folder of a node that has ended.
pub(super) struct Filled {
    pub(super) folder: PathBuf,
    pub(super) checkpoint_bytes: u64,
    pub(super) keys: u64,
    /// In the log behind the checkpoint: those of clients, and all that engines handled because of them.
    pub(super) messages: u64,
    pub(super) handled: u64,
    pub(super) blocks: u64,
    /// Those before the end.
    pub(super) states: States,
}

/// The states of a node, as a hash of each.
pub(super) type States = Vec<(String, u64)>;

/// With a state of so many megabytes in its newest checkpoint, and next to no log behind it.
pub(super) fn with_state(
    options: &RecoveryOptions,
    code: &InsideCode<'_>,
    folder: &Path,
) -> Result<Filled, BenchError> {
    let (node, _) = InsideNode::start(code, || on_disk(folder))?;
    let key = |number: u64| format!("key-{number:08}");
    // Each is another one: the store's index finds keys by their value.
    let bytes = options.value_bytes as usize;
    let value = |number: u64| format!("{number:08}{}", "v".repeat(bytes))[..bytes].to_owned();
    // The image has each key and value twice, in the store and in its index.
    let keys = options.state_mb * 1_000_000 / (2 * (bytes + key(0).len()) as u64);
    fill(&node, keys, |number| put(&key(number), &value(number)))?;
    let checkpoint = provoke_checkpoint(&node)?;
    ended(node, folder, &checkpoint)
}

/// With the first checkpoint of its chain, and so many messages behind it.
pub(super) fn with_log(
    options: &RecoveryOptions,
    code: &InsideCode<'_>,
    folder: &Path,
) -> Result<Filled, BenchError> {
    let (node, _) = InsideNode::start(code, || on_disk(folder))?;
    let checkpoint = newest(archive(&node)?)?;
    let message = |number: u64| {
        let key = number.wrapping_mul(7_919) % LOG_KEYS;
        put(&format!("key-{key:05}"), &format!("{number:016x}"))
    };
    let handled = |node: &InsideNode| node.node().counts().blocks.messages;
    let before = handled(&node);
    fill(&node, options.messages, message)?;
    let filled = Filled {
        messages: options.messages,
        handled: handled(&node) - before,
        ..ended(node, folder, &checkpoint)?
    };
    match filled.blocks > 0 {
        true => Ok(filled),
        false => Err(failed("the log has no blocks")),
    }
}

/// Ends the node, whose newest checkpoint this is.
fn ended(node: InsideNode, folder: &Path, checkpoint: &Checkpoint) -> Result<Filled, BenchError> {
    let last = node.store().last();
    if newest(archive(&node)?)?.number != checkpoint.number {
        return Err(failed(
            "a checkpoint came while the log was written; give fewer messages",
        ));
    }
    let answer = node.query(KV, "\"length\"")?;
    let bytes = fs::metadata(&checkpoint.path);
    let bytes = bytes.map_err(BenchError::file("look at", &checkpoint.path))?;
    let filled = Filled {
        folder: folder.to_owned(),
        checkpoint_bytes: bytes.len(),
        keys: answer["length"]["keys"].as_u64().unwrap_or_default(),
        messages: 0,
        handled: 0,
        blocks: blocks_behind(checkpoint.height, last),
        states: states(&node)?,
    };
    drop(node);
    Ok(filled)
}

fn blocks_behind(checkpoint: Height, last: Height) -> u64 {
    last.0.saturating_sub(checkpoint.0)
}

/// The states of a node's engines, each as a number over its bytes.
pub(super) fn states(node: &InsideNode) -> Result<States, BenchError> {
    let states = node.node().states();
    let states = states.ok_or_else(|| failed("its states were not written in time"))?;
    let hash = |bytes: &[u8]| {
        let words = bytes.chunks(8).map(|part| {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            u64::from_le_bytes(word)
        });
        words.fold(bytes.len() as u64, |sum, word| {
            (sum ^ word)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .rotate_left(29)
        })
    };
    let states = states.iter();
    Ok(states
        .map(|(id, bytes)| (id.to_string(), hash(bytes)))
        .collect())
}

/// Makes the log so long that a checkpoint is due, and waits until it is kept.
fn provoke_checkpoint(node: &InsideNode) -> Result<Checkpoint, BenchError> {
    let archive = archive(node)?;
    let before = node.store().last();
    let padding = "p".repeat(PADDING_BYTES);
    let deadline = Instant::now() + CHECKPOINT_MAX;
    while Instant::now() < deadline {
        let checkpoint = newest(archive)?;
        if checkpoint.height >= before {
            return Ok(checkpoint);
        }
        // Each under a key of its own would be state: one key has it all.
        fill(node, PADDINGS, |_| put("padding", &padding))?;
        std::thread::sleep(LOOK);
    }
    Err(failed("no checkpoint is kept"))
}

fn newest(archive: &dyn Archive) -> Result<Checkpoint, BenchError> {
    let mut checkpoints = archive.checkpoints().map_err(failed)?;
    checkpoints
        .pop()
        .ok_or_else(|| failed("it has no checkpoint"))
}

fn archive(node: &InsideNode) -> Result<&dyn Archive, BenchError> {
    let archive = node.store().archive();
    archive.ok_or_else(|| failed("its store keeps nothing"))
}
