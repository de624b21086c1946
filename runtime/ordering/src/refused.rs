//! [`BlockRefused`]: why a block is not executed, or not voted for.

use crate::{
    AUTHENTICATOR_BYTES_MAX, BLOCK_BYTES_MAX, Branch, CLOCK_AHEAD_MAX_MILLIS, ChainId,
    ENTRIES_PER_BLOCK_MAX, EntryKind, ManifestHash, ParametersHash, ReceiptHash, SEAL_BYTES_MAX,
    STATE_DELAY_BLOCKS, StateHash, StateOf, UpgradeOutcome,
};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::{BlockHash, BlockTime, EngineId, Height};
use std::borrow::Cow;

/// Why a block is not executed, or not voted for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockRefused {
    /// The node ended as often as it executed it.
    #[error(
        "block {height} has ended this node {starts} times while it was executed again; the node stays below it"
    )]
    EndsNode {
        /// Its height.
        height: Height,
        /// How often.
        starts: u32,
    },
    /// An engine panicked while its generation was on probation, and the node's policy is to stop there.
    #[error(
        "{what} while the generation is on probation; the node stops at block {height}, as its policy says"
    )]
    OnProbation {
        /// The block in which it was seen.
        height: Height,
        /// The engine that it is about.
        engine: EngineId,
        /// What happened.
        what: String,
    },
    /// It is of another chain.
    #[error(
        "block {height} is of the chain {claimed}, and this node of {chain}; ask a node of this chain"
    )]
    Chain {
        /// Its height.
        height: Height,
        /// Its chain.
        claimed: ChainId,
        /// The node's chain.
        chain: ChainId,
    },
    /// It is of another branch.
    #[error(
        "block {height} is of branch {claimed}, and this node on {branch}; ask for the blocks of this branch"
    )]
    Branch {
        /// Its height.
        height: Height,
        /// Its branch.
        claimed: Branch,
        /// The node's branch.
        branch: Branch,
    },
    /// It is not the next one.
    #[error("block {height} is not the next one; give block {expected}")]
    Height {
        /// Its height.
        height: Height,
        /// The next height.
        expected: Height,
    },
    /// It follows another block.
    #[error(
        "block {height} follows block {claimed}, and this node's newest is {parent}; compare the blocks before"
    )]
    Parent {
        /// Its height.
        height: Height,
        /// The parent that it names.
        claimed: BlockHash,
        /// The newest block.
        parent: BlockHash,
    },
    /// Its time is before its parent's.
    #[error(
        "block {height} is of {time} ms, before its parent, which is of {parent} ms; make it anew with a later time"
    )]
    TimeGoesBack {
        /// Its height.
        height: Height,
        /// Its time.
        time: BlockTime,
        /// The parent's time.
        parent: BlockTime,
    },
    /// Its time runs ahead.
    #[error(
        "block {height} is of {time} ms, more than {CLOCK_AHEAD_MAX_MILLIS} ms after this node's clock, {now} ms; set the clocks"
    )]
    TimeAhead {
        /// Its height.
        height: Height,
        /// Its time.
        time: BlockTime,
        /// The node's clock.
        now: BlockTime,
    },
    /// Its maker has another receipt of the block before.
    #[error(
        "block {parent} had the receipt {receipt} here and {claimed} where the next one was made; compare the two receipts: they name the engine"
    )]
    Receipt {
        /// The height of the block before.
        parent: Height,
        /// The receipt that it names.
        claimed: ReceiptHash,
        /// The node's own.
        receipt: ReceiptHash,
    },
    /// Its maker saw another outcome of an upgrade, or one where this node saw none.
    #[error(
        "after block {parent} there was {} here and {} where the next one was made; run the same plan after the same block",
        said(outcome.as_deref()), said(claimed.as_deref())
    )]
    Outcome {
        /// The height of the block before.
        parent: Height,
        /// The block's outcome.
        claimed: Option<Box<UpgradeOutcome>>,
        /// This node's outcome.
        outcome: Option<Box<UpgradeOutcome>>,
    },
    /// It needs other code than this node has.
    #[error(
        "block {height} needs the code {claimed}, and this node has {manifest}; compare the code manifests: they name the kind"
    )]
    Manifest {
        /// Its height.
        height: Height,
        /// The code that it names.
        claimed: ManifestHash,
        /// The node's own.
        manifest: ManifestHash,
    },
    /// It needs other parameters than this node has.
    #[error(
        "block {height} needs the parameters {claimed}, and this node has {parameters}; start it with the same limits and grants"
    )]
    Parameters {
        /// Its height.
        height: Height,
        /// The parameters that it names.
        claimed: ParametersHash,
        /// The node's own.
        parameters: ParametersHash,
    },
    /// It names another state of a checkpoint than this node has.
    #[error(
        "block {height} names the state {claimed}, and this node has {state} there; compare both nodes' code"
    )]
    State {
        /// Its height.
        height: Height,
        /// The state that it names.
        claimed: StateOf,
        /// The node's own.
        state: StateHash,
    },
    /// It names the state of a checkpoint too soon after it.
    #[error(
        "block {height} names the state {claimed}, and a block may do so only {STATE_DELAY_BLOCKS} blocks later; fetch it from another node"
    )]
    StateTooEarly {
        /// Its height.
        height: Height,
        /// The state that it names.
        claimed: StateOf,
    },
    /// The blocks, executed again, come to another state than a checkpoint had.
    #[error(
        "the blocks up to {height}, executed again, do not come to the state that the checkpoint there had: {part} is another one; the code is not deterministic, or not what it was"
    )]
    StateDiffers {
        /// The checkpoint's block.
        height: Height,
        /// The part of the state: an engine or a table.
        part: String,
    },
    /// It is longer than a block may be.
    #[error(
        "block {height} has {bytes} bytes, at most {BLOCK_BYTES_MAX} are taken; make smaller blocks"
    )]
    TooLarge {
        /// Its height.
        height: Height,
        /// Its length.
        bytes: usize,
    },
    /// Its seal is longer than a seal may be.
    #[error(
        "the seal of block {height} has {bytes} bytes, at most {SEAL_BYTES_MAX} are taken; fetch it from another node"
    )]
    SealTooLong {
        /// Its height.
        height: Height,
        /// The seal's length.
        bytes: usize,
    },
    /// It has more entries than a block may have.
    #[error(
        "block {height} has {entries} entries, at most {ENTRIES_PER_BLOCK_MAX} are taken; make smaller blocks"
    )]
    TooManyEntries {
        /// Its height.
        height: Height,
        /// How many it has.
        entries: usize,
    },
    /// It has an entry that this node cannot carry out.
    #[error(
        "entry {index} of block {height} is of the kind `{kind}`, which this node does not carry out; bring a newer node"
    )]
    EntryKind {
        /// Its height.
        height: Height,
        /// The entry's place, from 0.
        index: u64,
        /// The kind of the entry.
        kind: EntryKind,
    },
    /// It has an entry that says nothing which can be carried out.
    #[error(
        "entry {index} of block {height}, of the kind `{kind}`, cannot be carried out: {why}; ask whoever made the block"
    )]
    Entry {
        /// Its height.
        height: Height,
        /// The entry's place, from 0.
        index: u64,
        /// The kind of the entry.
        kind: EntryKind,
        /// The fault in it.
        why: String,
    },
    /// A message proves its sender, and this node checks no such proof.
    #[error(
        "the message at entry {index} of block {height} has an authenticator, which this node cannot check; bring a newer node"
    )]
    Authenticator {
        /// Its height.
        height: Height,
        /// The entry's place, from 0.
        index: u64,
    },
    /// An authenticator is longer than one may be.
    #[error(
        "the authenticator at entry {index} of block {height} has {bytes} bytes, at most {AUTHENTICATOR_BYTES_MAX} are taken; send a shorter one"
    )]
    AuthenticatorTooLong {
        /// Its height.
        height: Height,
        /// The entry's place, from 0.
        index: u64,
        /// Its length.
        bytes: usize,
    },
}

