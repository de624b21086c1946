//! [`Amount`]: how much mail.

/// How many letters, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) letters: usize,
    pub(crate) bytes: usize,
}
