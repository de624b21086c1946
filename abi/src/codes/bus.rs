//! Codes of the upgrade bus, and the services of a handler.

super::codes! { ALL_BUS: "The upgrade bus", "Errors that a migration or a handler of upgrade messages gets from a call on the bus. A `?` makes a fault of one, which aborts the upgrade.";
    /// There is no engine of that id.
    BUS_UNKNOWN = "bus-unknown", TransitionFailed, "Check the id.";
    /// The new generation has no kind of that name.
    BUS_UNKNOWN_KIND = "bus-unknown-kind", TransitionFailed, "Add its library to the plan.";
    /// A transition asks the new state of an engine, and the engine's kind is not in `AFTER`.
    BUS_UNDECLARED_QUERY = "bus-undeclared-query", TransitionFailed, "Add the kind there, or read the old state.";
    /// A counted budget of the upgrade is spent.
    BUS_BUDGET_SPENT = "bus-budget-spent", TransitionFailed, "Let the transitions do less, or plan with a larger `--budget WHAT=COUNT`.";
    /// The engine is retired, stopped or poisoned.
    BUS_UNAVAILABLE = "bus-unavailable", TransitionFailed, "See `refit status`, or do without the engine.";
    /// The engine takes or gives another type there.
    BUS_SCHEMA = "bus-schema", TransitionFailed, "Mirror its types exactly, names included.";
    /// The other engine's own code returned a fault.
    BUS_FAULT = "bus-fault", TransitionFailed, "See the fault that it names.";
    /// The other engine's code panicked, or what it wrote cannot be read.
    BUS_FAILED = "bus-failed", TransitionFailed, "Mend that engine's code.";
    /// An engine of that name exists, or is started twice.
    BUS_TAKEN = "bus-taken", TransitionFailed, "Choose another name for the engine.";
    /// A handler of upgrade messages asked for a new state, which still changes.
    BUS_QUERY_IN_ROUND = "bus-query-in-round", TransitionFailed, "Use `read`, or a message.";
    /// No step leads back from the new state to the old one.
    NO_WAY_BACK = "no-way-back", TransitionFailed, "Write `impl MigrateBack`.";
    /// The step back from the new state panicked.
    WAY_BACK_PANICKED = "way-back-panicked", TransitionFailed, "Mend `MigrateBack`.";
    /// The step back made a state that cannot be written.
    OLD_STATE_NOT_WRITTEN = "old-state-not-written", TransitionFailed, "Mend what the old type's `#[state(serde)]` fields write.";
    /// The old state cannot be copied for a step that keeps what it does not change.
    OLD_STATE_DOES_NOT_COPY = "old-state-does-not-copy", TransitionFailed, "Mend the `Clone` of the field's type, or write the step by hand.";
}

super::codes! { ALL_HANDLER: "Inside a handler", "Errors that a handler gets from a service of the node. A `?` makes a fault of one, which the client gets.";
    /// The handler used up what one message may send, start or emit.
    BUDGET_SPENT = "budget-spent", Refused, "Do less for one message, or raise the parameter: `refit parameters show`.";
    /// The handler named an engine that is not there.
    UNKNOWN_ENGINE = "unknown-engine", Refused, "Check the id.";
    /// A value that the handler gave cannot be written.
    NOT_WRITTEN = "not-written", Refused, "Mend what its types write.";
    /// A value that the handler gave is nested too deep.
    TOO_DEEP = "too-deep", Refused, "Keep it flat.";
    /// The receiver takes another type.
    OTHER_SCHEMA = "other-schema", Refused, "Mirror its types exactly, names included.";
    /// The handler set a timer for a time that is over.
    TIME_PASSED = "time-passed", Refused, "Set it for a later block or time.";
    /// A text is no name or id of an engine.
    ENGINE_NAME = "engine-name", Usage, "See the rules in the message, and choose another.";
    /// A fault cannot be read.
    UNREADABLE_FAULT = "unreadable-fault", Refused, "Build the engine with this node's `refit-abi`.";
    /// The reply of a handler cannot be written.
    REPLY_NOT_WRITTEN = "reply-not-written", Refused, "Mend what its type writes.";
    /// The answer of a query cannot be written.
    ANSWER_NOT_WRITTEN = "answer-not-written", Refused, "Mend what its type writes.";
}
