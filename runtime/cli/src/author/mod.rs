//! What helps an author not to break what was published: the lock, the comparison of each build with
//! it, the frozen old types, the stub of the next step, the template of a new engine.
//!
//! Everything here is a function from descriptions to text or findings; the commands read and write.

pub(crate) mod attributes;
pub(crate) mod checkout;
pub(crate) mod compare;
pub(crate) mod error;
mod finding;
pub(crate) mod freeze;
pub(crate) mod frozen;
pub(crate) mod impact;
pub(crate) mod kept;
pub(crate) mod lock;
mod lock_file;
pub(crate) mod render;
pub(crate) mod stub;
pub(crate) mod template;

#[cfg(test)]
mod samples;
