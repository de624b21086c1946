//! What keeps a command from a key, a keyset or a release: the file, or what is in it.

use super::named::DIGITS_MIN;
use super::other::Other;
use crate::failure::Reported;
use refit_abi::host::Explain;
use refit_abi::{Height, codes};
use refit_release::archive::{ArchiveError, PackError};
use refit_release::attestation::AttestationError;
use refit_release::canonical::DecodeError;
use refit_release::frame::FrameError;
use refit_release::key::{KeyError, SecretKeyError};
use refit_release::keyset::{FirstError, KeysetError, RotationError};
use refit_release::manifest::{ReadError, UnsignedError};
use refit_release::quorum::QuorumError;
use refit_release::revocation::RevocationError;
use refit_release::tree::{ListingError, TreeError};
use refit_release::{PublicKey, VerifyError, next_of};
use std::borrow::Cow;
use std::path::PathBuf;

/// An error of what is in a file.
pub(crate) trait Content: Explain + std::error::Error + Send + Sync + 'static {}

/// What is in a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReleaseFileError {
    #[error("{}: {why}", path.display())]
    In {
        path: PathBuf,
        why: Box<dyn Content>,
    },
    #[error("the secret key {} may be read by others: its mode is {mode:o}", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "what is named as a file is a secret key itself: others can read what is typed, and this is not shown again"
    )]
    SecretInArgument,
    #[error("{} is a public key, and the secret one signs", path.display())]
    NotSecret { path: PathBuf },
    #[error("{} is no root key of the keyset {}: its signature counts for nothing there", key, path.display())]
    NoSay { path: PathBuf, key: PublicKey },
    #[error("{}: the library has no kind `{named}`; it has {found}", path.display())]
    OtherKind {
        path: PathBuf,
        named: String,
        found: String,
    },
    #[error("{} and {} are of one package, {package}", one.display(), other.display())]
    PackageTwice {
        package: String,
        one: PathBuf,
        other: PathBuf,
    },
    #[error(
        "`{text}` is neither a release's file, nor its id or {DIGITS_MIN} digits of its beginning, nor KIND=PATH"
    )]
    NoRelease { text: String },
    #[error("the node has no release whose id begins with {prefix}")]
    UnknownRelease { prefix: String },
    #[error("several releases have ids that begin with {prefix}: {}", ids.join(", "))]
    SeveralReleases { prefix: String, ids: Vec<String> },
    #[error("{} is neither a file nor a folder with a name of plain letters: a release's source has nothing else", path.display())]
    NoSource { path: PathBuf },
    #[error("{} is a {what}, and no release, and nothing that revokes or attests one", path.display())]
    NotImported { path: PathBuf, what: Other },
    #[error("no block is both from {from} and until {until}: the first comes after the last")]
    NoWindow { from: Height, until: Height },
    #[error("no package of the source is called {package}, and {} is of it", library.display())]
    NotInSource { package: String, library: PathBuf },
    #[error("a release brings all of its own: name nothing beside it")]
    Beside,
    #[error("{} has no source: there is nothing to build", path.display())]
    SourceLess { path: PathBuf },
    #[error("{package}, built from the source, is not what the release says of it: {what} differ")]
    BuiltDiffers { package: String, what: &'static str },
    #[error("the release's source cannot be unpacked into {}: {source}", path.display())]
    Unpack {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the node builds no release: its engines would reach the folder that it builds in")]
    BuildsInReach,
    #[error("{} is another record than {}", other.display(), path.display())]
    OtherRecord { path: PathBuf, other: PathBuf },
}

impl ReleaseFileError {
    /// Names the file that an error is about.
    pub(crate) fn of<E: Content>(path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |why| Self::In {
            path,
            why: Box::new(why),
        }
    }
}

impl Explain for ReleaseFileError {
    fn code(&self) -> &str {
        match self {
            Self::In { why, .. } => why.code(),
            Self::Exposed { .. } | Self::SecretInArgument => codes::KEY_EXPOSED,
            Self::NotSecret { .. } => codes::KEY_MALFORMED,
            Self::NoSay { .. } => codes::KEY_NO_ROOT,
            Self::OtherKind { .. } | Self::PackageTwice { .. } => codes::PACK_REFUSED,
            Self::OtherRecord { .. } | Self::NotImported { .. } => codes::RECORD_MALFORMED,
            Self::NoRelease { .. } | Self::UnknownRelease { .. } | Self::SeveralReleases { .. } => {
                codes::RELEASE_UNKNOWN
            }
            Self::NoSource { .. } => codes::SOURCE_REFUSED,
            Self::NotInSource { .. } | Self::NoWindow { .. } => codes::PACK_REFUSED,
            Self::Beside => codes::PLAN_BESIDE_RELEASE,
            Self::SourceLess { .. } => codes::RELEASE_INCOMPLETE,
            Self::BuiltDiffers { .. } => codes::RELEASE_CODE_DIFFERS,
            Self::Unpack { .. } => codes::BUILD_IO,
            Self::BuildsInReach => codes::BUILDS_IN_REACH,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        match self {
            Self::In { why, .. } => why.next(),
            Self::NotSecret { .. } => {
                Cow::Borrowed("name the file that `refit key generate --out FILE` wrote")
            }
            Self::NotImported { path, what } => what.next(path),
            Self::NoWindow { .. } => Cow::Borrowed("give an --until that is not before --from"),
            Self::OtherRecord { .. } => Cow::Borrowed("name another copy of the very same record"),
            Self::SourceLess { .. } => {
                Cow::Borrowed("have it packed with `refit release pack --source DIR`")
            }
            Self::BuiltDiffers { .. } => Cow::Borrowed(
                "do not use it, and tell those who have signed it: it says otherwise than its source",
            ),
            Self::SecretInArgument => Cow::Borrowed(
                "make another key, this one is no secret any more; name the file with it, or `-` for stdin",
            ),
            Self::Unpack { .. } => {
                Cow::Borrowed("name a folder with --root that you may write, on a disk with space")
            }
            _ => next_of(self.code()),
        }
    }
}

impl Reported for ReleaseFileError {}

macro_rules! contents {
    ($($error:ty),* $(,)?) => {
        $(
            impl Content for $error {}
            impl Reported for $error {}
        )*
    };
}

contents!(
    AttestationError,
    TreeError,
    ListingError,
    ArchiveError,
    PackError,
    DecodeError,
    FrameError,
    KeyError,
    SecretKeyError,
    FirstError,
    KeysetError,
    RevocationError,
    RotationError,
    ReadError,
    UnsignedError,
    QuorumError,
    VerifyError,
);
