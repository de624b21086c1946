//! The promises of an upgrade, on real crews, with two and more versions of one engine kind linked
//! into this program.
//!
//! | file | what it is |
//! |---|---|
//! | `ring` | one engine kind in six versions; each crosses to the next by another class |
//! | `node` | executor, crew and update point, as small as they can be |
//! | `swap` | what holds after an upgrade, for each class |
//! | `abort` | what holds after a failure, for each phase |
//! | `mixed` | many engines exchange messages while they are swapped |
//! | `plan` | plans: every class, every refusal, the file |
//! | `workers` | the same blocks and upgrades on one, two and four workers |
//! | `model` | random histories, in a process of their own: what lives in it is counted |
//! | `bus` | what engines do to each other while it runs |
//! | `settling` | what comes after the commit |

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod abort;
mod bus;
mod hostile_plan;
mod lint;
mod lint_words;
mod mixed;
mod model;
mod node;
mod plan;
mod plan_bounds;
mod ring;
mod settling;
mod swap;
mod workers;
