//! Failures, bounds and spawning, on an executor that is driven alone, without a crew. The engines
//! are linked in; see [`actor`] for what they can do.

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
mod reserve;
mod rollback;
mod rounds;
mod runs;
mod script;
mod spawning;
mod stream;
