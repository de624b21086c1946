//! Whatever bytes come through the seam: as a client's message, as an engine's, as one of an older version, as a notice,
//! a query, a configuration, a letter of an upgrade, a state. No call ends by a panic or takes more memory than
//! its bytes stand for, and what is read is written in one form, which reads back as the same.
//!
//! Seeds and counts: see `refit_fuzzing`.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod echo;
mod envelopes;
mod node;

/// Each test looks at what its own thread takes.
#[global_allocator]
static COUNTED: refit_fuzzing::Counting = refit_fuzzing::Counting;
