//! `refit snapshot inspect FILE`

use crate::args::SnapshotInspectArgs;
use crate::destination::{Content, Destination};
use crate::failure::Failure;
use crate::show::{self, snapshot::Shown};
use refit_abi::EngineId;
use refit_abi::fixture::Fixture;
use refit_node::snapshot::SnapshotFile;
use serde::Serialize;
use std::path::Path;

/// The stable shape of `--engine ENGINE --json`: what was written, without the state itself.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: &'a Path,
    engine: String,
    #[serde(flatten)]
    fixture: Facts<'a>,
}

/// What a fixture says of itself.
#[derive(Debug, Serialize)]
struct Facts<'a> {
    kind: &'a str,
    version: u32,
    schema: refit_abi::schema::SchemaId,
    build_id: &'a str,
    height: refit_abi::Height,
    state_bytes: usize,
}

pub(crate) fn run(args: &SnapshotInspectArgs) -> Result<(), Failure> {
    if let (Some(engine), Some(out)) = (args.engine, &args.out) {
        let destination = Destination::at(out, Content::Fixture)?;
        let fixture = SnapshotFile::open(&args.file)?.fixture(engine)?;
        destination.write_json(&fixture)?;
        if destination.is_stdout() {
            return Ok(());
        }
        let written = written(out, engine, &fixture);
        return match args.output.json {
            true => show::json(&written),
            false => show::data(&format!("{}\n", out.display())),
        };
    }
    let file = SnapshotFile::open(&args.file)?;
    let shown = Shown::of(&args.file, &file)?;
    match args.output.json {
        true => show::json(&shown),
        false => show::data(&shown.text()),
    }
}

fn written<'a>(file: &'a Path, engine: EngineId, fixture: &'a Fixture) -> Written<'a> {
    Written {
        file,
        engine: engine.to_string(),
        fixture: Facts {
            kind: &fixture.kind,
            version: fixture.version,
            schema: fixture.schema,
            build_id: &fixture.build_id,
            height: fixture.height,
            state_bytes: fixture.state.len(),
        },
    }
}
