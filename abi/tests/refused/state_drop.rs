//! A state with `Drop`: that code would be gone when the state is dropped.
use refit_abi::{Deserialize, Serialize, State};

#[derive(State, Serialize, Deserialize)]
struct Guard {
    a: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {}
}

#[derive(State, Serialize, Deserialize)]
struct Generic<T> {
    a: T,
}

impl<T> Drop for Generic<T> {
    fn drop(&mut self) {}
}

fn main() {}
