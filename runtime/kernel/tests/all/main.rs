//! The promises of the kernel, with engines that are linked into this program.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod apart;
mod batches;
mod bounded;
mod budgets;
mod bytes;
mod causes;
mod faults;
mod fullness;
mod fuzz;
mod guide;
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
mod reserve;
mod rig;
mod rollback;
mod rounds;
mod runs;
mod sections;
mod spawning;
mod stream;
mod timers;
mod tree;
mod troubles;
mod workers;

/// What a decoder takes is counted, for each test by itself.
#[global_allocator]
static COUNTED: refit_fuzzing::Counting = refit_fuzzing::Counting;
