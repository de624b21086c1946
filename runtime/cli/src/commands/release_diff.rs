//! `refit release diff A B`

use crate::args::ReleaseDiffArgs;
use crate::failure::Failure;
use crate::release::open;
use crate::show::{self, release_diff::Difference};

pub(crate) fn run(args: &ReleaseDiffArgs) -> Result<(), Failure> {
    let a = open(&args.a)?.claims(&args.a)?;
    let b = open(&args.b)?.claims(&args.b)?;
    let difference = Difference::of(&a, &b);
    match args.output.json {
        true => show::json(&difference),
        false => show::data(&difference.text()),
    }
}
