//! `refit engine inspect FILE`

use crate::args::InspectArgs;
use crate::artifact::{self, Examined};
use crate::failure::Failure;
use crate::show;
use refit_abi::descriptor::Descriptor;
use refit_loader::Import;
use serde::Serialize;
use std::path::Path;

/// The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Inspected<'a> {
    file: &'a Path,
    artifact: String,
    needed: &'a [String],
    soname: Option<&'a str>,
    outside: Vec<Outside<'a>>,
    descriptor: &'a Descriptor,
}

/// A function by which it reaches outside of the node.
#[derive(Debug, Serialize)]
struct Outside<'a> {
    class: String,
    symbol: &'a str,
}

fn outside(import: &Import) -> Outside<'_> {
    Outside {
        class: import.outside.to_string(),
        symbol: &import.symbol,
    }
}

pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let examined = artifact::examine(&args.file)?;
    if args.output.json {
        show::json(&Inspected::of(&examined))?;
    } else {
        show::data(&show::library::text(&examined))?;
    }
    let kind = examined
        .descriptor
        .kinds
        .first()
        .map_or("KIND", |kind| kind.kind.as_str());
    show::next(format_args!(
        "refit upgrade plan {kind}={} --out plan.json",
        args.file.display()
    ));
    Ok(())
}

impl<'a> Inspected<'a> {
    fn of(examined: &'a Examined) -> Self {
        Self {
            file: &examined.path,
            artifact: examined.id.to_string(),
            needed: &examined.inspection.needed,
            soname: examined.inspection.soname.as_deref(),
            outside: examined.inspection.outside.iter().map(outside).collect(),
            descriptor: &examined.descriptor,
        }
    }
}
