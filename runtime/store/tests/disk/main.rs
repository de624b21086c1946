//! The promises of the store that outlives its process: to its writer, to a start after any end, and on a disk that
//! fails.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod cut;
mod failing;
mod flips;
mod newest;
mod promises;
mod reader;
mod steps;
