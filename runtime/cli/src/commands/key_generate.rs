//! `refit key generate --out FILE`

use crate::args::KeyGenerateArgs;
use crate::failure::Failure;
use crate::release::write_secret;
use crate::show;
use refit_release::SecretKey;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::Serialize;
use std::path::Path;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Generated<'a> {
    public: String,
    secret_file: &'a Path,
}

pub(crate) fn run(args: &KeyGenerateArgs) -> Result<(), Failure> {
    let key = SecretKey::from_seed(&seed()?)?;
    write_secret(&args.out, &key)?;
    let public = key.public().to_string();
    match args.output.json {
        true => show::json(&Generated {
            public,
            secret_file: &args.out,
        }),
        false => show::data(&format!("{public}\n")),
    }
}

/// 32 bytes of the system's randomness.
fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    let mut filled = 0;
    while filled < seed.len() {
        let some = getrandom(&mut seed[filled..], GetRandomFlags::empty());
        filled += some.map_err(|error| Failure::start(error.into()))?;
    }
    Ok(seed)
}
