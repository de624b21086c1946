//! Codes of applying an upgrade.

super::codes! { ALL_UPGRADE: "Applying an upgrade", "Why an upgrade is not taken on, refused, or aborted. The generation that ran goes on.";
    /// Another upgrade is under way.
    UPGRADE_UNDER_WAY = "upgrade-under-way", Busy, "Wait for its end with `refit upgrade status ID`, or take it back with `refit upgrade cancel ID`.";
    /// The generation of the upgrade before can still be taken back.
    ON_PROBATION = "on-probation", Busy, "Make it permanent with `refit upgrade confirm`, take it back with `refit upgrade rollback`, or wait for the block that `refit status` names.";
    /// The generation is permanent, or of another upgrade.
    NOT_ON_PROBATION = "not-on-probation", Refused, "See with `refit status` whether one is; the way back from a permanent one is forward: a plan with the code of before.";
    /// What taking it back needs is not there.
    ROLLBACK_IMPOSSIBLE = "rollback-impossible", Refused, "The way back is forward: make a plan with the code of before.";
    /// The generation is being taken back.
    ROLLBACK_UNDER_WAY = "rollback-under-way", Busy, "Ask again in a moment.";
    /// The node did not serve again in time after it was taken back.
    ROLLBACK_NOT_BACK = "rollback-not-back", NoAnswer, "See it with `refit status`, and its log; a start carries out what is left of it.";
    /// What taking the generation back would come to is being tried.
    ROLLBACK_CHECK_UNDER_WAY = "rollback-check-under-way", Busy, "Try again when it has ended.";
    /// The trial of a roll-back does not come to an end.
    ROLLBACK_CHECK_FAILED = "rollback-check-failed", TransitionFailed, "See the node's log; a roll-back itself may do no better.";
    /// An engine panicked while its generation was on probation.
    PROBATION_PANIC = "probation-panic", TransitionFailed, "Mend the engine before you bring its code again.";
    /// At the end of its probation a state of the generation did not pass its check.
    PROBATION_CHECK = "probation-check", TransitionFailed, "Mend the engine before you bring its code again.";
    /// Replies are held back, and the generation on probation does not become permanent by itself.
    REPLIES_UNDECIDED = "replies-undecided", TransitionFailed, "Take the generation back with `refit upgrade rollback`, or make it permanent with `refit upgrade confirm`.";
    /// The upgrade was committed, and taken back by an operator.
    ROLLBACK_ORDERED = "rollback-ordered", TransitionFailed, "The generation of before goes on; mend the code before you bring it again.";
    /// The node has ended each time it tried the upgrade.
    UPGRADE_CRASHED = "upgrade-crashed", TransitionFailed, "See the node's log for the engine; mend it before you bring its code again.";
    /// The upgrade was taken back.
    UPGRADE_CANCELLED = "upgrade-cancelled", Refused, "No code was replaced; plan again when it is time.";
    /// The upgrade had ended before it could be taken back.
    UPGRADE_ENDED = "upgrade-ended", Refused, "See its outcome with `refit upgrade status ID`.";
    /// A plan was taken on under this key, and the node keeps no report of its upgrade.
    UPGRADE_FORGOTTEN = "upgrade-forgotten", Refused, "The node does not take it on again; see the upgrades that are kept with `refit upgrade history`.";
    /// What a start after a crash needs of the upgrade could not be written down.
    UPGRADE_NOT_RECORDED = "upgrade-not-recorded", Refused, "Make room on the disk of the data folder, and apply the plan again.";
    /// The upgrade ended and left no verdict.
    UPGRADE_LOST = "upgrade-lost", TransitionFailed, "See the node's log, and apply the plan again.";
    /// The node's own code panicked in the upgrade.
    UPGRADE_PANICKED = "upgrade-panicked", Internal, "The node goes on; please report it with the log.";
    /// The upgrade did not end in the time that was given.
    UPGRADE_UNFINISHED = "upgrade-unfinished", NoAnswer, "Follow it with `refit upgrade status ID --follow`.";
    /// A signal ended the command while the upgrade was under way; it goes on.
    UPGRADE_INTERRUPTED = "upgrade-interrupted", Interrupted, "Follow it with `refit upgrade status ID --follow`, or take it back with `refit upgrade cancel ID`.";
    /// The node restarted during the upgrade, with the code from before.
    UPGRADE_NODE_RESTARTED = "upgrade-node-restarted", TransitionFailed, "See why with `refit upgrade quarantine` and in the node's log.";
    /// The upgrade is at its update point and can no longer be taken back.
    GATE_CLOSED = "gate-closed", Refused, "See its outcome with `refit upgrade status ID`; to bring older code back, make a plan for it.";
    /// The code is in quarantine: its transition once did not return.
    RELEASE_QUARANTINED = "release-quarantined", Refused, "Bring a mended build; to try this one again, `refit upgrade quarantine --clear ARTIFACT`.";
    /// No such code is in quarantine.
    NOT_QUARANTINED = "not-quarantined", NothingToDo, "See the list with `refit upgrade quarantine`.";
    /// What is named could be several artifacts in quarantine.
    QUARANTINE_SEVERAL = "quarantine-several", Usage, "Give more of the artifact's digits; `refit upgrade quarantine --json` shows all of them.";
    /// The rehearsal took a longer pause than is acceptable.
    PAUSE_TOO_LONG = "pause-too-long", Refused, "Bring fewer engines at once, write a migration that touches fewer fields, or accept a longer pause with `--max-pause`.";
    /// A longest pause is set, and the upgrade is not rehearsed.
    PAUSE_NOT_REHEARSED = "pause-not-rehearsed", Refused, "Let it be rehearsed, or leave out the bound.";
    /// A transition did not return in the pause.
    PAUSE_STUCK = "pause-stuck", TransitionFailed, "The code is in quarantine; mend the migration.";
    /// Threads of earlier generations do not end.
    CREWS_LINGER = "crews-linger", Refused, "Restart the node, with engines whose thread-local values have destructors that return.";
    /// The system starts no more threads.
    NO_THREADS = "no-threads", Internal, "Raise the limit of processes (`ulimit -u`), or set fewer workers.";
    /// The node's own code panicked while it prepared the upgrade.
    ARMING_PANICKED = "arming-panicked", Internal, "The node goes on; please report it with the log.";
    /// The default of a new field cannot be made.
    DEFAULT_FAILED = "default-failed", TransitionFailed, "Mend the default; the node is unchanged.";
    /// The upgrade was withdrawn before its update point.
    WITHDRAWN = "withdrawn", Refused, "Apply the plan again when ready.";
    /// Another generation went live since the upgrade was prepared.
    OVERTAKEN = "overtaken", Refused, "Plan again: `refit upgrade plan … --out plan.json`.";
    /// The states of the upgrade before were still being settled, and blocks waited.
    SWEEP_TOO_LONG = "sweep-too-long", Busy, "Apply the plan again later, or start the node with a longer `--pause-limit`.";
    /// The migration of an engine returned a fault.
    TRANSITION_FAILED = "transition-failed", TransitionFailed, "Mend the migration and plan again.";
    /// The migration of an engine panicked.
    TRANSITION_PANICKED = "transition-panicked", TransitionFailed, "Mend the migration and plan again.";
    /// The function over the whole snapshot returned a fault.
    SNAPSHOT_FUNCTION_FAILED = "snapshot-function-failed", TransitionFailed, "Mend the function and plan again.";
    /// The function over the whole snapshot panicked.
    SNAPSHOT_FUNCTION_PANICKED = "snapshot-function-panicked", TransitionFailed, "Mend the function and plan again.";
    /// The function over the whole snapshot gave back engines or states that it must not.
    SNAPSHOT_FUNCTION_RESULT = "snapshot-function-result", TransitionFailed, "Mend the function, as `abi/README.md` says what it gives back, and plan again.";
    /// The plan is for a node that stops for it, and this one would not go on behind its last block.
    OFFLINE_REFUSED = "offline-refused", Refused, "Take a snapshot, upgrade that with `refit snapshot migrate`, and restore it.";
    /// The plan is for a node that stops for it, and `max_downtime = 0` says that this one does not.
    DOWNTIME_REFUSED = "downtime-refused", Refused, "Allow some with `max_downtime`, or upgrade a snapshot with `refit snapshot migrate`.";
    /// The node would not serve for longer than `max_downtime`.
    DOWNTIME_TOO_LONG = "downtime-too-long", Refused, "Accept more with `max_downtime`, or upgrade a snapshot with `refit snapshot migrate`.";
    /// `max_downtime` bounds the time without service, and the upgrade is not rehearsed.
    DOWNTIME_NOT_REHEARSED = "downtime-not-rehearsed", Refused, "Apply the plan without `--no-rehearsal`, or start the node with another `max_downtime`.";
    /// A new state does not pass its own check.
    CHECK_FAILED = "check-failed", TransitionFailed, "Mend the migration, or the check.";
    /// An engine does not start afresh: its `init` failed.
    RESTART_FAILED = "restart-failed", TransitionFailed, "Let `init` accept the old configuration, or write a migration.";
    /// The code that runs does not take the engine's configuration.
    RESTART_CONFIGURATION = "restart-configuration", Refused, "Bring code that takes it: `refit upgrade plan KIND=PATH`.";
    /// A waiting message is of a type that the new code does not take.
    QUEUED_MESSAGE_NOT_ACCEPTED = "queued-message-not-accepted", TransitionFailed, "Write `impl MigrateMessage` for the older message, or plan with `--dead-letters KIND`.";
    /// A handler of upgrade messages returned a fault.
    UPGRADE_MESSAGE_FAILED = "upgrade-message-failed", TransitionFailed, "Mend the engine's migration and plan again.";
    /// A handler of upgrade messages panicked.
    UPGRADE_MESSAGE_PANICKED = "upgrade-message-panicked", TransitionFailed, "Mend the engine's migration and plan again.";
    /// An upgrade message is for an engine that is not there.
    UPGRADE_MESSAGE_UNKNOWN = "upgrade-message-unknown", TransitionFailed, "Let the migration check that the receiver is there, and plan again.";
    /// An upgrade message is for an engine that is retired.
    UPGRADE_MESSAGE_RETIRED = "upgrade-message-retired", TransitionFailed, "Let the migration check that the receiver is there, and plan again.";
    /// An upgrade message is for an engine that is poisoned.
    UPGRADE_MESSAGE_POISONED = "upgrade-message-poisoned", TransitionFailed, "Let the migration check that the receiver is there, and plan again.";
    /// An upgrade message finds no room with its receiver.
    UPGRADE_MESSAGE_FULL = "upgrade-message-full", TransitionFailed, "Apply the plan again when fewer messages wait, or send fewer.";
    /// An upgrade message is of a type that its receiver does not take.
    UPGRADE_MESSAGE_SCHEMA = "upgrade-message-schema", TransitionFailed, "Send the receiver's own upgrade message, or its ordinary one if it takes none.";
    /// An upgrade message cannot be read by its receiver.
    UPGRADE_MESSAGE_UNREADABLE = "upgrade-message-unreadable", TransitionFailed, "Mirror the receiver's type exactly, names included.";
    /// An engine would be poisoned by what is settled after the upgrade.
    SETTLING_FAILED = "settling-failed", TransitionFailed, "Mend the engine's migration and plan again.";
    /// A state cannot be read from its bytes.
    STATE_NOT_READ = "state-not-read", TransitionFailed, "Mend what the engine's `#[state(serde)]` fields write and read.";
    /// A state cannot be written as bytes.
    STATE_NOT_WRITTEN = "state-not-written", TransitionFailed, "Mend what the engine's `#[state(serde)]` fields write and read.";
    /// A state reads back from its bytes as another one.
    STATE_NOT_READ_BACK = "state-not-read-back", TransitionFailed, "Mend what the engine's `#[state(serde)]` fields write and read.";
    /// A state is written in another order each time: it holds a value without an order.
    STATE_WITHOUT_ORDER = "state-without-order", TransitionFailed, "Use `BTreeMap` and `BTreeSet` in states.";
    /// A state is nested too deep to be copied.
    STATE_TOO_DEEP = "state-too-deep", TransitionFailed, "Keep the data of a recursive type flat, such as a `BTreeMap` of entries that name each other by number.";
    /// The bytes of a state leave out a part of it.
    STATE_INCOMPLETE = "state-incomplete", TransitionFailed, "Look at the serde attributes of the types behind `#[state(serde)]`: one with `skip_serializing_if` cannot be part of a state.";
    /// A state cannot be copied.
    STATE_NOT_COPIED = "state-not-copied", TransitionFailed, "Mend what the engine's `#[state(serde)]` fields write and read.";
}
