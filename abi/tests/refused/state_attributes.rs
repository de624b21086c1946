//! `#[state(…)]` with words it does not know, twice, or in the wrong place.
use refit_abi::State;

#[derive(State)]
#[state(versoin = 1)]
struct Unknown {
    a: u64,
}

#[derive(State)]
#[state(version = 1)]
#[state(version = 2)]
struct Twice {
    a: u64,
}

#[derive(State)]
#[state(name = "")]
struct Nameless {
    a: u64,
}

#[derive(State)]
#[state(version = -1)]
struct Negative {
    a: u64,
}

#[derive(State)]
struct Field {
    #[state(version = 1)]
    a: u64,
}

#[derive(State)]
enum Variant {
    #[state(serde)]
    A(u64),
}

#[derive(State)]
struct Parameter<T> {
    #[state(serde)]
    a: Vec<T>,
}

fn main() {}
