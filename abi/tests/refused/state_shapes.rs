//! Items that are no struct or enum that owns its data, and `repr`s and discriminants that hide from the
//! layout hash.
use refit_abi::State;

#[derive(State)]
union Union {
    a: u64,
    b: i64,
}

#[derive(State)]
struct Lifetime<'a> {
    text: std::marker::PhantomData<&'a u8>,
}

#[derive(State)]
#[repr(C, packed(2))]
struct Packed {
    a: u64,
}

#[derive(State)]
#[repr(u8)]
enum Tag {
    A,
}

const SEVEN: isize = 7;

#[derive(State)]
enum Computed {
    A = SEVEN,
    B = -3,
}

fn main() {}
