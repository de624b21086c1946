//! serde attributes for types that are no states, and one that no one knows yet.
use refit_abi::{Deserialize, Serialize, State};
use std::borrow::Cow;

#[derive(State, Serialize, Deserialize)]
struct Borrowed<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

struct Foreign {
    a: u64,
}

impl Foreign {
    fn a(&self) -> u64 {
        self.a
    }
}

impl From<Remote> for Foreign {
    fn from(remote: Remote) -> Self {
        Self { a: remote.a }
    }
}

#[derive(State, Serialize, Deserialize)]
#[serde(remote = "Foreign")]
struct Remote {
    #[serde(getter = "Foreign::a")]
    a: u64,
}

#[derive(State, Deserialize)]
#[serde(variant_identifier)]
enum Variants {
    A,
}

#[derive(State, Deserialize)]
#[serde(field_identifier)]
enum Fields {
    A,
}

#[derive(State, Serialize, Deserialize)]
struct Later {
    #[serde(not_invented_yet)]
    a: u64,
}

fn main() {}
