//! Codes of the command line.

super::codes! { ALL_CLI: "The command line", "Errors of a command's own work, outside of the node.";
    /// No node answers at that address.
    NODE_UNREACHABLE = "node-unreachable", NoAnswer, "Start one with `refit run`, or name another with `--node`.";
    /// The node broke off its answer.
    NODE_BROKE_OFF = "node-broke-off", NoAnswer, "See whether it still runs with `refit status`.";
    /// The node does not answer in time.
    NODE_NO_ANSWER = "node-no-answer", NoAnswer, "See its state with `refit status`; send a message or an order again with the same key.";
    /// The node's answer is longer than this command takes.
    NODE_ANSWER_TOO_LARGE = "node-answer-too-large", Internal, "Ask for less.";
    /// The node's answer is not understood.
    NODE_NOT_UNDERSTOOD = "node-not-understood", Internal, "See that a Refit node of this version listens there: `refit --version`.";
    /// The request cannot be written.
    NODE_REQUEST = "node-request", Internal, "See that the token is plain text.";
    /// The node has ended its events.
    NODE_EVENTS_ENDED = "node-events-ended", NoAnswer, "See whether it still runs with `refit status`; go on with `refit events --after ID`.";
    /// Lines of the batch were refused.
    NODE_LINES_REFUSED = "node-lines-refused", Refused, "Correct what they name, and send those lines again.";
    /// The text is no JSON.
    INPUT_NOT_JSON = "input-not-json", Usage, "Correct what is marked, and quote the whole text for the shell.";
    /// The standard input cannot be read.
    INPUT_UNREADABLE = "input-unreadable", Usage, "Give the JSON in the command instead of `-`.";
    /// A name is given twice.
    INPUT_TWICE = "input-twice", Usage, "Name it once, with the value that is meant.";
    /// No engine or no message is named.
    INPUT_NOTHING = "input-nothing", Usage, "Write: `refit send ENGINE JSON`.";
    /// The file of lines cannot be read.
    INPUT_NO_LINES = "input-no-lines", Usage, "Give the path of a file that you may read, or `-` for the standard input.";
    /// The text is longer than a message may be.
    INPUT_TOO_LARGE = "input-too-large", Usage, "Send less at once, in several requests.";
    /// A file cannot be read.
    FILE_UNREADABLE = "file-unreadable", Usage, "Give the path of a file that you may read.";
    /// A file is longer than is read.
    FILE_TOO_LARGE = "file-too-large", Usage, "See that it is the file you mean.";
    /// A file cannot be written.
    FILE_UNWRITABLE = "file-unwritable", Usage, "Give a path in a folder that is there, that you may write, and that has space.";
    /// Another file is there, and is left as it is.
    FILE_FOREIGN = "file-foreign", Usage, "Give another path with `--out`, or move that file away.";
    /// `--out` names no folder, and one is needed.
    FILE_NOT_A_FOLDER = "file-not-a-folder", Usage, "Give a folder with `--out`.";
    /// The file is no plan of an upgrade.
    FILE_NO_PLAN = "file-no-plan", Usage, "Give the file that `refit upgrade plan … --out FILE` wrote.";
    /// The file to write is the one that is read.
    FILE_IS_SOURCE = "file-is-source", Usage, "Give another path with `--out`.";
    /// The path is no file.
    FILE_NO_FILE = "file-no-file", Usage, "Give the path of a file with `--out`.";
    /// The standard output cannot be written.
    OUTPUT_UNWRITABLE = "output-unwritable", Internal, "Check that its reader still runs, and that its disk has space.";
    /// The command cannot start its work.
    PROCESS_START = "process-start", Internal, "See that the machine has threads, files and memory to spare.";
    /// The command line has a word that this program does not know, or lacks one.
    COMMAND_INVALID = "command-invalid", Usage, "See the command's `--help`.";
    /// There is no such code.
    CODE_UNKNOWN = "code-unknown", Usage, "Write a code as an error shows it; runtime/ERRORS.md lists all of them.";
    /// `engine dev` cannot open the source.
    DEV_SOURCE = "dev-source", Usage, "Name the folder of an engine's package.";
    /// `engine dev` cannot watch the source.
    DEV_WATCH = "dev-watch", Usage, "See that the folder is there, and that `sysctl fs.inotify.max_user_watches` leaves room.";
    /// The node has no engine kind of this package.
    DEV_OTHER_NODE = "dev-other-node", Usage, "Name the folder of another node with `--data-dir`; if none runs there, one is started.";
    /// The node that ran the engine does not answer.
    DEV_NODE_GONE = "dev-node-gone", NoAnswer, "Start it again and save; or end the command and begin anew.";
    /// The node ended before it was ready.
    DEV_NODE_ENDED = "dev-node-ended", NoAnswer, "What it said is above; it is started again at the next save.";
    /// The node is not ready in time.
    DEV_NODE_NOT_READY = "dev-node-not-ready", NoAnswer, "See whether the engine's `init` comes to its end.";
    /// The upgrade before is still being put away.
    DEV_BUSY = "dev-busy", Busy, "Save again; see how it is with `refit status`.";
    /// The upgrade did not end in time.
    DEV_UNFINISHED = "dev-unfinished", NoAnswer, "Follow it with `refit upgrade status`; end the command to end a node that it started.";
    /// The build was lost.
    DEV_BUILD_LOST = "dev-build-lost", Internal, "Save again.";
    /// The sources of the demo's engines cannot be written where they are built.
    DEMO_NO_SOURCE = "demo-no-source", Usage, "Name a folder that you may write to: `REFIT_CACHE_DIR=DIR refit demo`.";
    /// A version of the demo's engines cannot be put together.
    DEMO_COMPOSE = "demo-compose", Internal, "See that the checkout is whole, with `git status`.";
    /// A release of the demo could not be made.
    DEMO_RELEASE = "demo-release", Internal, "See that there is space in the folder of temporary files, and report it with what it says.";
    /// The demo's node did not start.
    DEMO_NODE = "demo-node", Internal, "See what the node said; is the machine out of memory or threads?";
    /// The demo's node was not ready in time.
    DEMO_NOT_READY = "demo-not-ready", NoAnswer, "See what the node said; is the machine out of memory or threads?";
    /// The demo's records cannot be written.
    DEMO_RECORD = "demo-record", Usage, "Give a folder that you may write to.";
    /// A promise of the demo did not hold.
    DEMO_PROMISE = "demo-promise", Internal, "Run it again with `--record DIR` and report the folder with this output.";
    /// An invariant did not hold as `refit chaos` killed nodes.
    CHAOS_VIOLATION = "chaos-violation", Internal, "Run the command again that stands with it, and report it with the folder that was kept.";
    /// A bench gave no figures.
    BENCH_FAILED = "bench-failed", Internal, "See `refit bench --help`, and what was said above.";
}
