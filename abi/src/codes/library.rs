//! Codes of the file of a library, its probe, and its loading.

super::codes! { ALL_LIBRARY: "A library as a file", "Why the file of an engine library is refused before any of its code runs.";
    /// The file of the library cannot be read.
    MODULE_UNREADABLE = "module-unreadable", Usage, "Check the path and its permissions.";
    /// The path of the library is no file.
    MODULE_NOT_A_FILE = "module-not-a-file", Usage, "Name the `.so` file that `refit engine build` printed, not its folder.";
    /// The file is longer than a library may be.
    MODULE_TOO_LONG = "module-too-long", Usage, "Strip the library: `refit engine build` does.";
    /// The file is no ELF file.
    NOT_ELF = "not-elf", ArtifactRefused, "Give the `.so` file that `refit engine build` printed.";
    /// The ELF file is cut or altered.
    DAMAGED_ELF = "damaged-elf", ArtifactRefused, "Build or copy the library again.";
    /// The library is for machines of another word size.
    WRONG_CLASS = "wrong-class", AbiIncompatible, "Build it on a machine like this one with `refit engine build`.";
    /// The library is for another processor.
    WRONG_MACHINE = "wrong-machine", AbiIncompatible, "Build it on a machine like this one with `refit engine build`.";
    /// The library is for another operating system.
    WRONG_SYSTEM = "wrong-system", AbiIncompatible, "Build it on a machine like this one with `refit engine build`.";
    /// The ELF file is no shared library.
    NOT_A_SHARED_LIBRARY = "not-a-shared-library", ArtifactRefused, "Add `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]` and build with `refit engine build`.";
    /// The library uses thread-local storage in a form that cannot be loaded later.
    STATIC_TLS = "static-tls", ArtifactRefused, "Remove the dependency that uses initial-exec TLS (jemalloc and OpenMP do), or set its feature against it.";
    /// A flag in the library forbids to unload it.
    NOT_UNLOADABLE = "not-unloadable", ArtifactRefused, "Link without `-z nodelete`, `initfirst`, `global` and `nodlopen`.";
    /// The library has a unique symbol, by which the system never unloads it.
    UNIQUE_SYMBOL = "unique-symbol", ArtifactRefused, "Compile the C++ part with `-fno-gnu-unique`, or do without it.";
    /// Code of the library is not position-independent.
    TEXT_RELOCATIONS = "text-relocations", ArtifactRefused, "Compile every C and assembly part with `-fPIC`.";
    /// The library looks for others at a fixed path of the builder's machine.
    FIXED_SEARCH_PATH = "fixed-search-path", ArtifactRefused, "Link without `-rpath`, or with one that starts with `$ORIGIN`.";
    /// The library needs another library that a node does not offer.
    FOREIGN_LIBRARY = "foreign-library", ArtifactRefused, "Link it statically: most `-sys` crates have a feature `vendored` or `static`.";
    /// The library exports no engines.
    NO_ROOT_SYMBOL = "no-root-symbol", ArtifactRefused, "Write `export_engines!(YourEngine)` at the crate's root and build with the feature `module`.";
    /// The library brings a memory allocator of its own, so its states could not change hands.
    OWN_ALLOCATOR = "own-allocator", ArtifactRefused, "Remove the dependency that links an allocator, or its feature that replaces `malloc`.";
    /// The library asks for a function by which it would leave something behind.
    REFUSED_IMPORT = "refused-import", ArtifactRefused, "Do without the dependency that uses it; the node gives timers, messages and logs by the context.";
    /// The node has no place for its copy of the library.
    STAGE_NO_PLACE = "stage-no-place", Internal, "Give the node memory, or a temporary folder that it may write and execute in.";
    /// The node's copy of the library cannot be read back.
    STAGE_UNREADABLE = "stage-unreadable", Internal, "Try again; if it stays, check the machine's memory and disk.";
    /// The node's copy of the library is not what was written.
    STAGE_CHANGED = "stage-changed", Internal, "Try again; if it stays, check the machine's memory and disk.";
}

