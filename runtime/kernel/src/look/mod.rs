//! Looking at an executor between two blocks: how its engines are ([`inspect`]), and what one of them answers
//! ([`query`]).

pub(crate) mod inspect;
mod query;
