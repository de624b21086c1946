//! Any bytes that come through the seam: as a client's message, as an engine's, as one of an older version, as a notice,
//! a query, a configuration, a letter of an upgrade, a state. No call ends by a panic or takes more memory than
//! its bytes stand for, and what is read is written in one form, which reads back as the same.
//!
//! Seeds and counts: see `refit_fuzzing`.

mod echo;
mod envelopes;
mod node;
