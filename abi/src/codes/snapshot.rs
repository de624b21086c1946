//! Codes of snapshots.

super::codes! { ALL_SNAPSHOT: "Snapshots", "Why a snapshot is not taken, read or restored. Nothing is changed then.";
    /// The file is no snapshot.
    SNAPSHOT_NONE = "snapshot-none", Usage, "Name a file that `refit snapshot create` wrote.";
    /// The snapshot is of a form that this program does not read.
    SNAPSHOT_FORMAT = "snapshot-format", Usage, "Use the release of refit that wrote it, or a newer one.";
    /// The snapshot is cut short.
    SNAPSHOT_CUT = "snapshot-cut", Usage, "Take another copy of it, or an older snapshot.";
    /// Bytes of the snapshot are not those that were written.
    SNAPSHOT_DAMAGED = "snapshot-damaged", Usage, "Take another copy of it, or an older snapshot.";
    /// The records of the snapshot do not belong together.
    SNAPSHOT_CONTENT = "snapshot-content", Usage, "Take the snapshot again; if it stays so, this is a defect in refit.";
    /// The snapshot, or an engine in it, is larger than can be read.
    SNAPSHOT_TOO_LARGE = "snapshot-too-large", Refused, "Keep less in one engine.";
    /// The file cannot be read.
    SNAPSHOT_UNREADABLE = "snapshot-unreadable", Usage, "Name a file that you may read.";
    /// The snapshot cannot be written.
    SNAPSHOT_UNWRITTEN = "snapshot-unwritten", Internal, "Make room where it is written, and take it again.";
    /// Another snapshot of the node is under way.
    SNAPSHOT_UNDER_WAY = "snapshot-under-way", Busy, "Take one when that has ended.";
    /// The copy of the states was not made.
    SNAPSHOT_NOT_TAKEN = "snapshot-not-taken", Busy, "Take it again; if it stays so, see the node's log.";
    /// The snapshot has no such engine.
    SNAPSHOT_NO_ENGINE = "snapshot-no-engine", Usage, "See its engines with `refit snapshot inspect FILE`.";
    /// The engine's state is not in the snapshot: it was poisoned.
    SNAPSHOT_NO_STATE = "snapshot-no-state", Refused, "Take an older snapshot, in which the engine serves.";
    /// The data folder has a chain already.
    SNAPSHOT_CHAIN_THERE = "snapshot-chain-there", Refused, "Restore into a new folder with `--data-dir`, or move this one away.";
    /// A restore into the data folder has not come to its end.
    RESTORE_UNFINISHED = "restore-unfinished", Refused, "Restore the snapshot again with `refit snapshot restore`: it goes on in this folder; to begin without it, start with another `--data-dir`.";
    /// The snapshot has a keyset, and nothing that the operator trusts says that it is the right one.
    SNAPSHOT_KEYSET_UNTRUSTED = "snapshot-keyset-untrusted", Untrusted, "Compare its id with what the authority itself publishes, and name it with `--trust-keyset ID`, or a keyset that leads to it with `keyset` in the configuration.";
    /// The plan is for another height than the snapshot's.
    SNAPSHOT_OTHER_HEIGHT = "snapshot-other-height", PlanRefused, "Take the snapshot after that block, or name the new code with `--engine KIND=PATH`.";
    /// A library that the states are of is neither in the snapshot nor named.
    SNAPSHOT_CODE_MISSING = "snapshot-code-missing", Usage, "Name it with `--library KIND=PATH`, or take the snapshot with `--with-code`.";
    /// A library is another one than the states are of.
    SNAPSHOT_OTHER_CODE = "snapshot-other-code", Usage, "Name the very file that the node ran; its hash is in `refit snapshot inspect FILE`.";
}
