//! [`Frame`]: a record and its signatures, as they travel. It is all that is read of received bytes before anything is known
//! of who signed them.
//!
//! ```text
//! offset  bytes  what
//!      0      8  "refit/1\n"
//!      8      1  the kind of record: 1 keyset, 2 release, 3 revocation, 4 attestation
//!      9      4  n, the record's length, little endian; at most `Domain::bytes_max`
//!     13      n  the record
//!   13+n      1  s, the number of signatures; at most SIGNATURES_MAX
//!   14+n   96·s  signatures: the key's 32 bytes and the signature's 64, in the strict order of the keys
//! ```
//!
//! Nothing may follow. The record's hash names it; the signatures are no part of it, and more may come.

use crate::domain::Domain;
use crate::key::{PublicKey, SecretKey};
use crate::network::Network;
use std::collections::BTreeMap;

/// What a frame begins with.
const MAGIC: &[u8; 8] = b"refit/1\n";

/// Most signatures of a record: all keys of the old and of the new keyset.
pub const SIGNATURES_MAX: usize = 32;

/// A record that somebody may have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    domain: Domain,
    record: Vec<u8>,
    /// By the key's bytes, which may be no key at all.
    signatures: BTreeMap<[u8; 32], [u8; 64]>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// They begin otherwise.
    #[error("this is no signed record of refit")]
    Magic,
    /// The record is of another kind, or of one that this program does not know.
    #[error("the record is of kind {found}, and kind {expected} was asked for")]
    Kind {
        /// The number in the frame.
        found: u8,
        /// The number of what is read.
        expected: u8,
    },
    /// The record is longer than its kind may be.
    #[error("the record has {bytes} bytes; at most {most} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is taken.
        most: usize,
    },
    /// There are more signatures than are taken.
    #[error("there are {signatures} signatures; at most {SIGNATURES_MAX} are taken")]
    TooMany {
        /// Their number.
        signatures: usize,
    },
    /// The bytes end too early.
    #[error("the record is cut short")]
    Cut,
    /// Bytes follow behind the last signature.
    #[error("{bytes} bytes follow behind the record")]
    Trailing {
        /// Their number.
        bytes: usize,
    },
    /// Two signatures are of one key, or they are not in the order of their keys.
    #[error("the signatures are not in the order of their keys, each once")]
    Order,
}

impl Frame {
    /// A record that nobody has signed yet.
    ///
    /// # Errors
    /// [`FrameError::TooLong`].
    pub fn unsigned(domain: Domain, record: Vec<u8>) -> Result<Self, FrameError> {
        let (bytes, most) = (record.len(), domain.bytes_max());
        match bytes <= most {
            true => Ok(Self {
                domain,
                record,
                signatures: BTreeMap::new(),
            }),
            false => Err(FrameError::TooLong { bytes, most }),
        }
    }

    /// The kind of record that bytes with this beginning are, if they are a frame of a kind that is known.
    pub fn domain_of(beginning: &[u8]) -> Option<Domain> {
        let (kind, _) = beginning.strip_prefix(MAGIC)?.split_first()?;
        Domain::ALL.into_iter().find(|it| it.number() == *kind)
    }

