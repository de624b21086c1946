//! The engines that are linked in ([`actor`]), a node of crews for them ([`node`]), and what foretells their blocks
//! ([`model`]).

pub(crate) mod actor;
pub(crate) mod model;
pub(crate) mod node;
