//! Keys in files and arguments.

use super::ReleaseFileError;
use crate::failure::Failure;
use crate::files::{FileError, PRIVATE, read_bounded};
use refit_release::key::{KeyError, SECRET_SCHEME};
use refit_release::{PublicKey, SecretKey};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Longest file with a key, in bytes.
const KEY_BYTES_MAX: u64 = 1 << 10;

/// Rights of others than the owner.
const OTHERS: u32 = 0o077;

/// A secret or a public key.
#[derive(Debug)]
pub(crate) enum AnyKey {
    Secret(SecretKey),
    Public(PublicKey),
}

impl AnyKey {
    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Secret(secret) => secret.public(),
            Self::Public(public) => *public,
        }
    }
}

/// Reads the key of a file; `-` is stdin.
pub(crate) fn read_any(path: &Path) -> Result<AnyKey, Failure> {
    let text = read(path, Readers::Any)?;
    if let Ok(secret) = SecretKey::from_text(&text) {
        return Ok(AnyKey::Secret(secret));
    }
    let public = text.trim().parse::<PublicKey>();
    let public = public.map_err(ReleaseFileError::of(path))?;
    Ok(AnyKey::Public(public))
}

/// Reads a secret key from a file that its owner alone may read; `-` is stdin.
pub(crate) fn read_secret(path: &Path) -> Result<SecretKey, Failure> {
    let text = read(path, Readers::Owner).or_else(|failure| public_text(path).ok_or(failure))?;
    if is_public(&text) {
        let path = path.to_owned();
        return Err(ReleaseFileError::NotSecret { path }.into());
    }
    Ok(SecretKey::from_text(&text).map_err(ReleaseFileError::of(path))?)
}

/// The text of a file with a public key: that others may read it is not what is wrong with it.
fn public_text(path: &Path) -> Option<String> {
    let is_file = path.is_file();
    let text = is_file.then(|| read(path, Readers::Any).ok()).flatten();
    text.filter(|text| is_public(text))
}

fn is_public(text: &str) -> bool {
    text.trim().parse::<PublicKey>().is_ok()
}

/// Who may read a file with a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    Owner,
    Any,
}

fn read(path: &Path, readers: Readers) -> Result<String, Failure> {
    let fail = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    if is_secret(path) {
        return Err(ReleaseFileError::SecretInArgument.into());
    }
    let text = if path == Path::new("-") {
        read_bounded(io::stdin().lock(), KEY_BYTES_MAX)
    } else {
        let file = File::open(path).map_err(fail)?;
        let mode = file.metadata().map_err(fail)?.permissions().mode() & 0o777;
        if readers == Readers::Owner && mode & OTHERS != 0 {
            let path = path.to_owned();
            return Err(ReleaseFileError::Exposed { path, mode }.into());
        }
        read_bounded(file, KEY_BYTES_MAX)
    };
    let text = text.map_err(fail)?;
    Ok(text.ok_or_else(|| FileError::TooLarge {
        path: path.to_owned(),
        bytes_max: KEY_BYTES_MAX,
    })?)
}

/// Whether what is named as a file is the secret itself.
fn is_secret(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .trim_ascii_start()
        .starts_with(SECRET_SCHEME.as_bytes())
}

/// The keys that are named: each by its text, or by a file with it.
pub(crate) fn public_keys(named: &[String]) -> Result<Vec<PublicKey>, Failure> {
    named.iter().map(|named| public_key(named)).collect()
}

fn public_key(named: &str) -> Result<PublicKey, Failure> {
    match named.parse::<PublicKey>() {
        Ok(key) => Ok(key),
        // It is no text of a key: a file.
        Err(KeyError::Text) => Ok(read_any(Path::new(named))?.public()),
        Err(refused) => Err(refused.into()),
    }
}

/// Writes a secret key into a new file that its owner alone may read.
pub(crate) fn write_secret(path: &Path, key: &SecretKey) -> Result<(), FileError> {
    let write = || {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(PRIVATE)
            .open(path)?;
        file.write_all(key.to_text().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::KeyThere {
            path: path.to_owned(),
        },
        _ => FileError::Unwritable {
            path: path.to_owned(),
            source,
        },
    })
}