    /// Reads a frame with a record of this kind. Nothing of the record is looked at.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn read(domain: Domain, bytes: &[u8]) -> Result<Self, FrameError> {
        let mut rest = bytes;
        if take(&mut rest, MAGIC.len())? != MAGIC {
            return Err(FrameError::Magic);
        }
        let (found, expected) = (take_array::<1>(&mut rest)?[0], domain.number());
        if found != expected {
            return Err(FrameError::Kind { found, expected });
        }
        let length = u32::from_le_bytes(take_array(&mut rest)?);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let most = domain.bytes_max();
        if length > most {
            let bytes = length;
            return Err(FrameError::TooLong { bytes, most });
        }
        let record = take(&mut rest, length)?.to_vec();
        let signatures = read_signatures(&mut rest)?;
        match rest.len() {
            0 => Ok(Self {
                domain,
                record,
                signatures,
            }),
            bytes => Err(FrameError::Trailing { bytes }),
        }
    }

    /// The bytes that are read again.
    pub fn write(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(self.domain.number());
        // Both were bounded when the frame was made.
        out.extend_from_slice(&(self.record.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.record);
        out.push(self.signatures.len() as u8);
        for (key, signature) in &self.signatures {
            out.extend_from_slice(key);
            out.extend_from_slice(signature);
        }
        out
    }

    /// The record's bytes.
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// Adds somebody's signature; one that the key has made before is replaced.
    ///
    /// # Errors
    /// [`FrameError::TooMany`].
    pub fn sign(&mut self, network: &Network, key: &SecretKey) -> Result<(), FrameError> {
        let signature = key.sign(&self.domain.message(network, &self.record));
        self.signatures.insert(key.public().to_bytes(), signature);
        match self.signatures.len() {
            signatures if signatures > SIGNATURES_MAX => {
                self.signatures.remove(&key.public().to_bytes());
                Err(FrameError::TooMany { signatures })
            }
            _ => Ok(()),
        }
    }

    /// Takes the signatures of another frame in: those under the same record, each key's once.
    ///
    /// # Errors
    /// [`FrameError::TooMany`]: then nothing is taken in.
    pub fn take_in(&mut self, other: &Self) -> Result<(), FrameError> {
        if (other.domain, &other.record) != (self.domain, &self.record) {
            return Ok(());
        }
        let mut all = other.signatures.clone();
        all.extend(&self.signatures);
        match all.len() {
            signatures if signatures > SIGNATURES_MAX => Err(FrameError::TooMany { signatures }),
            _ => {
                self.signatures = all;
                Ok(())
            }
        }
    }

    /// Takes the signature of a key from another frame under the same record: in the place of its own, if it has one. What one
    /// of `counting` has made never goes for want of room.
    pub(crate) fn take_one(&mut self, other: &Self, key: &PublicKey, counting: &[PublicKey]) {
        let key = key.to_bytes();
        let Some(signature) = other.signatures.get(&key) else {
            return;
        };
        self.signatures.insert(key, *signature);
        let counts = |named: &[u8; 32]| counting.iter().any(|key| key.to_bytes() == *named);
        while self.signatures.len() > SIGNATURES_MAX {
            let Some(other) = self.named().find(|named| !counts(named)).copied() else {
                return;
            };
            self.signatures.remove(&other);
        }
    }

    /// The keys that are named as signers, whether or not they have signed.
    pub fn named(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.signatures.keys()
    }

    /// All whose signatures are right, whether or not they count anywhere.
    pub fn all_signers(&self, network: &Network) -> Vec<PublicKey> {
        let named = self
            .named()
            .filter_map(|key| PublicKey::from_bytes(*key).ok());
        let named: Vec<_> = named.collect();
        self.signers(network, &named).into_iter().copied().collect()
    }

    /// Which of these keys have signed the record for this network.
    pub fn signers<'k>(&self, network: &Network, keys: &'k [PublicKey]) -> Vec<&'k PublicKey> {
        let message = self.domain.message(network, &self.record);
        let has_signed = |key: &&PublicKey| {
            let signature = self.signatures.get(&key.to_bytes());
            signature.is_some_and(|signature| key.has_signed(&message, signature))
        };
        keys.iter().filter(has_signed).collect()
    }
}

fn read_signatures(rest: &mut &[u8]) -> Result<BTreeMap<[u8; 32], [u8; 64]>, FrameError> {
    let signatures = usize::from(take_array::<1>(rest)?[0]);
    if signatures > SIGNATURES_MAX {
        return Err(FrameError::TooMany { signatures });
    }
    let mut read = BTreeMap::new();
    for _ in 0..signatures {
        let key: [u8; 32] = take_array(rest)?;
        let is_next = read.last_key_value().is_none_or(|(last, _)| *last < key);
        if !is_next {
            return Err(FrameError::Order);
        }
        read.insert(key, take_array(rest)?);
    }
    Ok(read)
}

fn take<'b>(rest: &mut &'b [u8], bytes: usize) -> Result<&'b [u8], FrameError> {
    let (taken, after) = rest.split_at_checked(bytes).ok_or(FrameError::Cut)?;
    *rest = after;
    Ok(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FrameError> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(FrameError::Cut)?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;

    fn signed(signers: std::ops::RangeInclusive<u8>) -> Frame {
        let mut frame = Frame::unsigned(Domain::Keyset, b"a record".to_vec()).unwrap();
        for signer in signers {
            let key = SecretKey::from_seed(&[signer; 32]).unwrap();
            frame.sign(&"test".parse().unwrap(), &key).unwrap();
        }
        frame
    }

    #[test]
    fn a_signature_that_is_taken_in_goes_for_none_while_there_is_room_and_for_none_that_counts() {
        let most = u8::try_from(SIGNATURES_MAX).unwrap();
        let public = |seed: u8| SecretKey::from_seed(&[seed; 32]).unwrap().public();
        let mut frame = signed(1..=most - 1);
        frame.take_one(&signed(1..=most), &public(most), &[]);
        assert_eq!(frame, signed(1..=most), "the last one has room");
        let another = most + 1;
        let counting: Vec<_> = (2..=another).map(public).collect();
        frame.take_one(&signed(another..=another), &public(another), &counting);
        assert_eq!(
            frame,
            signed(2..=another),
            "the one that does not count has gone"
        );
    }
}