super::codes! { ALL_PROBE: "A library in the probe", "The probe loads a library in a process of its own, before the node does.";
    /// The process of the probe did not start.
    PROBE_NOT_STARTED = "probe-not-started", Internal, "Give the machine room for processes, or install the node's program whole.";
    /// The output of the probe cannot be read.
    PROBE_UNHEARD = "probe-unheard", Internal, "Check the process and memory limits of the node, then try again.";
    /// The library crashed while it was loaded.
    PROBE_CRASHED = "probe-crashed", ArtifactRefused, "Remove what the engine or its dependencies do at load: constructors, static initialisers, threads.";
    /// The library ended the process while it was loaded.
    PROBE_ENDED = "probe-ended", ArtifactRefused, "Remove what the engine or its dependencies do at load: constructors, static initialisers, threads.";
    /// The library did not finish loading in time.
    PROBE_HUNG = "probe-hung", ArtifactRefused, "Remove what the engine or its dependencies do at load: constructors, static initialisers, threads.";
    /// The probe printed something that is not its report.
    PROBE_NOT_UNDERSTOOD = "probe-not-understood", ArtifactRefused, "Let nothing in the engine write to standard output at load, then try again.";
    /// The program of the probe has another interface than this node.
    WRONG_PROBE = "wrong-probe", ArtifactRefused, "Install the node's program whole, and do not replace it while it runs.";
    /// The system does not let the probe do its work.
    PROBE_UNABLE = "probe-unable", Internal, "Check the process and memory limits of the node, then try again.";
    /// The dynamic linker refuses the library.
    NOT_MAPPABLE = "not-mappable", ArtifactRefused, "Link what is missing statically; `refit engine inspect` lists what the library needs.";
    /// The library asks for a symbol that nothing gives it.
    MISSING_SYMBOL = "missing-symbol", ArtifactRefused, "Link what is missing statically; `refit engine inspect` lists what the library needs.";
    /// The library's types of the contract have another memory layout than the node's.
    LAYOUT_REFUSED = "layout-refused", AbiIncompatible, "Build the engine against this node's `refit-abi` with `refit engine build`.";
    /// The library cannot describe itself.
    UNDESCRIBED = "undescribed", ArtifactRefused, "Mend what it says in the engine's source, and build it with `refit engine build`.";
    /// The library was built against a contract of another epoch.
    WRONG_ABI_EPOCH = "wrong-abi-epoch", AbiIncompatible, "Build the engine against this node's `refit-abi` with `refit engine build`.";
    /// The library was built for another target.
    WRONG_TARGET = "wrong-target", AbiIncompatible, "Build the engine on this node with `refit engine build`, with the node's own toolchain.";
    /// The library was built by another compiler.
    WRONG_COMPILER = "wrong-compiler", AbiIncompatible, "Build the engine on this node with `refit engine build`, with the node's own toolchain.";
    /// A panic of the library would end the node.
    PANIC_ABORT = "panic-abort", ArtifactRefused, "Remove `panic = \"abort\"` from the engine's profile.";
    /// The library exports no engine kind.
    NO_KINDS = "no-kinds", ArtifactRefused, "Name the engines in `export_engines!(…)`.";
}

super::codes! { ALL_LOAD: "A library in the node", "Why a node does not load or unload a library that passed its probe.";
    /// The program does not offer the functions by which engines are watched.
    INTERPOSERS_MISSING = "interposers-missing", Internal, "Start the node with the `refit` program; an own program needs the linker lines of `refit_loader::sys::interposers`.";
    /// So many old libraries cannot be unloaded that no further one is taken.
    TOO_MANY_PINNED = "too-many-pinned", Refused, "Restart the node at a convenient time, and see `refit status` for what pins them.";
    /// As many libraries are loaded as a node may have.
    TOO_MANY_MAPPED = "too-many-mapped", Refused, "Retire generations that are no longer needed.";
    /// Backtraces hold too much of the libraries' files in memory.
    TOO_MUCH_VIEWED = "too-much-viewed", Refused, "Make no backtraces in engines, and restart the node at a convenient time.";
    /// Too few thread-local keys are free for another library.
    TOO_FEW_KEYS = "too-few-keys", Refused, "Restart the node at a convenient time; an engine makes thread-local keys and does not delete them.";
    /// The system gives no thread to load the library on.
    LOAD_NO_THREAD = "load-no-thread", Internal, "Raise the node's limit of threads or memory.";
    /// The dynamic linker did not load the library.
    LOAD_NOT_MAPPED = "load-not-mapped", ArtifactRefused, "Raise the node's limit of memory, or give it a temporary folder without `noexec`.";
    /// The loaded library gives no usable root.
    LOAD_NO_ROOT = "load-no-root", ArtifactRefused, "Build it again from a clean folder with `refit engine build`.";
    /// The dynamic linker loaded another library in its place.
    LOAD_ELSEWHERE = "load-elsewhere", ArtifactRefused, "Build it again from a clean folder with `refit engine build`.";
    /// The code that was loaded is not the code that was probed.
    LOAD_OTHER_CODE = "load-other-code", ArtifactRefused, "Build it again from a clean folder with `refit engine build`.";
    /// An old library is still in use.
    PINNED_IN_USE = "pinned-in-use", Done, "Nothing: it goes when its last user has ended.";
    /// An old library stays because a thread that it started lives.
    PINNED_THREADS = "pinned-threads", Done, "Start no threads in an engine; ask the node for timers and messages instead.";
    /// An old library stays because it installed signal handlers.
    PINNED_SIGNAL_HANDLERS = "pinned-signal-handlers", Done, "Install no signal handlers in an engine.";
    /// An old library stays because others know a handler in it.
    PINNED_HANDLER_KNOWN = "pinned-handler-known", Done, "Install no signal handlers in an engine, and restart the node at a convenient time.";
    /// An old library stays because signal handlers change just now.
    PINNED_HANDLERS_CHANGE = "pinned-handlers-change", Done, "Nothing: it goes with one of the next retirements.";
    /// An old library stays because a thread that used it does not end.
    PINNED_LINGERING = "pinned-lingering", Done, "Keep no thread-local value whose destructor waits, and restart the node at a convenient time.";
    /// An old library stays because threads that used it are ending.
    PINNED_ENDING = "pinned-ending", Done, "Nothing: it goes with one of the next retirements.";
    /// The system kept an old library although it was let go.
    PINNED_STILL_MAPPED = "pinned-still-mapped", Done, "Restart the node at a convenient time.";
    /// It is not known whether an old library is still in use.
    PINNED_UNKNOWN = "pinned-unknown", Done, "Restart the node at a convenient time.";
}
