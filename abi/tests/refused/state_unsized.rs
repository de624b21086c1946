//! `?Sized`, under any name: the compiler uses other free bits of a struct whose last field may have no size.
use refit_abi::State;

#[derive(State)]
struct Parameter<T: ?Sized> {
    x: u32,
    a: bool,
    b: T,
}

#[derive(State)]
struct Clause<T>
where
    T: ?core::marker::Sized,
{
    x: u32,
    a: bool,
    b: T,
}

fn main() {}
