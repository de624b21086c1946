//! The promises of the kernel, with engines that are linked into this program.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod alone;
mod bounded;
mod bounds;
mod budgets;
mod bytes;
mod causes;
mod failures;
mod faults;
mod fuzz;
mod histories;
mod hostile;
mod image;
mod leading_on;
mod lifecycle;
mod once;
mod once_copied;
mod ordered_once;
mod orders;
mod parameters;
mod queries;
mod random;
mod reserve;
mod rig;
mod rollback;
mod rounds;
mod runs;
mod spawning;
mod stream;
mod timers;
mod troubles;
mod workers;

/// What a decoder takes is counted, for each test by itself.
#[global_allocator]
static COUNTED: refit_fuzzing::Counting = refit_fuzzing::Counting;
