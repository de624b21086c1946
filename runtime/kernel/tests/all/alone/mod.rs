//! An executor that is driven alone, without a crew. The engines are linked in; see [`actor`] for what they can do.

pub(crate) mod actor;
pub(crate) mod harness;
pub(crate) mod script;
