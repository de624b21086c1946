//! `refit release source ENGINE… --out DIR`

use crate::args::ReleaseSourceArgs;
use crate::failure::Failure;
use crate::show;
use crate::source::lay_tree;

pub(crate) fn run(args: &ReleaseSourceArgs) -> Result<(), Failure> {
    let packages = lay_tree(&args.engines, &args.out)?;
    let shown = args.out.display();
    show::talk(format_args!(
        "{shown} has {}, the contract, and all crates that they need",
        packages.join(", ")
    ));
    show::data(&format!("{shown}\n"))?;
    show::next(format_args!(
        "refit release pack --engine KIND=LIBRARY --source {shown} …"
    ));
    Ok(())
}
