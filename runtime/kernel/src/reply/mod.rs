//! What whoever asked is told in the end.

pub(crate) mod refusal;
