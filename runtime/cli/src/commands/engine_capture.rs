//! `refit engine capture ID --out FILE`

use crate::args::CaptureArgs;
use crate::client::Client;
use crate::destination::{Content, Destination};
use crate::failure::Failure;
use crate::show;
use refit_abi::Height;
use refit_abi::fixture::Fixture;
use refit_abi::schema::SchemaId;
use refit_admin::HEADER_GENERATION;
use serde::Serialize;
use std::path::Path;

/// The stable shape of `--json`: what was written, without the state itself.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: &'a Path,
    engine: String,
    kind: &'a str,
    version: u32,
    schema: SchemaId,
    build_id: &'a str,
    height: Height,
    generation: Option<u64>,
    state_bytes: usize,
}

pub(crate) async fn run(client: &Client, args: &CaptureArgs) -> Result<(), Failure> {
    let destination = Destination::at(&args.out, Content::Fixture)?;
    let engine = args.engine.to_string();
    let answer = client.fetch(&format!("/v1/engines/{engine}/state")).await?;
    let fixture: Fixture = client.decode(&answer)?;
    destination.write_json(&fixture)?;
    let generation = answer.header(HEADER_GENERATION);
    let written = Written {
        file: &args.out,
        engine,
        kind: &fixture.kind,
        version: fixture.version,
        schema: fixture.schema,
        build_id: &fixture.build_id,
        height: fixture.height,
        generation: generation.and_then(|number| number.parse().ok()),
        state_bytes: fixture.state.len(),
    };
    if !destination.is_stdout() {
        if args.output.json {
            return show::json(&written);
        }
        show::data(&format!("{}\n", args.out.display()))?;
    }
    let Written {
        engine,
        kind,
        version,
        height,
        state_bytes,
        ..
    } = written;
    show::talk(format_args!(
        "engine {engine} ({kind}, version {version}) after block {height}: {state_bytes} bytes"
    ));
    Ok(())
}
