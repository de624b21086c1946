//! Looking at an executor between two blocks.

pub(crate) mod inspect;
