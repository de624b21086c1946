//! The promises of an upgrade, on real crews, with two and more versions of one engine kind linked
//! into this program.
//!
//! | file | what it is |
//! |---|---|
//! | `common/ring` | one engine kind in six versions; each crosses to the next by another class |
//! | `common/node` | executor, crew and update point, as small as they can be |
//! | `swap` | what holds after an upgrade, for each class |
//! | `abort` | what holds after a failure, for each phase |
//! | `mixed` | many engines exchange messages while they are swapped |
//! | `plan` | plans: every class, every refusal, the file |
//! | `workers` | the same blocks and upgrades on one, two and four workers |
//!
//! Random histories are in a program of their own, `model`, which counts what lives in its process.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod abort;
mod hostile_plan;
mod lint;
mod lint_words;
mod mixed;
#[path = "../common/node.rs"]
mod node;
mod plan;
#[expect(dead_code, reason = "some of it is for `model`")]
#[path = "../common/ring.rs"]
mod ring;
mod swap;
mod workers;
