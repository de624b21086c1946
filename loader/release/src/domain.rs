//! [`Domain`]: what a signature is about. What is signed begins with it, so that a signature under one kind of record is
//! none under another, whatever the bytes are.

use crate::network::Network;

/// A kind of record that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// Who may sign what: [`crate::keyset`].
    Keyset,
    /// What a release is: [`crate::manifest`].
    Release,
    /// That a release is not to be used: [`crate::revocation`].
    Revocation,
    /// That a build of a source gave a file: [`crate::attestation`].
    Attestation,
}

impl Domain {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Keyset,
        Self::Release,
        Self::Revocation,
        Self::Attestation,
    ];

    /// The first bytes of what is signed. None is the beginning of another: each ends with a zero, which is nowhere else in it.
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Keyset => b"refit/keyset/v1\0",
            Self::Release => b"refit/release/v1\0",
            Self::Revocation => b"refit/revocation/v1\0",
            Self::Attestation => b"refit/attestation/v1\0",
        }
    }

    /// The number that stands in a [frame](crate::frame).
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Keyset => 1,
            Self::Release => 2,
            Self::Revocation => 3,
            Self::Attestation => 4,
        }
    }

    /// Most bytes of a record.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Keyset => 4 << 10,
            Self::Release => 64 << 10,
            Self::Revocation | Self::Attestation => 1 << 10,
        }
    }

    /// What a key signs: the tag, the network, and the hash of the record's bytes as they were received.
    pub fn message(self, network: &Network, record: &[u8]) -> Vec<u8> {
        let mut message = self.tag().to_vec();
        message.extend_from_slice(&network.hash());
        message.extend_from_slice(blake3::hash(record).as_bytes());
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_tells_kinds_networks_and_bytes_apart() {
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        let mut seen = std::collections::BTreeSet::new();
        for domain in Domain::ALL {
            for network in [&one, &other] {
                for record in [&b"a"[..], b"b", b""] {
                    assert!(seen.insert(domain.message(network, record)));
                }
            }
        }
        assert_eq!(seen.len(), 24);
    }

    #[test]
    fn no_tag_begins_another() {
        for one in Domain::ALL {
            for other in Domain::ALL {
                assert!(one == other || !one.tag().starts_with(other.tag()));
            }
        }
    }
}
