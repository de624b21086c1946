//! [`Facts`]: what was seen of a data folder, before anybody judges it.

use refit_abi::host::Explained;
use refit_abi::{Generation, Height};
use serde::Serialize;
use std::path::PathBuf;

/// What was seen of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The folder.
    pub folder: PathBuf,
    /// Whether something of a node is in it.
    pub is_data_folder: bool,
    /// Whether the configuration names engines that a node could begin with.
    pub names_engines: bool,
    /// Who may use it.
    pub rights: Option<RightsFacts>,
    /// Who uses it.
    pub lock: LockFacts,
    /// What the node that uses it says.
    pub node: Option<NodeAnswer>,
    /// The room on its disk.
    pub space: Option<SpaceFacts>,
    /// The code that does not come in again.
    pub quarantine: QuarantineFacts,
    /// Files that nothing needs.
    pub stray: Vec<FileFacts>,
    /// Its store.
    pub store: StoreFacts,
    /// What the configuration says of it, if there is one.
    pub configured: Option<ConfiguredFacts>,
    /// What a start ends with before it opens the store: settings, files, links.
    pub refused: Vec<Explained>,
    /// Why a start does not take whom the node trusts, with the keyset that is configured.
    pub distrusted: Option<Explained>,
}

/// Who may use a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RightsFacts {
    /// Whether it is a folder at all.
    pub is_folder: bool,
    /// The rights, as in `chmod`.
    pub mode: u32,
    /// Whether this user may read, write and enter it.
    pub is_usable: bool,
}

/// Who uses a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum LockFacts {
    /// Nobody.
    Free,
    /// A process that runs.
    Held {
        /// The process that says so, if the file can be read.
        pid: Option<u32>,
        /// Its unix socket.
        socket: Option<PathBuf>,
        /// Whether that process is there.
        is_alive: bool,
    },
    /// Something that no node has made stands where the lock's file is.
    Foreign {
        /// What it is: `a link`, or `no file`.
        what: &'static str,
    },
    /// Nobody knows: the file cannot be opened or locked.
    Unknown {
        /// The system's error.
        why: String,
    },
}

/// What a node says that runs on the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum NodeAnswer {
    /// It serves.
    Serves {
        /// Its newest block.
        height: Height,
        /// The live generation.
        generation: Generation,
        /// Why it executes no more blocks, if it does not.
        halted: Option<Explained>,
    },
    /// It executes its log again.
    Starts {
        /// Its newest block so far.
        height: Height,
        /// The last block of the log.
        last: Height,
    },
    /// It says nothing, or refuses to.
    Silent {
        /// What came instead.
        why: String,
    },
}

/// The room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpaceFacts {
    /// Free bytes.
    pub free: u64,
    /// Bytes below which a node takes no new messages.
    pub reserve: u64,
}

/// The quarantine list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum QuarantineFacts {
    /// It can be read.
    Read {
        /// Entries whose code is refused.
        refusing: usize,
        /// Entries of upgrades that have failed.
        failed: usize,
    },
    /// It cannot: a node does not start so.
    Unreadable(Explained),
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The store of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum StoreFacts {
    /// There is none: no node has begun here, or it kept everything in memory.
    None,
    /// It is not looked at, because a node has the folder.
    InUse,
    /// It cannot be opened or read.
    Unreadable(Explained),
    /// It was read.
    Read(Box<ChainFacts>),
}

/// The chain in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChainFacts {
    /// The chain's name, if it has begun.
    pub chain: Option<String>,
    /// The snapshot of a restore that has not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restoring: Option<PathBuf>,
    /// The block log; absent if it has no block.
    pub log: Option<LogFacts>,
    /// The checkpoints, oldest first.
    pub checkpoints: Vec<CheckpointFacts>,
    /// There is no checkpoint because a state cannot be written: each start executes the whole log.
    pub is_by_log_alone: bool,
    /// The kept libraries that something needs.
    pub code: Vec<CodeFacts>,
    /// Starts that have ended while they executed the last block.
    pub starts_at_last: u32,
    /// Starts that end there before the block is not executed again.
    pub starts_max: u32,
    /// Blocks that were taken out of the log.
    pub aside: Vec<AsideFacts>,
    /// Upgrades that were armed, and of which a record is kept.
    pub armed: Vec<ArmedFacts>,
    /// The code that the next start comes to.
    pub live: Option<LiveFacts>,
}

