//! Codes of an engine's author.

super::codes! { ALL_AUTHOR: "For authors of engines", "Errors of the commands for an engine's author, and of the author's tests.";
    /// There are frozen types and no `schema.lock`: what was published is not known.
    AUTHOR_LOCK_MISSING = "author-lock-missing", BuildFailed, "Take `schema.lock` back from version control.";
    /// There are frozen types that `schema.lock` does not know.
    AUTHOR_LOCK_STALE = "author-lock-stale", BuildFailed, "Take the `schema.lock` that belongs to them back from version control.";
    /// `schema.lock` cannot be read.
    AUTHOR_LOCK_UNREADABLE = "author-lock-unreadable", BuildFailed, "Take the file back from version control; `refit engine freeze` alone writes it.";
    /// `schema.lock` cannot be written as text.
    AUTHOR_LOCK_UNWRITABLE = "author-lock-unwritable", BuildFailed, "Nothing was written; report it with the engine's state and messages.";
    /// `schema.lock` has a format that this program does not read.
    AUTHOR_LOCK_FORMAT = "author-lock-format", BuildFailed, "Use the release of refit that wrote it, or a newer one.";
    /// `schema.lock` was edited.
    AUTHOR_LOCK_EDITED = "author-lock-edited", BuildFailed, "Take the file back from version control; `refit engine freeze` alone writes it.";
    /// A type cannot be written as Rust.
    AUTHOR_UNKNOWN_TYPE = "author-unknown-type", BuildFailed, "Freeze it with the release of refit whose `refit-abi` the engine was built with.";
    /// A state or message is no type of the engine's own.
    AUTHOR_NOTHING_TO_FREEZE = "author-nothing-to-freeze", BuildFailed, "Derive `State` on a struct of your own and use that.";
    /// The description of a type refers to one that is not there.
    AUTHOR_BROKEN_RECURSION = "author-broken-recursion", BuildFailed, "Build the engine again; if it stays so, this is a defect in refit.";
    /// The state changed and its version did not.
    AUTHOR_STATE_CHANGED = "author-state-changed", BuildFailed, "Raise `#[state(version = …)]` and write the step with the stub that was printed.";
    /// No step leads from a published version to the newest one.
    AUTHOR_NO_MIGRATION = "author-no-migration", BuildFailed, "Write the step with the stub that was printed; keep the older steps, they are composed.";
    /// A newer version was published than the source has.
    AUTHOR_VERSION_BEHIND = "author-version-behind", BuildFailed, "Go on from the published one: `refit engine freeze FOLDER --restore MODULE`.";
    /// A frozen type was edited: it is not what was published.
    AUTHOR_FROZEN_TYPE_EDITED = "author-frozen-type-edited", BuildFailed, "Take its file back from version control; changes belong into the next version.";
    /// A frozen type has another memory layout than the published one.
    AUTHOR_FROZEN_TYPE_MOVED = "author-frozen-type-moved", BuildFailed, "Give the types the `repr` that the published ones had.";
    /// A published kind is not in the package any more.
    AUTHOR_KIND_GONE = "author-kind-gone", BuildFailed, "Bring it back; or, if no node runs it, `refit engine freeze FOLDER --forget KIND`.";
    /// The changes need a larger version of the package.
    AUTHOR_BUMP_MISSING = "author-bump-missing", BumpMissing, "Raise `version` in `Cargo.toml` and run `cargo update --workspace --offline`, or take the change back.";
    /// No step leads from the baseline's state to this one.
    AUTHOR_MIGRATION_MISSING = "author-migration-missing", BumpMissing, "`refit engine build` prints the step to paste.";
    /// The package has published nothing to compare with.
    AUTHOR_NO_BASELINE = "author-no-baseline", Usage, "Name a library, a folder or a git revision with `--baseline`, or publish with `refit engine freeze`.";
    /// The argument of `--baseline` is no baseline.
    AUTHOR_BAD_BASELINE = "author-bad-baseline", Usage, "Name a library, a folder, or a git revision of the package's repository.";
    /// A file is there that is not what would be frozen.
    AUTHOR_FILE_IN_THE_WAY = "author-file-in-the-way", Usage, "Move it away; or, if it holds this very version's types, delete it and freeze again.";
    /// A file that an earlier restore set aside is still there.
    AUTHOR_SET_ASIDE_BEFORE = "author-set-aside-before", Usage, "Move it away, or delete it, and restore again; nothing was written.";
    /// The kind was never published from this package.
    AUTHOR_UNKNOWN_KIND = "author-unknown-kind", Usage, "Name a kind that `schema.lock` has.";
    /// The package has no such frozen module.
    AUTHOR_UNKNOWN_MODULE = "author-unknown-module", Usage, "Name a module that `schema.lock` has, such as `v1`.";
    /// The library was built from another package than the folder's.
    AUTHOR_OTHER_PACKAGE = "author-other-package", Usage, "Name a library that was built from this folder; `refit status` shows the file of each live kind.";
    /// There is no `schema.lock` to restore from.
    AUTHOR_NOTHING_PUBLISHED = "author-nothing-published", Usage, "Take it back from version control, or publish with `refit engine freeze` first.";
    /// No engine can have this name.
    AUTHOR_BAD_NAME = "author-bad-name", Usage, "Use 1 to 15 of a-z, 0-9, `-` and `_`, a letter first, such as `hello` or `price-index`.";
    /// The folder is there and not empty.
    AUTHOR_FOLDER_NOT_EMPTY = "author-folder-not-empty", Usage, "Name another with `--path`; nothing was written.";
    /// The path is a file.
    AUTHOR_NOT_A_FOLDER = "author-not-a-folder", Usage, "Name a folder with `--path`; nothing was written.";
    /// The folder is not the contract's package refit-abi.
    AUTHOR_NO_CHECKOUT = "author-no-checkout", Usage, "Give the folder of a checkout of Refit with `--refit PATH`, or its repository with `--git URL`; nothing was written.";
    /// The text is longer than a fixture may be.
    FIXTURE_TOO_LARGE = "fixture-too-large", Usage, "Capture an engine with a smaller state.";
    /// The fixture has a format that this code does not read.
    FIXTURE_FORMAT = "fixture-format", Usage, "Capture it again: `refit engine capture ID --out FILE`.";
    /// The text is no fixture.
    FIXTURE_UNREADABLE = "fixture-unreadable", Usage, "Capture it again: `refit engine capture ID --out FILE`.";
    /// The fixture is of another kind.
    FIXTURE_KIND = "fixture-kind", Usage, "Name the fixture's own kind, or another fixture.";
    /// The fixture is of another type.
    FIXTURE_SCHEMA = "fixture-schema", Usage, "Read it as the frozen type of its version, or let `migrate_fixture` bring it on.";
    /// No step leads from the fixture's version to the newest.
    FIXTURE_NO_STEP = "fixture-no-step", Usage, "Keep the frozen types of all published versions, each with its `Migrate`.";
    /// The bytes of the fixture are not what its schema says.
    FIXTURE_STATE_UNREADABLE = "fixture-state-unreadable", Usage, "Capture it again: `refit engine capture ID --out FILE`.";
    /// The fixture's state cannot be migrated to the newest version.
    FIXTURE_MIGRATION_FAILED = "fixture-migration-failed", Usage, "Mend the migration: a node would report the same.";
    /// The module that a test links cannot be used.
    MODULE_UNUSABLE = "module-unusable", ArtifactRefused, "Build it against this `refit-abi`.";
}
