//! Codes of messages, queries and orders.

super::codes! { ALL_MESSAGE: "Messages and queries", "Why a message or query was not carried out, or has no answer. An engine's own faults come with codes of the engine's making.";
    /// The engine does not take this message.
    MESSAGE_REJECTED = "message-rejected", Refused, "Send one that the engine takes: see its documentation.";
    /// The message was not carried out.
    MESSAGE_FAILED = "message-failed", Internal, "See the node's log.";
    /// The engine does not take this query.
    QUERY_REJECTED = "query-rejected", Refused, "Send one that the engine takes: see its documentation.";
    /// The query panicked; the state was only read.
    QUERY_FAILED = "query-failed", Internal, "See the node's log, and mend the engine.";
    /// The engine panicked on this message and takes no more.
    ENGINE_PANICKED = "engine-panicked", Refused, "On probation take the upgrade back with `refit upgrade rollback`, or keep it with `refit upgrade confirm`. Then bring back the state of before with `refit engine revive ENGINE`; or start it afresh with `refit engine restart ENGINE`, or with mended code: `refit upgrade plan KIND=PATH --restart KIND`.";
    /// The engine panicked on this message and goes on with its state as it was before.
    ENGINE_ROLLED_BACK = "engine-rolled-back", Refused, "Change the request, or bring a mended version.";
    /// The engine serves.
    ENGINE_NOT_POISONED = "engine-not-poisoned", NothingToDo, "See the engines with `refit status`.";
    /// The last good state of the engine cannot be had: the node keeps its blocks in memory, or not so far back.
    REVIVE_TOO_FAR = "revive-too-far", Refused, "Start it afresh with `refit engine restart ENGINE`.";
    /// No message poisoned the engine, but an upgrade: its state could not be settled.
    REVIVE_BY_UPGRADE = "revive-by-upgrade", Refused, "Take the upgrade back with `refit upgrade rollback`, or start the engine afresh.";
    /// The code has another state than when the engine was poisoned.
    REVIVE_OTHER_CODE = "revive-other-code", Refused, "Start it afresh with `refit engine restart ENGINE`.";
    /// The state is larger than one may be that comes back in a block.
    REVIVE_TOO_LARGE = "revive-too-large", Refused, "Start it afresh with `refit engine restart ENGINE`; or restore a snapshot of before.";
    /// Another revival, a trial or an upgrade is under way.
    REVIVE_UNDER_WAY = "revive-under-way", Busy, "Try again when it has ended.";
    /// The last good state was not found.
    REVIVE_FAILED = "revive-failed", Internal, "See the node's log; start the engine afresh with `refit engine restart ENGINE`.";
    /// There is no such engine.
    ENGINE_UNKNOWN = "engine-unknown", Refused, "See the engines with `refit status`.";
    /// The engine was stopped.
    ENGINE_STOPPED = "engine-stopped", Refused, "See the engines with `refit status`.";
    /// A call into an engine does not return; nothing else runs until it does.
    ENGINE_STUCK = "engine-stuck", NoAnswer, "See `refit status`; a node that stays so is ended with a second signal and started again.";
    /// As many messages wait for the engine as may.
    MAILBOX_FULL = "mailbox-full", Busy, "Send again later, with the same key.";
    /// The message was handled, and its reply is larger than a reply may be.
    REPLY_TOO_LARGE = "reply-too-large", Internal, "Do not send it again; mend the engine, so that it replies with less.";
    /// The message was handled, and there was no room for its reply.
    REPLY_LOST = "reply-lost", Internal, "Do not send it again; read the state with a query, and have fewer long replies on their way at once.";
    /// The answer is larger than an answer may be.
    ANSWER_TOO_LARGE = "answer-too-large", Refused, "Ask for less at a time.";
    /// The answer finds no room among those that clients have not taken yet.
    ANSWERS_FULL = "answers-full", Busy, "Ask again in a moment, or for less.";
    /// The message has no reply yet.
    NO_REPLY_YET = "no-reply-yet", NoAnswer, "Send the same request with the same key again: it is executed once.";
    /// The request has no answer in the time that a request may take; it may still come.
    NO_ANSWER_IN_TIME = "no-answer-in-time", NoAnswer, "Send it again, with the same key.";
    /// The outcome of the order is not known yet.
    ORDER_WAITS = "order-waits", NoAnswer, "Give it again with the same key; without one, look with `refit status` and `refit parameters show`.";
    /// The order was not carried out.
    ORDER_FAILED = "order-failed", Internal, "See the node's log.";
    /// The key was used for another request.
    KEY_USED = "key-used", Refused, "Send under another key: each has a larger number than the ones before.";
    /// The key is so old that the node has forgotten the outcome of its request.
    REQUEST_FORGOTTEN = "request-forgotten", Refused, "Read the state with a query, and go on with a larger sequence.";
    /// The node keeps keys of as many clients as it can.
    NAMES_FULL = "names-full", Busy, "Send under a name that the node keeps already, or without a key; a new name later.";
    /// As many requests of this client wait as may.
    KEYS_WAITING = "keys-waiting", Busy, "Wait for the replies, and send again with the same key.";
    /// As many requests wait for the outcome of an earlier one as may.
    REPEATS_FULL = "repeats-full", Busy, "Send again later, with the same key.";
    /// As many messages wait for a block as may.
    QUEUE_FULL = "queue-full", Busy, "Send again later.";
    /// This node follows blocks that another makes.
    BLOCKS_FIXED = "blocks-fixed", Refused, "Send to the node that makes the blocks.";
    /// The state is larger than a captured one may be.
    STATE_TOO_LARGE = "state-too-large", Refused, "Capture an engine with a smaller state.";
    /// The state cannot be written.
    STATE_NOT_ENCODED = "state-not-encoded", Internal, "Mend what the engine's `#[state(serde)]` fields write; the engine goes on.";
    /// The node was too busy to write the state in time.
    NO_STATE_YET = "no-state-yet", NoAnswer, "Ask again when the node has less to do.";
    /// The events that were asked for are no longer kept.
    EVENTS_FORGOTTEN = "events-forgotten", Refused, "Take all that are kept with `refit events --all`.";
    /// The node has not come to that event: it is another node's, or of a former life of this one.
    EVENT_AHEAD = "event-ahead", Refused, "Take all that are kept with `refit events --all`.";
    /// The change of parameters names nothing.
    PARAMETERS_NONE = "parameters-none", NothingToDo, "Name what to set: `refit parameters set NAME=VALUE`.";
    /// A parameter is set beyond its bounds.
    PARAMETER_BEYOND = "parameter-beyond", Usage, "See the names and bounds with `refit parameters show`.";
    /// There is no parameter of that name.
    PARAMETER_UNKNOWN = "parameter-unknown", Usage, "See the names and bounds with `refit parameters show`.";
    /// A grant names no engine kind.
    GRANT_OF_NO_KIND = "grant-of-no-kind", Usage, "Name the kind that gets it.";
    /// The bytes are no parameters.
    PARAMETERS_MALFORMED = "parameters-malformed", Usage, "Write them anew with this program.";
    /// There are more bytes than parameters may have.
    PARAMETERS_TOO_LARGE = "parameters-too-large", Usage, "Grant less at once.";
}
