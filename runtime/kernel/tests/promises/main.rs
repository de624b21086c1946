//! Promises of the kernel, tried from outside: order, determinism over workers and swaps, failures,
//! bounds, timers, lifecycles. The engines are linked in; see [`actor`] for what they can do.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod actor;
mod bounds;
mod failures;
mod harness;
mod lifecycle;
mod model;
mod order;
mod script;
mod timers;
mod workers;
