//! The engines' part of the node's log: the lines they write ([`lines`]), what went wrong with them ([`troubles`]),
//! and states whose memory is kept ([`leaks`]).

pub(crate) mod leaks;
pub(crate) mod lines;
pub(crate) mod troubles;
