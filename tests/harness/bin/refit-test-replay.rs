//! A node in a process of its own that is fed the blocks of another: `refit-test-replay SCENE LOG`, both files of
//! JSON. Prints what it has come to, as JSON.

use refit_tests::Scene;
use std::fs::File;
use std::io::{BufReader, Error};

fn main() -> Result<(), Error> {
    let mut files = std::env::args_os().skip(1).map(File::open);
    let mut next = || {
        let missing = || Error::other("give a scene and a log: refit-test-replay SCENE LOG");
        files.next().unwrap_or_else(|| Err(missing()))
    };
    let scene: Scene = serde_json::from_reader(BufReader::new(next()?))?;
    let log: Vec<Vec<u8>> = serde_json::from_reader(BufReader::new(next()?))?;
    println!("{}", serde_json::to_string(&scene.replay(&log))?);
    Ok(())
}
