//! The promises of the kernel, with engines that are linked into this program.
//!
//! | folder | how its tests drive an executor |
//! |---|---|
//! | `crewed` | on crews of real threads; for random scripts a plain model foretells all that a block gives |
//! | `alone` | on the test's own thread, without a crew: what no thread has a part in, and what a test looks at between two steps |

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod alone;
mod crewed;
mod random;

/// What a decoder takes is counted, for each test by itself.
#[global_allocator]
static COUNTED: refit_fuzzing::Counting = refit_fuzzing::Counting;
