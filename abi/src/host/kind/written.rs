//! A state written down: as bytes, in pieces, hashed.

use super::Kind;
use crate::host::call::CallError;
use crate::host::deep;
use crate::host::instance::Instance;
use crate::host::pieces::Pieces;
use crate::host::running::Call;

/// BLAKE3 of what a state says it is; see [`Kind::witness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Witness([u8; 32]);

/// BLAKE3 of a state's bytes; see [`Kind::digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Kind {
    /// Appends the state as postcard to `out`.
    ///
    /// # Errors
    /// [`CallError`] if a `#[state(serde)]` field does not encode, leaves a part of itself out, or panics;
    /// [`CallError::TooDeep`].
    pub fn encode(&self, instance: &Instance, out: &mut Vec<u8>) -> Result<(), CallError> {
        self.read(Call::Encode, instance, out, |state, sink| {
            // SAFETY: as in `query`; state (`Sync`) and buffer may be used by the other thread while this one waits,
            // and nothing was written after `TooDeep`.
            unsafe { deep::call(|| (self.table.encode)(state, sink)) }
        })
    }

    /// The state as postcard, in pieces of `bytes_max` bytes: each but the last has at least as many, and more
    /// only by the one thing that it ends with. (What is one thing, the author's guide says.) 0 counts as 1.
    ///
    /// Nothing may change the state until the last piece is there, which the borrow sees to.
    pub fn encode_pieces<'a>(&'a self, instance: &'a Instance, bytes_max: usize) -> Pieces<'a> {
        Pieces::new(self, instance, bytes_max)
    }

    /// BLAKE3 of what [`Kind::encode`] gives, in memory for one piece of it; `bytes_max` as in
    /// [`Kind::encode_pieces`], and without influence on what comes out.
    ///
    /// # Errors
    /// As [`Kind::encode`].
    pub fn digest(&self, instance: &Instance, bytes_max: usize) -> Result<Digest, CallError> {
        let mut hasher = blake3::Hasher::new();
        for piece in self.encode_pieces(instance, bytes_max) {
            hasher.update(&piece?);
        }
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    /// The hash of what the state reports of itself: states that differ have different ones, also where their bytes
    /// are equal because something is left out of them.
    ///
    /// # Errors
    /// As [`Kind::encode`].
    pub fn witness(&self, instance: &Instance) -> Result<Witness, CallError> {
        let mut bytes = Vec::new();
        self.read(Call::Encode, instance, &mut bytes, |state, sink| {
            // SAFETY: as in `query`; state (`Sync`) and buffer may be used by the other thread while this one waits,
            // and nothing was written after `TooDeep`.
            unsafe { deep::call(|| (self.table.witness)(state, sink)) }
        })?;
        let reason = || CallError::Rejected {
            reason: format!("its witness has {} bytes", bytes.len()),
        };
        bytes
            .as_slice()
            .try_into()
            .map(Witness)
            .map_err(|_| reason())
    }
}
