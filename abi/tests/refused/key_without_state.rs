//! A key is a part of a state.
use refit_abi::StateKey;

#[derive(StateKey)]
struct Key(u64);

#[derive(StateKey)]
struct Borrowed<'a>(&'a str);

#[derive(StateKey)]
union Union {
    a: u64,
}

fn main() {}
