//! [`ManifestError`].

use super::MANIFEST_FORMAT;

/// What does not hold of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is of another form.
    #[error("the manifest is of form {found}; this program reads {MANIFEST_FORMAT}")]
    Format {
        /// The form that it says.
        found: u8,
    },
    /// A list has too many entries.
    #[error("{what}: {found} entries; at most {most} are taken")]
    TooMany {
        /// The list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What is taken.
        most: usize,
    },
    /// A list is empty that may not be.
    #[error("{what}: there is none")]
    None {
        /// The list.
        what: &'static str,
    },
    /// A list has an entry twice, or is not in order.
    #[error("{what}: the entries are not in their order, each once")]
    Order {
        /// The list.
        what: &'static str,
    },
    /// A text is empty, too long, or has characters that it may not have.
    #[error("{what} `{}` is not 1 to {most} plain characters", text.escape_debug())]
    Text {
        /// What the text is.
        what: &'static str,
        /// The text.
        text: String,
        /// The longest, in bytes.
        most: usize,
    },
    /// A name that is no engine kind's.
    #[error("`{}` is no name of an engine kind", name.escape_debug())]
    Kind {
        /// The name.
        name: String,
    },
    /// A kind comes with two modules.
    #[error("the kind {kind} is in two modules")]
    KindTwice {
        /// Its name.
        kind: String,
    },
    /// A folder that does not lie in the tree.
    #[error("`{}` is no folder of the source tree", folder.escape_debug())]
    Folder {
        /// The folder.
        folder: String,
    },
    /// A file is longer than a file may be, or empty.
    #[error("a file of {bytes} bytes; 1 to {most} are taken")]
    FileBytes {
        /// Its length.
        bytes: u64,
        /// The longest.
        most: u64,
    },
    /// A module is neither source nor file.
    #[error("the module {package} comes neither as source nor as a file")]
    Nothing {
        /// Its package.
        package: String,
    },
    /// The window ends before it begins.
    #[error("the activation window ends before it begins")]
    Window,
    /// It names differences of a kind that it does not have.
    #[error("differences are expected of {kind}, which the release does not have")]
    NoSuchKind {
        /// The kind.
        kind: String,
    },
}
