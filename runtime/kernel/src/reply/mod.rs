//! What whoever asked is told in the end: of a message why it has no reply ([`error`]), of a key why it is not taken
//! ([`refusal`]), of an order what it has done ([`done`]).

pub(crate) mod done;
pub(crate) mod error;
pub(crate) mod refusal;
