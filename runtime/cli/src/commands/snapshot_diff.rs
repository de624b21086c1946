//! `refit snapshot diff A B`

use crate::args::DiffArgs;
use crate::failure::Failure;
use crate::show;
use refit_node::snapshot::{SnapshotDifference, SnapshotFile, diff};

pub(crate) fn run(args: &DiffArgs) -> Result<(), Failure> {
    let mut a = SnapshotFile::open(&args.a)?;
    let mut b = SnapshotFile::open(&args.b)?;
    let difference = diff(&mut a, &mut b, args.entries)?;
    if args.output.json {
        return show::json(&difference);
    }
    if difference == SnapshotDifference::default() {
        show::talk("the snapshots do not differ");
        return Ok(());
    }
    show::data(&show::snapshot::difference(&difference))
}
