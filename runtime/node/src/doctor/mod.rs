//! What a data folder is like, and what to do about it: `refit doctor`.
//!
//! ```text
//! folder ── look ([`folder`], [`chain`]) ──▶ Facts ── judge ──▶ Findings, each with a code and the next command
//! ```
//!
//! A look changes nothing: it holds the folder's lock so that no node starts meanwhile, and reads the store through a
//! reader that leaves it as it is. The folder of a node that runs is looked at from outside; the node itself says the
//! rest. The judgement is a function of the facts: it reads no file and knows no clock.

mod chain;
mod checkpoints;
mod configured;
mod facts;
mod finding;
mod folder;
mod judge;
mod library;
mod releases;
mod walk;

pub use configured::{ConfiguredEngine, Wanted};
pub use facts::{
    ArmedFacts, AsideFacts, ChainFacts, CheckpointFacts, CodeFacts, CodeState, ConfiguredCode,
    ConfiguredFacts, Facts, FileFacts, ImageState, LiveFacts, LiveKindFacts, LockFacts, LogFacts,
    LogFault, NodeAnswer, OpenUpgrade, QuarantineFacts, RightsFacts, SpaceFacts, StoreFacts,
    UpgradeEnded,
};
pub use finding::{Finding, Severity};
pub use folder::{Look, look};
pub use judge::judge;
pub use releases::releases;
pub use walk::{LOG_BLOCKS_LOOKED_MAX, LOG_BYTES_LOOKED_MAX};
