//! Commands in rooms: what they see, what is refused, what ends them, and that nothing is left.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod attacks;
mod giving;
mod levels;
mod room;
