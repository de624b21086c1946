//! Signed records in files: reading, signing, writing.

use super::{ReleaseFileError, read_secret};
use crate::args::SignArgs;
use crate::failure::Failure;
use crate::files::{Coming, FileError, PUBLIC};
use crate::show;
use crate::units::counted;
use refit_release::{Domain, Frame, Network, PublicKey};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file with a record and its signatures, in bytes.
const RECORD_BYTES_MAX: u64 = 128 << 10;

/// The bytes of a record's file.
pub(crate) fn read_record(path: &Path) -> Result<Vec<u8>, FileError> {
    let fail = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fail)?;
    let mut file = file.take(RECORD_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(fail)?;
    match bytes.len() as u64 > RECORD_BYTES_MAX {
        true => Err(FileError::TooLarge {
            path: path.to_owned(),
            bytes_max: RECORD_BYTES_MAX,
        }),
        false => Ok(bytes),
    }
}

/// Who signs a record, and whose signatures are taken over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing<'a> {
    /// The record.
    pub(crate) file: &'a Path,
    /// Files with secret keys.
    pub(crate) keys: &'a [PathBuf],
    /// Other copies of the record.
    pub(crate) with: &'a [PathBuf],
}

impl<'a> From<&'a SignArgs> for Signing<'a> {
    fn from(args: &'a SignArgs) -> Self {
        Self {
            file: &args.file,
            keys: &args.keys,
            with: &args.with,
        }
    }
}

/// Has the named keys sign a record, and takes over the signatures of other copies. Says who has signed now.
pub(crate) fn sign(
    frame: &mut Frame,
    network: &Network,
    by: Signing<'_>,
    read: impl Fn(&Path) -> Result<Frame, Failure>,
) -> Result<Vec<PublicKey>, Failure> {
    for other in by.with {
        let copy = read(other)?;
        if copy.record() != frame.record() {
            let (path, other) = (by.file.to_owned(), other.clone());
            return Err(ReleaseFileError::OtherRecord { path, other }.into());
        }
        frame.take_in(&copy)?;
    }
    let mut signers = Vec::new();
    for key in by.keys {
        let key = read_secret(key)?;
        frame.sign(network, &key)?;
        signers.push(key.public());
    }
    Ok(signers)
}

/// Has a new record signed and writes its file: one for whoever imports it.
pub(crate) fn sign_new(new: NewRecord<'_>, by: Signing<'_>) -> Result<(), Failure> {
    let NewRecord {
        mut frame,
        domain,
        network,
        what,
        says,
    } = new;
    let copy = |path: &Path| {
        let read = Frame::read(domain, &read_record(path)?);
        Ok(read.map_err(ReleaseFileError::of(path))?)
    };
    sign(&mut frame, network, by, copy)?;
    let mut file = write_new(by.file, what)?;
    file.write(&frame.write())?;
    file.put()?;
    let (path, signatures) = (by.file.display(), frame.named().count());
    show::talk(format_args!(
        "{path} says that {says}, with {}",
        counted(signatures, "signature")
    ));
    show::next(format_args!("refit release import {path}"));
    Ok(())
}

/// A record that somebody makes and signs.
pub(crate) struct NewRecord<'a> {
    pub(crate) frame: Frame,
    pub(crate) domain: Domain,
    pub(crate) network: &'a Network,
    /// What a file at its place would have to be to be replaced by it, in words.
    pub(crate) what: &'static str,
    /// What it says, in words.
    pub(crate) says: String,
}

/// Begins a file that must not be there yet.
pub(crate) fn write_new(path: &Path, what: &'static str) -> Result<Coming, FileError> {
    // What comes meanwhile is replaced whole: nothing is mixed.
    if path.symlink_metadata().is_ok() {
        let path = path.to_owned();
        return Err(FileError::Foreign { path, what });
    }
    Coming::begin(PUBLIC, path)
}
