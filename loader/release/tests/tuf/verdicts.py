"""What python-tuf says of sequences of keysets: JSON in, JSON out.

In: {"roots": [[{"keys": [1], "threshold": 1, "signers": [1]}, ...], ...], "releases": [{...}, ...]}
Out: {"roots": [true, ...], "releases": [true, ...]}: whether the last version, and whether the signed release, is taken.
"""

import json
import sys
from datetime import datetime, timezone

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Timestamp
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

LATER = datetime(2099, 1, 1, tzinfo=timezone.utc)
KEYS = {number: CryptoSigner.generate_ed25519() for number in range(0, 32)}


def root(version, roles, signers):
    """A signed root record; `roles` has keys and threshold of those that matter."""
    record = Root(version=version, expires=LATER, consistent_snapshot=False)
    for role in ("root", "timestamp", "snapshot", "targets"):
        keys, threshold = roles.get(role, ([31], 1))
        for number in keys:
            record.add_key(KEYS[number].public_key, role)
        record.roles[role].threshold = threshold
    return signed(record, signers)


def signed(record, signers):
    metadata = Metadata(record)
    for number in signers:
        metadata.sign(KEYS[number], append=True)
    return metadata.to_bytes()


def last_root_is_taken(versions):
    trusted = None
    for number, version in enumerate(versions, 1):
        roles = {"root": (version["keys"], version["threshold"])}
        record = root(number, roles, version["signers"])
        if trusted is None:
            trusted = TrustedMetadataSet(record, EnvelopeType.METADATA)
            continue
        try:
            trusted.update_root(record)
        except RepositoryError:
            return False
    return True


def release_is_taken(version):
    roles = {"root": ([30], 1)}
    trusted = TrustedMetadataSet(root(1, roles, [30]), EnvelopeType.METADATA)
    roles["timestamp"] = (version["keys"], version["threshold"])
    trusted.update_root(root(2, roles, [30]))
    record = signed(Timestamp(version=1, expires=LATER), version["signers"])
    try:
        trusted.update_timestamp(record)
    except RepositoryError:
        return False
    return True


def main():
    table = json.load(sys.stdin)
    verdicts = {
        "roots": [last_root_is_taken(versions) for versions in table["roots"]],
        "releases": [release_is_taken(version) for version in table["releases"]],
    }
    json.dump(verdicts, sys.stdout)


main()
