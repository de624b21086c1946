//! A refused type is found wherever it is written in a field's type.
use refit_abi::State;
use std::collections::{BTreeMap, HashMap};

#[derive(State)]
struct Deep {
    argument: Vec<Option<(u8, Box<HashMap<u8, u8>>)>>,
    array: [Result<f32, u8>; 2],
    slice: Box<[&'static str]>,
    value: BTreeMap<u8, std::sync::Arc<u8>>,
    parenthesised: (Vec<(f64)>,),
    long: Vec<[u8; 64]>,
}

#[derive(State)]
enum InVariants {
    Tuple(u8, Vec<f64>),
    Named { inner: Option<std::rc::Rc<u8>> },
}

fn main() {}
