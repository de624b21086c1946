//! Codes of keys, keysets and releases.

super::codes! { ALL_RELEASE: "Keys and releases", "Why a key, a keyset or a release is not taken. Nothing of it is used then.";
    /// The text or file is no key.
    KEY_MALFORMED = "key-malformed", Usage, "Give a key as `refit key generate` wrote it.";
    /// The key is one that anybody can sign for, or that is written in another form than it has to be.
    KEY_REFUSED = "key-refused", Usage, "Make another key with `refit key generate`.";
    /// The file with the secret key may be read by others.
    KEY_EXPOSED = "key-exposed", Usage, "Take the others' rights away with `chmod 600`, or make another key if somebody may have read it.";
    /// The keys are no quorum: none, too many, one twice, or a threshold that cannot be reached.
    QUORUM_MALFORMED = "quorum-malformed", Usage, "Give each key once, and a threshold between 1 and their number.";
    /// The file is no signed record of that kind.
    RECORD_MALFORMED = "record-malformed", Usage, "Name the file that `refit keyset` or `refit release` wrote.";
    /// The record has more signatures than are taken.
    SIGNATURES_TOO_MANY = "signatures-too-many", Usage, "Sign the record without the signatures of those who have no part in it.";
    /// What was signed is no keyset.
    KEYSET_MALFORMED = "keyset-malformed", Untrusted, "Have it made and signed again with `refit keyset`.";
    /// Too few of those who count have signed.
    SIGNATURES_TOO_FEW = "signatures-too-few", Untrusted, "Have it signed by more of the keys that count: see them with `refit keyset inspect`.";
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
}
