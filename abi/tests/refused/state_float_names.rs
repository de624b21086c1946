//! `#[state(float)]` on names that stand for something else than they say.
use refit_abi::{Deserialize, Serialize, State};

mod other {
    use super::{Deserialize, Serialize, State};

    #[allow(non_camel_case_types)]
    type f64 = u64;
    type Vec<T> = Option<T>;
    #[derive(Serialize, Deserialize)]
    pub struct VecDeque<T>(T);

    #[derive(State, Serialize, Deserialize)]
    struct Renamed {
        #[state(float)]
        number: f64,
        #[state(float)]
        list: VecDeque<f32>,
        #[state(float)]
        an_alias_of_the_list_is_described_as_what_it_is: Vec<f32>,
    }
}

fn main() {}
