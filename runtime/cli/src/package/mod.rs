//! The package of an engine as the commands meet it: its folder is read here, its repository is asked,
//! and what was found is printed. The rules themselves are `refit-author`'s, which does none of this.

pub(crate) mod checkout;
pub(crate) mod error;
pub(crate) mod published;

mod read;

pub(crate) use read::{declarations, lock, name};
