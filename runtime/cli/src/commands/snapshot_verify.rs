//! `refit snapshot verify FILE`

use crate::args::VerifyArgs;
use crate::failure::Failure;
use crate::show::{self, snapshot::Summary};
use refit_node::snapshot::SnapshotFile;

pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let mut file = SnapshotFile::open(&args.file)?;
    let state = file.verify()?;
    let summary = Summary::of(&args.file, &file).found(state);
    match args.output.json {
        true => show::json(&summary),
        false => show::data(&format!(
            "whole: {}\nstate hash {}\n",
            summary.line(),
            summary.state()
        )),
    }
}
