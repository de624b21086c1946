//! Codes of decided blocks, and the start of a node.

super::codes! { ALL_BLOCK: "Decided blocks", "Why a node refuses a block that others decided, and goes no further.";
    /// The node ended each time it executed the last block of its log again.
    BLOCK_ENDS_NODE = "block-ends-node", Internal, "See the node's log for the engine; end the node, take the block out of the log with `refit block quarantine HEIGHT`, and start it again.";
    /// An engine panicked while its generation was on probation, or its state did not pass its check at the end of it, and the node's policy is to stop there.
    PROBATION_HALT = "probation-halt", TransitionFailed, "Take the generation back with `refit upgrade rollback`; or make it permanent with `refit upgrade confirm`: the node goes on then.";
    /// The block is of another chain.
    BLOCK_CHAIN = "block-chain", Internal, "Fetch it from a node of this chain.";
    /// The block does not follow the blocks that this node executed.
    BLOCK_BRANCH = "block-branch", Internal, "Compare with another node.";
    /// The block is not the next one.
    BLOCK_HEIGHT = "block-height", Internal, "Give the blocks in their order.";
    /// The block has another parent than the one before it.
    BLOCK_PARENT = "block-parent", Internal, "Fetch it from another node.";
    /// The time of the block goes back, or is too far ahead.
    BLOCK_TIME = "block-time", Internal, "Check the clock of the node that made the block.";
    /// This node came to another state than the block says.
    BLOCK_RECEIPT = "block-receipt", Internal, "Compare both nodes' code and states.";
    /// An upgrade had another end here than the block says.
    BLOCK_OUTCOME = "block-outcome", Internal, "Compare both nodes' code and states.";
    /// The block was made with other code than runs here.
    BLOCK_CODE = "block-code", Internal, "Bring the same code.";
    /// The block was made with other parameters than are in force here.
    BLOCK_PARAMETERS = "block-parameters", Internal, "Bring the same parameters.";
    /// The block was made on another state than this node has.
    BLOCK_STATE = "block-state", Internal, "Compare both nodes' code and states.";
    /// The block is larger than a block may be.
    BLOCK_SIZE = "block-size", Internal, "Make smaller blocks.";
    /// The seal of the block is longer than a seal may be.
    BLOCK_SEAL = "block-seal", Internal, "Fetch it from another node.";
    /// The block has an entry that this node cannot carry out.
    BLOCK_ENTRY = "block-entry", Internal, "Bring a newer node, or ask the operator of the node that made the block.";
    /// The block has a proof of a sender that this node cannot check.
    BLOCK_AUTHENTICATOR = "block-authenticator", Internal, "Bring a newer node.";
}