impl Explain for BlockRefused {
    fn code(&self) -> &str {
        match self {
            BlockRefused::Chain { .. } => codes::BLOCK_CHAIN,
            BlockRefused::Branch { .. } => codes::BLOCK_BRANCH,
            BlockRefused::Height { .. } => codes::BLOCK_HEIGHT,
            BlockRefused::Parent { .. } => codes::BLOCK_PARENT,
            BlockRefused::TimeGoesBack { .. } | BlockRefused::TimeAhead { .. } => codes::BLOCK_TIME,
            BlockRefused::Receipt { .. } => codes::BLOCK_RECEIPT,
            BlockRefused::Outcome { .. } => codes::BLOCK_OUTCOME,
            BlockRefused::EndsNode { .. } => codes::BLOCK_ENDS_NODE,
            BlockRefused::OnProbation { .. } => codes::PROBATION_HALT,
            BlockRefused::Manifest { .. } => codes::BLOCK_CODE,
            BlockRefused::Parameters { .. } => codes::BLOCK_PARAMETERS,
            BlockRefused::State { .. }
            | BlockRefused::StateTooEarly { .. }
            | BlockRefused::StateDiffers { .. } => codes::BLOCK_STATE,
            BlockRefused::TooLarge { .. } | BlockRefused::TooManyEntries { .. } => {
                codes::BLOCK_SIZE
            }
            BlockRefused::SealTooLong { .. } => codes::BLOCK_SEAL,
            BlockRefused::EntryKind { .. } | BlockRefused::Entry { .. } => codes::BLOCK_ENTRY,
            BlockRefused::Authenticator { .. } | BlockRefused::AuthenticatorTooLong { .. } => {
                codes::BLOCK_AUTHENTICATOR
            }
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            BlockRefused::OnProbation { .. } => {
                "take the generation back with `refit upgrade rollback`; or make it permanent with `refit upgrade confirm`: the node goes on then"
            }
            BlockRefused::StateDiffers { .. } => {
                "see `refit doctor` on the data folder; restore a snapshot, or start with the code that the blocks were made with"
            }
            BlockRefused::EndsNode { .. } => {
                "end the node and see `refit doctor` on its data folder: it names the block to take out with `refit block quarantine`"
            }
            _ => "send to another node; mend this one as its log says, and start it again",
        })
    }
}

fn said(outcome: Option<&UpgradeOutcome>) -> String {
    outcome.map_or_else(|| "no upgrade".to_owned(), ToString::to_string)
}
