//! `refit key inspect FILE`

use crate::args::KeyInspectArgs;
use crate::failure::Failure;
use crate::release::{AnyKey, read_any};
use crate::show;
use serde::Serialize;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Inspected {
    public: String,
    /// Whether the file has the secret half.
    is_secret: bool,
}

pub(crate) fn run(args: &KeyInspectArgs) -> Result<(), Failure> {
    let key = read_any(&args.file)?;
    let public = key.public().to_string();
    match args.output.json {
        true => show::json(&Inspected {
            public,
            is_secret: matches!(key, AnyKey::Secret(_)),
        }),
        false => show::data(&format!("{public}\n")),
    }
}