super::codes! { ALL_RUN: "Starting a node", "Why `refit run` does not start, or ends.";
    /// Another node uses the data folder.
    DATA_FOLDER_IN_USE = "data-folder-in-use", Usage, "Stop that node, or give this one a folder of its own with `--data-dir`.";
    /// The data folder cannot be locked.
    DATA_FOLDER_UNLOCKABLE = "data-folder-unlockable", Usage, "Give the node the rights to its data folder, on a file system that knows locks.";
    /// The quarantine list cannot be read.
    QUARANTINE_UNREADABLE = "quarantine-unreadable", Usage, "Give the node the rights to its data folder.";
    /// The file is no quarantine list of this node.
    QUARANTINE_NOT_UNDERSTOOD = "quarantine-not-understood", Usage, "Read the file, and move it away if nothing in it matters any more.";
    /// The quarantine list cannot be written.
    QUARANTINE_UNWRITABLE = "quarantine-unwritable", Usage, "Give the node the rights to its data folder, and the disk space.";
    /// It is not clear which kind of the library the engine is of.
    KIND_UNCLEAR = "kind-unclear", Usage, "Give the engine a kind's name, or say `kind = …` beside its `name` in the configuration file.";
    /// Two libraries have the same kind.
    KIND_TWICE = "kind-twice", Usage, "Name the same file for all engines of the kind.";
    /// An engine did not start.
    ENGINE_START = "engine-start", Usage, "Mend its configuration, or its `init`, and start again.";
    /// A probation that holds replies back is longer than clients wait.
    PROBATION_HOLDS_TOO_LONG = "probation-holds-too-long", Usage, "Set fewer `probation_blocks` (at most 15: an idle node makes one block a second), or `probation_replies = \"leave\"`.";
    /// Something is configured beyond its bound.
    BEYOND_BOUND = "beyond-bound", Usage, "Mend the configuration and start again.";
    /// The store in the data folder cannot be opened.
    STORE_NOT_OPENED = "store-not-opened", Usage, "Give the node the rights to its data folder.";
    /// The store in the data folder is damaged, or something else.
    STORE_DAMAGED = "store-damaged", Usage, "Put the data folder back from a copy; to begin anew without its states, start with another `--data-dir`.";
    /// The store in the data folder ends before what a node has made durable in it.
    STORE_CUT = "store-cut", Usage, "Put the data folder back from a copy; to go on without what is lost, remove `store/newest` from it, and start the node.";
    /// The store in the data folder was written by a program of another time.
    STORE_FORMAT = "store-format", Usage, "Open it with the program that wrote it.";
    /// The disk does not take or give what is in the data folder.
    DISK_FAULT = "disk-fault", Internal, "See the system's log for the disk of the data folder; then start the node again.";
    /// The data folder has another chain than the configuration names.
    DATA_OTHER_CHAIN = "data-other-chain", Usage, "Name that chain, or begin the other one in a folder of its own with `--data-dir`.";
    /// The chain of the data folder began with other engines than the configuration has.
    DATA_OTHER_ENGINES = "data-other-engines", Usage, "Put the engines back into the configuration as they were, or begin a new chain with `--data-dir`.";
    /// The configuration names code that is neither live nor what it named before.
    DATA_OTHER_CODE = "data-other-code", Usage, "Start the node with `--code live`, which starts what it ran, then bring the new code with `refit upgrade apply`.";
    /// Nothing says that the block ends the node: it stays in the log.
    BLOCK_NOT_ENDING = "block-not-ending", Usage, "Start the node; a block that ends it twice can be taken out then.";
    /// The block is not one that can be taken out of the log.
    BLOCK_NOT_LAST = "block-not-last", Usage, "Name the last block of the log; what is in a checkpoint stays.";
    /// No checkpoint of the data folder can be read.
    CHECKPOINT_UNREADABLE = "checkpoint-unreadable", Usage, "Put the data folder back from a copy; to begin anew without its states, start with another `--data-dir`.";
    /// The code that the states are of is not in the data folder.
    KEPT_CODE_MISSING = "kept-code-missing", Usage, "Put the library back under its name in `store/code` of the data folder.";
    /// A library in the data folder is not what it was.
    KEPT_CODE_CHANGED = "kept-code-changed", Usage, "Put the library back under its name in `store/code` of the data folder.";
    /// A block of the log is not what it was.
    LOG_UNREADABLE = "log-unreadable", Usage, "Put the data folder back from a copy; to begin anew without its states, start with another `--data-dir`.";
    /// A block of the log comes to another result than it did.
    REPLAY_REFUSED = "replay-refused", Internal, "Keep the data folder as it is, and report it with the log.";
    /// An upgrade of the log does not come to the end that it had.
    REPLAY_UPGRADE = "replay-upgrade", Internal, "Keep the data folder as it is, and report it with the log.";
    /// The data folder cannot be made or written.
    RUN_DATA_DIR = "run-data-dir", Usage, "Name another with `--data-dir`.";
    /// The descriptor on which the node is to say its steps is not open.
    RUN_ANNOUNCE = "run-announce", Usage, "Leave `--announce-steps` out: `refit chaos` uses it.";
    /// The node does not enter its sandbox.
    SANDBOX_NOT_ENTERED = "sandbox-not-entered", Usage, "Start it again; with `--sandbox=off` if you trust the code of its engines.";
    /// The sandbox is required, and this system enforces a part of it.
    SANDBOX_NOT_FULL = "sandbox-not-full", Usage, "Run the node on a newer kernel, or with `--sandbox=on`, which takes what the system has.";
    /// The process that starts what a confined node may not did not start.
    SANDBOX_NO_HELPER = "sandbox-no-helper", Usage, "Raise the limits of processes and of open files (`ulimit -u`, `ulimit -n`), and start the node again.";
    /// A part of the data folder lies outside of it, where a confined node does not reach.
    SANDBOX_LEADS_OUT = "sandbox-leads-out", Usage, "Remove it if you did not make it; else put the whole data folder on that disk and name it with `--data-dir`, or mount the disk there instead of the link; with `--sandbox=off` if you trust the code of its engines.";
    /// The node cannot restart with what it ran.
    RUN_NOT_KEPT = "run-not-kept", Internal, "See that the library is the one you want, and start the node again by hand.";
    /// The node cannot listen there.
    RUN_LISTEN = "run-listen", Usage, "Name another place with `--socket`, `--data-dir`, `--tcp` or `--probe-listen`.";
    /// The node had failed before it was asked to end.
    RUN_FAILED = "run-failed", Internal, "Its log says more; start it again.";
    /// The configuration file is not what it must be.
    CONFIG_INVALID = "config-invalid", Usage, "Correct or remove what is marked; `refit run --help` names the settings.";
    /// A file is where a new one would be written.
    CONFIG_FILE_THERE = "config-file-there", Usage, "Move the file away, or name another folder.";
    /// The path of an engine is not there.
    CONFIG_ENGINE_MISSING = "config-engine-missing", Usage, "Give the path of a library, or of a folder of source.";
    /// Others may read the file of the token.
    CONFIG_TOKEN_OPEN = "config-token-open", Usage, "Run `chmod 600` on it, and make a new token.";
    /// A node that listens on TCP needs a token.
    CONFIG_TOKEN_MISSING = "config-token-missing", Usage, "Make one, such as with `openssl rand -hex 32`, keep it in a file of mode 0600, and name it with `--token-file`.";
    /// The token is not one that can be used.
    CONFIG_TOKEN_INVALID = "config-token-invalid", Usage, "Give the one that the node has, or make a new one, such as with `openssl rand -hex 32`.";
    /// The address can be reached from other machines, and nothing on it is encrypted.
    CONFIG_BEYOND_LOOPBACK = "config-beyond-loopback", Usage, "Listen on 127.0.0.1 or [::1] and let a proxy or a tunnel lead there; or say `--tcp-beyond-loopback`.";
    /// No group of this machine has the name.
    CONFIG_GROUP_UNKNOWN = "config-group-unknown", Usage, "Name a group of /etc/group, or give its number.";
    /// No engine is named.
    CONFIG_NO_ENGINES = "config-no-engines", Usage, "Name one with `--engine NAME=PATH`, or with `[[engine]]` in the configuration file.";
    /// `--engine-config` names an engine that no `--engine` does.
    CONFIG_STRAY_CONFIG = "config-stray-config", Usage, "Name it with `--engine NAME=PATH` too.";
    /// A longest pause is set, and upgrades are not rehearsed.
    CONFIG_BOUND_WITHOUT_REHEARSAL = "config-bound-without-rehearsal", Usage, "Leave out the longest pause, or let upgrades be rehearsed.";
    /// The rules of the log are not understood.
    CONFIG_LOG = "config-log", Usage, "Give a level, such as `--log info`.";
}
