//! Failures, bounds and spawning, on an executor that is driven alone, without a crew. The engines
//! are linked in; see [`actor`] for what they can do.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod actor;
mod bounds;
mod bytes;
mod causes;
mod failures;
mod fuzz;
mod harness;
mod hostile;
mod image;
mod leading_on;
mod once;
mod ordered_once;
mod orders;
mod parameters;
mod queries;
#[path = "../scripted/random.rs"]
mod random;
mod reserve;
mod rollback;
mod rounds;
mod runs;
mod script;
mod spawning;
mod stream;

/// What a decoder takes is counted, for each test by itself.
#[global_allocator]
static COUNTED: refit_fuzzing::Counting = refit_fuzzing::Counting;
