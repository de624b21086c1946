//! Codes of what `refit doctor` finds in a data folder, beside those that a start would end with.

super::codes! { ALL_DOCTOR: "What `refit doctor` finds", "Findings in a data folder, beside the errors that a start would end with. Those without an exit are as they should be, or worth knowing.";
    /// A finding is a warning or a fault.
    DOCTOR_FOUND = "doctor-found", Found, "Do what stands beside the worst finding, and ask `refit doctor` again.";
    /// There is no data folder, or nothing of a node is in it.
    FOLDER_NONE = "folder-none", Found, "Name the folder with `--data-dir`, or begin one with `refit run`.";
    /// No node uses the data folder.
    FOLDER_FREE = "folder-free", Done, "Start a node on it with `refit run`.";
    /// The process that names itself as the folder's user is gone, and its lock is held.
    FOLDER_HELD = "folder-held", Found, "Look for a process that it has started: `fuser node.lock` in the folder.";
    /// Others than its user may enter the data folder.
    FOLDER_OPEN = "folder-open", Found, "Run `chmod 700` on it: states and messages are in it.";
    /// This user may not write in the data folder.
    FOLDER_RIGHTS = "folder-rights", Found, "Run the node, and this command, as the user whose folder it is.";
    /// A file in the data folder is needed by nothing.
    FOLDER_STRAY = "folder-stray", Done, "Nothing: a node removes it, or writes it anew.";
    /// A node runs on the data folder, and answers.
    NODE_SERVES = "node-serves", Done, "Ask it with `refit status`.";
    /// The disk has room.
    DISK_ROOM = "disk-room", Done, "Nothing.";
    /// The quarantine list can be read.
    QUARANTINE_LIST = "quarantine-list", Done, "See `refit upgrade quarantine` on a node that runs.";
    /// The store can be read.
    STORE_SOUND = "store-sound", Done, "Nothing.";
    /// There is no store: no chain has begun here, or it was kept in memory.
    STORE_NONE = "store-none", Done, "Start a node on it with `refit run`.";
    /// The blocks of the log follow each other.
    LOG_SOUND = "log-sound", Done, "Nothing.";
    /// A checkpoint is whole.
    CHECKPOINT_SOUND = "checkpoint-sound", Done, "Nothing.";
    /// A checkpoint is damaged, and an older one is whole.
    CHECKPOINT_DAMAGED = "checkpoint-damaged", Found, "Look for the cause in the system's log for the disk, and start the node: it takes the older one, and executes more blocks again.";
    /// A start executes blocks again.
    REPLAY_DUE = "replay-due", Done, "Nothing.";
    /// A start has ended while it executed the last block again.
    BLOCK_TRIED = "block-tried", Found, "Start the node once more, and see its log for the engine.";
    /// A block was taken out of the log.
    BLOCK_ASIDE = "block-aside", Done, "Nothing: its messages have not happened.";
    /// The log says that an upgrade was committed which no checkpoint has.
    UPGRADE_AGAIN = "upgrade-again", Done, "Nothing: the next start makes it again.";
    /// An upgrade was armed, and no block says that it happened.
    UPGRADE_UNDECIDED = "upgrade-undecided", Done, "Start the node, which takes it up or gives it up as the finding says.";
    /// The code that the next start comes to.
    RELEASE_LIVE = "release-live", Done, "Nothing.";
    /// The configuration is of the folder's chain, and names code that a start takes.
    CONFIG_SAME = "config-same", Done, "Nothing.";
    /// The configuration names source, which is built before a start knows whether it is the same code.
    CONFIG_SOURCE = "config-source", Done, "Start the node: it compares what it has built.";
}
