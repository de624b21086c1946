//! Codes of rehearsing an upgrade, and copies of the states.

super::codes! { ALL_REHEARSAL: "Rehearsing an upgrade", "A rehearsal runs the upgrade in a process of its own, on a copy of the states. Nothing of it reaches the node.";
    /// The node was started without rehearsals.
    REHEARSAL_OFF = "rehearsal-off", Refused, "Start it without `--no-rehearsal`, or plan with `--no-rehearsal`.";
    /// Another plan is being rehearsed.
    REHEARSAL_UNDER_WAY = "rehearsal-under-way", Busy, "Try again when it has ended.";
    /// The process of the rehearsal did not start.
    REHEARSAL_NOT_STARTED = "rehearsal-not-started", Internal, "Give the machine room for processes, or install the node's program whole.";
    /// The states are too large to be copied for a rehearsal.
    REHEARSAL_TOO_LARGE = "rehearsal-too-large", Refused, "Plan and apply with `--no-rehearsal`.";
    /// The system gives the node no process that copies its states.
    REHEARSAL_NO_FORK = "rehearsal-no-fork", Internal, "Raise the limit of processes, or free memory on the machine, and try again.";
    /// The copy of the states ended by a crash.
    REHEARSAL_COPY_ENDED = "rehearsal-copy-ended", TransitionFailed, "Mend what the engine's state writes of itself: this would have ended the node at its next copy.";
    /// The node was too busy to copy its states in time.
    REHEARSAL_NO_IMAGE = "rehearsal-no-image", Busy, "Try again; see the node's log if it stays.";
    /// The rehearsal cannot be described to its process.
    REHEARSAL_NOT_DESCRIBED = "rehearsal-not-described", Internal, "Try again; see the node's log if it stays.";
    /// The rehearsal did not end in time and was killed.
    REHEARSAL_TIMEOUT = "rehearsal-timeout", TransitionFailed, "Mend the migration if it loops; if it only takes long, plan with `--no-rehearsal` and apply with a longer `--rehearsal-wait`.";
    /// The rehearsal is not wanted any more.
    REHEARSAL_CALLED_OFF = "rehearsal-called-off", Refused, "Plan again.";
    /// The rehearsal needed more memory than it may have.
    REHEARSAL_MEMORY = "rehearsal-memory", TransitionFailed, "Mend the migration if it allocates without end; else plan and apply with `--no-rehearsal`, or run the node with a larger `--rehearsal-memory`.";
    /// The system killed the rehearsal, most likely for want of memory.
    REHEARSAL_KILLED = "rehearsal-killed", Internal, "Free memory on the machine, or give the node a smaller `--rehearsal-memory`, and try again.";
    /// The rehearsal crashed.
    REHEARSAL_CRASHED = "rehearsal-crashed", TransitionFailed, "Mend the migration: this would have ended the node.";
    /// A new state points into the old code, which is unmapped after the upgrade.
    REHEARSAL_OLD_CODE = "rehearsal-old-code", TransitionFailed, "Keep no `&'static` text, function pointer or empty `HashMap` in the state, or mark the field `#[state(serde)]`.";
    /// Another generation went live while the upgrade was rehearsed.
    REHEARSAL_OVERTAKEN = "rehearsal-overtaken", Refused, "Plan again.";
    /// The rehearsal printed something that is not its report.
    REHEARSAL_NOT_UNDERSTOOD = "rehearsal-not-understood", Internal, "Install the node's program whole, and do not replace it while it runs.";
    /// The program of the rehearsal has another interface than this node.
    REHEARSAL_WRONG_PROGRAM = "rehearsal-wrong-program", Internal, "Install the node's program whole, and do not replace it while it runs.";
    /// The upgrade made another state when it ran again on the same one.
    REHEARSAL_DIFFERS = "rehearsal-differs", TransitionFailed, "Mend the migration: no clock, no random numbers, no order of a hash map.";
    /// The rehearsal cannot be done.
    REHEARSAL_UNABLE = "rehearsal-unable", Internal, "Check the process and memory limits of the node, then try again.";
    /// The rehearsal's orders did not arrive whole.
    REHEARSAL_CUT = "rehearsal-cut", Internal, "See the log of the node, then try again.";
    /// A transition asks an engine whose state was not copied; the node then rehearses with all states.
    REHEARSAL_NEEDS_ALL_STATES = "rehearsal-needs-all-states", Internal, "Nothing: the node does it.";
    /// A copy of the states has a format that this program does not read.
    IMAGE_FORMAT = "image-format", Internal, "Read it with the program that wrote it.";
    /// A copy of the states has a state of an engine that has another place.
    IMAGE_STATE_ELSEWHERE = "image-state-elsewhere", Internal, "Take the copy again with this node's code.";
    /// A copy of the states is of another node or moment.
    IMAGE_OTHER_STATE = "image-other-state", Internal, "Take the copy again with this node's code.";
    /// A copy of the states has an engine of a kind that is not there.
    IMAGE_UNKNOWN_KIND = "image-unknown-kind", Internal, "Take the copy again with this node's code.";
    /// A copy of the states has a message without a cause.
    IMAGE_NO_CAUSE = "image-no-cause", Internal, "Take the copy again with this node's code.";
    /// A copy of the states has an engine twice.
    IMAGE_ENGINE_TWICE = "image-engine-twice", Internal, "Take the copy again with this node's code.";
    /// A copy of the states would be larger than it may be.
    IMAGE_TOO_LARGE = "image-too-large", Refused, "Allow a larger copy.";
    /// A copy of the states cannot be written.
    IMAGE_NOT_WRITTEN = "image-not-written", Internal, "See whether its reader has ended, and take the copy again.";
    /// A copy of the states cannot be read.
    IMAGE_NOT_READ = "image-not-read", Internal, "See why its writer has ended, and take the copy again.";
    /// The bytes are no copy of states.
    IMAGE_NONE = "image-none", Internal, "Take the copy again with this node's code.";
    /// A copy of the states is cut short.
    IMAGE_CUT = "image-cut", Internal, "See why its writer has ended, and take the copy again.";
    /// A part of a copy of the states is not what it should be.
    IMAGE_MALFORMED = "image-malformed", Internal, "Take the copy again with this node's code.";
    /// The parts of a copy of the states are not in their order.
    IMAGE_ORDER = "image-order", Internal, "Take the copy again with this node's code.";
    /// A part of a copy of the states is larger than a part may be.
    IMAGE_PART_TOO_LARGE = "image-part-too-large", Internal, "Take the copy again with this node's code.";
    /// A copy of the states has another number of parts than it says.
    IMAGE_COUNT = "image-count", Internal, "Take the copy again with this node's code.";
    /// A copy of the states is not what was written.
    IMAGE_DAMAGED = "image-damaged", Internal, "Take the copy again with this node's code.";
}
