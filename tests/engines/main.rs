//! The engines themselves, without a node: their rules, and their migrations over any old state.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

// The states of published old versions, as text: `stand_in!` makes an old engine of each by implementing `Engine` for it,
// and only the crate of a type may.
#[path = "../../engines/accounts/src/v1.rs"]
#[allow(unreachable_pub, reason = "it is an engine's own file")]
mod accounts_v1;
#[path = "../../engines/kv/src/v1.rs"]
#[allow(unreachable_pub, reason = "it is an engine's own file")]
mod kv_v1;
mod migrations;
mod rules;
