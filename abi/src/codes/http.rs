//! Codes of requests to a node's interface.

super::codes! { ALL_HTTP: "The node's interface", "Why the node refuses a request, whatever the request is about.";
    /// As many requests are under way as the node takes at once.
    TOO_BUSY = "too-busy", Busy, "Send it again, with the same key.";
    /// The node has more work waiting than it keeps.
    OVERLOADED = "overloaded", Busy, "Send again later.";
    /// The node did not answer in time: it is busy with a block, a state copy or a pause.
    NODE_BUSY = "node-busy", Busy, "Ask again; if it stays so, see the node's log.";
    /// The node starts its engines.
    NODE_STARTING = "node-starting", Busy, "Ask again in a moment; if it stays so, see the node's log.";
    /// The node is stopping.
    NODE_STOPPING = "node-stopping", NoAnswer, "Send it again when the node is there again.";
    /// The node executes no more blocks.
    NODE_ENDED = "node-ended", NoAnswer, "See its log; start it again.";
    /// The node has failed and executes no more blocks.
    NODE_FAILED = "node-failed", NoAnswer, "See its log; end it, and start it again.";
    /// The node refused a decided block and goes no further.
    NODE_HALTED = "node-halted", NoAnswer, "See `refit status` for which block and why.";
    /// The disk of the data folder has no room for new messages; queries are answered.
    DISK_FULL = "disk-full", Busy, "Make room on the disk of the data folder; the node goes on by itself.";
    /// Clients send as many bytes as the node takes at once.
    BODIES_FULL = "bodies-full", Busy, "Send the request again in a moment.";
    /// The body is longer than a body may be.
    BODY_TOO_LARGE = "body-too-large", Usage, "Send less at once, in several requests.";
    /// The body did not come in time.
    BODY_TOO_SLOW = "body-too-slow", NoAnswer, "Send the request again, its body at once.";
    /// The body did not arrive whole.
    BODY_BROKEN = "body-broken", NoAnswer, "Send the request again.";
    /// The request takes no body.
    BODY_NOT_EMPTY = "body-not-empty", Usage, "Send it without one.";
    /// The body is not said to be JSON.
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", Usage, "Send `Content-Type: application/json`.";
    /// The body is no JSON.
    INVALID_JSON = "invalid-json", Usage, "Correct the JSON text and send it again.";
    /// A line of a batch is not what it must be.
    INVALID_LINE = "invalid-line", Usage, "Correct it, and send the line again.";
    /// The text is no id of an engine.
    INVALID_ENGINE_ID = "invalid-engine-id", Usage, "See the ids with `refit status`.";
    /// The text is no key.
    INVALID_IDEMPOTENCY_KEY = "invalid-idempotency-key", Usage, "Write CLIENT/SEQUENCE, such as `ada/17`, or leave the key out.";
    /// The events are asked for in a way that is not understood.
    INVALID_EVENT_QUERY = "invalid-event-query", Usage, "See `refit events --help`.";
    /// The text is no name of an artifact.
    INVALID_ARTIFACT = "invalid-artifact", Usage, "Name it by its hexadecimal digits, as `refit upgrade quarantine` shows them.";
    /// The change of parameters is not what it must be.
    INVALID_PARAMETERS = "invalid-parameters", Usage, "See the names and bounds with `refit parameters show`.";
    /// The longest pause is not a number of microseconds.
    INVALID_MAX_PAUSE = "invalid-max-pause", Usage, "Give it as `--max-pause`.";
    /// The value for the rehearsal is neither `on` nor `off`.
    INVALID_REHEARSAL = "invalid-rehearsal", Usage, "Give `off`, or leave it out.";
    /// The wait for the rehearsal is not within its bounds.
    INVALID_REHEARSAL_WAIT = "invalid-rehearsal-wait", Usage, "Give a wait within the bounds that are named, or apply with `--no-rehearsal`.";
    /// The snapshot is asked for in a way that is not understood.
    INVALID_SNAPSHOT_QUERY = "invalid-snapshot-query", Usage, "Ask for `/v1/snapshot`, or for `/v1/snapshot?code=embed`.";
    /// Code is handed over in a way that is not understood.
    INVALID_CODE_QUERY = "invalid-code-query", Usage, "Post the bytes of a library to `/v1/code?from=PATH`.";
    /// Code that was handed over cannot be kept until a plan brings it.
    CODE_NOT_TAKEN = "code-not-taken", NoAnswer, "See that there is space on the disk of the node's data folder, and try again.";
    /// The process that starts children for a confined node has ended.
    NO_HELPER = "no-helper", NoAnswer, "End the node and start it again: nothing is lost with that.";
    /// The text is not the number of an upgrade.
    INVALID_UPGRADE_ID = "invalid-upgrade-id", Usage, "See the numbers with `refit upgrade history`.";
    /// The node knows no such upgrade.
    UNKNOWN_UPGRADE = "unknown-upgrade", Refused, "See those it knows with `refit upgrade history`.";
    /// The node has no such path.
    UNKNOWN_ROUTE = "unknown-route", Usage, "See the paths in runtime/README.md.";
    /// The path does not take that method.
    METHOD_NOT_ALLOWED = "method-not-allowed", Usage, "Use a method that the header `Allow` names.";
    /// The token is missing or wrong.
    UNAUTHORISED = "unauthorised", Refused, "Present the token of the file that the node was started with.";
    /// The request names another host than this listener.
    HOST_REFUSED = "host-refused", Refused, "Ask for the listener's own name, or start the node with `--allow-host HOST`.";
    /// The request comes from a page of another origin.
    ORIGIN_REFUSED = "origin-refused", Refused, "Ask for the listener's own name, or start the node with `--allow-host HOST`.";
    /// A header is given twice, or is no ASCII text.
    HEADER_REFUSED = "header-refused", Usage, "Send the header once, in ASCII.";
    /// As many clients read events as one listener takes.
    TOO_MANY_READERS = "too-many-readers", Busy, "End one of them, or come again later.";
    /// No line of the batch came for a while.
    BATCH_IDLE = "batch-idle", NoAnswer, "Begin another batch when there is something to send.";
    /// The answers of the batch were not taken while others waited.
    BATCH_SLOW = "batch-slow", NoAnswer, "Send the lines without an answer again, with the same keys, and read the answers as they come.";
    /// The node's own code failed.
    INTERNAL = "internal", Internal, "See the log of the node.";
}
