//! Small runs of the benches: each is whole and says what it did.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod checkpoint;
mod small;
mod swap;