/// The block log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogFacts {
    /// The oldest block.
    pub first: Height,
    /// The newest.
    pub last: Height,
    /// How many there are.
    pub count: u64,
    /// How many were looked at, the newest first.
    pub looked: u64,
    /// What is wrong with them, the oldest first.
    pub faults: Vec<LogFault>,
    /// How upgrades have ended, oldest first.
    pub ends: Vec<UpgradeEnded>,
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogFault {
    /// The block.
    pub height: Height,
    /// What it is.
    pub why: String,
}

/// What the log says of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpgradeEnded {
    /// The plan's digest, in hexadecimal.
    pub plan: String,
    /// The block after which it ended.
    pub height: Height,
    /// Whether it was committed.
    pub is_committed: bool,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointFacts {
    /// Its number.
    pub number: u64,
    /// The block after which the states were as it says.
    pub height: Height,
    /// Its length in bytes.
    pub bytes: u64,
    /// The generation of its code; absent if what stands beside it cannot be read.
    pub generation: Option<Generation>,
    /// Whether its states are whole.
    pub image: ImageState,
    /// The artifacts that its states are of.
    pub artifacts: Vec<String>,
}

/// Whether states can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum ImageState {
    /// Every byte is what it was.
    Whole,
    /// Some are not: a start takes the checkpoint before it.
    Damaged(String),
    /// It is of another form, or the system does not give it: a start refuses it.
    Refused(String),
}

/// A kept library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeFacts {
    /// Its BLAKE3, in hexadecimal.
    pub artifact: String,
    /// Its length in bytes; 0 if it is missing.
    pub bytes: u64,
    /// What it is like.
    pub state: CodeState,
}

/// What a kept library is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum CodeState {
    /// It is what it was, and this program loads it.
    Kept {
        /// Its package.
        package: String,
        /// Its version.
        version: String,
    },
    /// It is what it was, and was not loaded to see more.
    Unprobed,
    /// It is not there.
    Missing,
    /// It is another file.
    Changed {
        /// The BLAKE3 that it has.
        found: String,
    },
    /// It is what it was, and this program does not load it, or the system does not give it.
    Refused(Explained),
}

/// A block that was taken out of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AsideFacts {
    /// Its height.
    pub height: Height,
    /// Its length in bytes.
    pub bytes: u64,
}

/// An upgrade that was armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArmedFacts {
    /// The plan's digest, in hexadecimal.
    pub plan: String,
    /// The generation that it starts from.
    pub base: Generation,
    /// The packages that it brings.
    pub packages: Vec<String>,
    /// Their artifacts.
    pub artifacts: Vec<String>,
    /// What a start does with it if no block tells of it.
    pub open: OpenUpgrade,
}

/// What a start does with an upgrade of which no block tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenUpgrade {
    /// It waits on for its height.
    Waits,
    /// It is tried once more.
    TriedAgain,
    /// It has ended the node too often: its code goes into quarantine.
    GivenUp,
    /// It is of another generation, or its height is over: it is forgotten.
    Over,
}

/// The code that a start comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LiveFacts {
    /// The generation.
    pub generation: Generation,
    /// Its kinds, in the order of its table.
    pub kinds: Vec<LiveKindFacts>,
}

/// The code of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LiveKindFacts {
    /// The kind.
    pub kind: String,
    /// BLAKE3 of its library, in hexadecimal.
    pub artifact: String,
    /// Where the library was when it came in.
    pub file: String,
}

/// What the configuration says of the folder's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ConfiguredFacts {
    /// A start refuses it: another chain, or other engines.
    Refused(Explained),
    /// It is of the folder's chain.
    Fits {
        /// The code that it names, by engine.
        code: Vec<ConfiguredCode>,
    },
}

/// The code that is configured for an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfiguredCode {
    /// The engine.
    pub engine: String,
    /// The library, or the folder of its source.
    pub path: PathBuf,
    /// BLAKE3 of the library; absent for source, which is built at the start.
    pub artifact: Option<String>,
    /// BLAKE3 of what was configured when a node last began or went on here.
    pub before: String,
}
