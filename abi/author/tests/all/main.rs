//! The author's rules, asked as the commands ask them: by what the crate offers.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod attributes;
mod compare;
mod freeze;
mod impact;
mod lock;
mod render;
mod samples;
mod stub;
