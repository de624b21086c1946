//! Codes of keys, keysets and releases.

super::codes! { ALL_RELEASE: "Keys and releases", "Why a key, a keyset or a release is not taken. Nothing of it is used then.";
    /// The text or file is no key.
    KEY_MALFORMED = "key-malformed", Usage, "Give a key as `refit key generate` wrote it.";
    /// The key is one that anybody can sign for, or that is written in another form than it has to be.
    KEY_REFUSED = "key-refused", Usage, "Make another key with `refit key generate`.";
    /// The file with the secret key may be read by others.
    KEY_EXPOSED = "key-exposed", Usage, "Take the others' rights away with `chmod 600`, or make another key if somebody may have read it.";
    /// The key that would sign a keyset is none of its root keys.
    KEY_NO_ROOT = "key-no-root", Usage, "Sign a keyset with its root keys: see them with `refit keyset inspect`.";
    /// The keys are no quorum: none, too many, one twice, or a threshold that cannot be reached.
    QUORUM_MALFORMED = "quorum-malformed", Usage, "Give each key once, and a threshold between 1 and their number.";
    /// The file is no signed record of that kind.
    RECORD_MALFORMED = "record-malformed", Usage, "Name the file that `refit keyset` or `refit release` wrote.";
    /// The record has more signatures than are taken.
    SIGNATURES_TOO_MANY = "signatures-too-many", Usage, "Sign the record without the signatures of those who have no part in it.";
    /// What was signed is no keyset.
    KEYSET_MALFORMED = "keyset-malformed", Untrusted, "Have it made and signed again with `refit keyset`.";
    /// Too few of those who count have signed.
    SIGNATURES_TOO_FEW = "signatures-too-few", Untrusted, "Have it signed by more of the keys that count: see them with `refit keyset inspect`; what was made for another network counts none.";
    /// The keyset is not the one that comes next.
    KEYSET_NOT_NEXT = "keyset-not-next", Untrusted, "Bring the keysets one after the other, each version once.";
    /// The signatures of the keyset count no longer.
    KEYSET_EXPIRED = "keyset-expired", Untrusted, "Bring the next keyset: root keys make it with `refit keyset rotate`.";
    /// It is for another network.
    OTHER_NETWORK = "other-network", Untrusted, "Bring what was signed for this network.";
    /// The release was made for another keyset.
    RELEASE_OTHER_EPOCH = "release-other-epoch", Untrusted, "Have it packed and signed again under the keyset that counts now.";
    /// What was signed is no manifest of a release, or does not hold together.
    MANIFEST_MALFORMED = "manifest-malformed", Untrusted, "Have it packed again with `refit release pack`.";
    /// The file is no archive of a release, or is damaged.
    ARCHIVE_DAMAGED = "archive-damaged", Untrusted, "Take another copy of it.";
    /// The archive cannot be read.
    ARCHIVE_UNREADABLE = "archive-unreadable", Usage, "Name a file that you may read.";
    /// The archive cannot be written.
    ARCHIVE_UNWRITTEN = "archive-unwritten", Internal, "Make room where it is written, and write it again.";
    /// What is to be packed has changed meanwhile.
    PACK_CHANGED = "pack-changed", Usage, "Pack it again when nothing writes into it.";
    /// A library that is to be packed is none, or does not go with the others.
    PACK_REFUSED = "pack-refused", Usage, "Name libraries that `refit engine build` wrote, each kind once.";
    /// The node has no keyset, and takes no release.
    KEYSET_MISSING = "keyset-missing", Refused, "Give it one with `refit keyset install FILE`, or with `keyset` in its configuration; libraries that you name come in without one.";
    /// The keyset that is configured is not the one of that version that the node goes by.
    KEYSET_CONFLICT = "keyset-conflict", Untrusted, "Compare both ids with what the authority itself publishes, and name the one that is there. If that is not the node's, its data folder was made with a foreign keyset: restore a snapshot that you trust into another.";
    /// The keyset that is configured does not lead to the one that the node has come to.
    KEYSET_UNRELATED = "keyset-unrelated", Untrusted, "Compare the id of the node's keyset with what the authority itself publishes. If it is there, configure that keyset; if not, the data folder was made with a foreign keyset: restore a snapshot that you trust into another.";
    /// What the node keeps of whom it trusts cannot be read.
    TRUST_UNREADABLE = "trust-unreadable", Usage, "Look at the data folder with `refit doctor`, and restore it from a snapshot.";
    /// The node has not imported a release with this id.
    RELEASE_UNKNOWN = "release-unknown", Usage, "See those that it has with `refit release list`, or import it with `refit release import FILE`.";
    /// A later release was live.
    RELEASE_OLDER = "release-older", Untrusted, "Bring a later release; the code of before comes back by a release that follows.";
    /// Two releases were signed for one place in their order.
    RELEASE_EQUIVOCATION = "release-equivocation", Untrusted, "Ask those who sign which one is meant, and have it signed under the next sequence.";
    /// The release is too far ahead of the newest.
    RELEASE_LEAP = "release-leap", Untrusted, "Have it packed and signed under the next sequence.";
    /// The release was revoked by those who may.
    RELEASE_REVOKED = "release-revoked", Untrusted, "Bring the release that follows it.";
    /// What was signed is no revocation.
    REVOCATION_MALFORMED = "revocation-malformed", Untrusted, "Have it made and signed again with `refit release revoke`.";
    /// The release may not become live at this height.
    RELEASE_WINDOW = "release-window", Refused, "Plan it for a block within its window: `refit release show` says which.";
    /// The release has nothing for this node's target, toolchain or ABI epoch.
    RELEASE_NOT_FOR_NODE = "release-not-for-node", AbiIncompatible, "Have it packed with libraries for this node, or with its source.";
    /// The release comes as source, and has to be built before it can come in.
    RELEASE_NOT_BUILT = "release-not-built", Refused, "Have it built: `refit upgrade plan RELEASE` does it on a node that builds; else `refit release build`, and pack the libraries with it.";
    /// A file that this node needs is not in the release's file.
    RELEASE_INCOMPLETE = "release-incomplete", Refused, "Import a file of it that has all: `refit release verify` says what is missing.";
    /// The release's code is not what its manifest says.
    RELEASE_CODE_DIFFERS = "release-code-differs", Untrusted, "Have it packed again from these very libraries, and signed.";
    /// The plan is not one of the release that it names.
    RELEASE_PLAN_DIFFERS = "release-plan-differs", PlanRefused, "Make the plan again with `refit upgrade plan RELEASE`.";
    /// The release wants to come in in a way that this node does not know.
    RELEASE_STRATEGY = "release-strategy", Refused, "Have it packed with the strategy hot, restart-engine or offline.";
    /// The node keeps no releases.
    RELEASES_UNKEPT = "releases-unkept", Refused, "Run the node with a data folder.";
    /// The node keeps as many releases as it may, or this one is larger than one may be.
    RELEASES_FULL = "releases-full", Refused, "Make room with `refit release prune`.";
    /// The node keeps as many revocations as it may.
    REVOCATIONS_FULL = "revocations-full", Refused, "Bring the next keyset with `refit keyset install FILE`: no release that was signed under the one before comes in then.";
    /// As many releases are being imported as may be at once.
    IMPORT_UNDER_WAY = "import-under-way", Busy, "Try again when one of them has ended.";
    /// The folder of releases cannot be read or written.
    RELEASES_UNWRITTEN = "releases-unwritten", Refused, "Give the node the rights to its data folder, and the disk space.";
    /// Too few of the known builders have attested a file of the release.
    ATTESTATIONS_TOO_FEW = "attestations-too-few", Untrusted, "Have more of the builders attest it with `refit release attest`, and import what they signed.";
    /// The node knows no builders, and takes no attestation.
    BUILDERS_MISSING = "builders-missing", Refused, "Name builders in the node's configuration (`builders`, `attestations`).";
    /// What was signed is no attestation.
    ATTESTATION_MALFORMED = "attestation-malformed", Untrusted, "Have it made and signed again with `refit release attest`.";
    /// The folder is no tree of source that a release takes.
    SOURCE_REFUSED = "source-refused", Usage, "Take links, devices, and names that clash out of the folder, and pack it again.";
}
