//! Keeps an author from breaking what was published: the lock, the comparison of each build with
//! it, the frozen old types, the stub of the next step, the template of a new engine.
//!
//! Everything here is a function from texts and descriptions to texts and findings. Nothing is read,
//! written, run or printed: the commands of `refit engine` do that, and whatever else wants these rules.

pub mod attributes;
pub mod compare;
pub mod freeze;
pub mod frozen;
pub mod impact;
pub mod lock;
pub mod render;
pub mod stub;
pub mod template;
pub mod types;

mod finding;
