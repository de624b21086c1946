//! Keys, keysets and releases as the command line meets them: files.

mod error;
mod kept;
mod key;
mod keysets;
mod modules;
mod named;
mod other;
mod record;
mod tree;
mod unpacked;

pub(crate) use error::ReleaseFileError;
pub(crate) use kept::{note_damage, open};
pub(crate) use key::{AnyKey, public_keys, read_any, read_secret, write_secret};
pub(crate) use keysets::{beside, trusted};
pub(crate) use modules::{PackedModule, modules};
pub(crate) use named::Named;
pub(crate) use other::Other;
pub(crate) use record::{NewRecord, Signing, read_record, sign, sign_new, write_new};
pub(crate) use tree::Tree;
pub(crate) use unpacked::unpack;
