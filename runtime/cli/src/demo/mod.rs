//! `refit demo`: a node, real HTTP clients, and four upgrades under load; then a kill and a roll-back.
//!
//! The node is a process of its own, started with `refit run`; the clients are tasks here, which
//! talk HTTP to its socket on a schedule that was fixed beforehand. Everything slow (building the
//! engines from source) happens before anything is measured.

mod books;
mod building;
mod client;
mod embedded;
mod error;
mod faults;
mod latency;
mod load;
pub(crate) mod process;
mod record;
mod released;
mod report;
pub(crate) mod sources;
mod spawned;
mod tally;
mod timeline;
pub(crate) mod upgrade;

pub(crate) use error::DemoError;

use crate::args::DemoArgs;
use crate::client::Client;
use crate::destination::{Content, Destination};
use crate::failure::Failure;
use crate::show;
use books::Books;
use faults::Second;
use load::{Load, Window};
use process::NodeProcess;
use refit_admin::api::Status;
use released::{Released, Upgrading};
use report::Report;
use sources::Versions;
use spawned::Spawned;
use std::path::Path;
use std::time::Duration;
use tally::Tally;

/// How long the load and the counting afterwards take beside the windows.
const SETTLING: Duration = Duration::from_secs(2);

/// How long the second part takes on an idle machine.
const FAULTS: Duration = Duration::from_secs(6);

/// How long the load goes on after each upgrade but the measured one.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Plays the demo from the first build to the last figure.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let folder = tempfile::Builder::new()
        .prefix("refit-demo-")
        .tempdir()
        .map_err(Failure::start)?;
    show::talk(introduction(args));
    let versions = Versions::build()?;
    let released = Released::make(folder.path(), &versions)?;
    let node = NodeProcess::start(
        folder.path(),
        &[("kv", &versions.v1), ("accounts", &versions.accounts_v1)],
    )?;
    let report = crate::commands::block_on(play(args, &node, &versions, released.as_ref()))??;
    if args.keep {
        let client = Client::new(node.address(), None);
        let plan =
            crate::commands::block_on(upgrade::plan(&client, &[("kv", &versions.v3_longer)]))??;
        Destination::at(&folder.path().join(PLAN), Content::Plan)?.write_json(&plan)?;
    }
    if let Some(record) = &args.record {
        record::write(record, &report.rows)?;
        show::talk(format_args!(
            "every request is in {}",
            record.join(record::FILE).display()
        ));
    }
    if args.json {
        show::json(&report.document())?;
    } else {
        show::data(&report.text())?;
    }
    let failed = report.check();
    if args.keep {
        node.leave(folder);
    } else {
        node.stop();
        show::next("refit demo --keep   (leaves the node running, with four curl lines to try)");
    }
    failed.map_err(|error| Box::new(error).into())
}

/// The introduction: what the demo does, and how long it takes.
fn introduction(args: &DemoArgs) -> String {
    let windows = 2 * Duration::from_secs(args.window.into());
    let running = SETTLING + windows + 3 * AFTERWARDS + FAULTS;
    format!(
        "demo: a node with a store and accounts, {} clients that write to it, and four\n\
         upgrades meanwhile. Two commit; two fail on purpose and change nothing.\n\
         None is rehearsed first (--no-rehearsal), so that the two fail in the pause.\n\
         Then the node is killed in mid-upgrade and comes back, and a release that\n\
         panics is rolled back. First eight engine libraries are built from source: on\n\
         an idle machine one to three minutes the first time, a few seconds later.\n\
         The four are releases: packed with their source, signed by two of three keys,\n\
         verified, and built once more by the node from that source, in a sandbox:\n\
         again some minutes the first time, and much less later.\n\
         Then it runs for about {} s.",
        args.clients,
        running.as_secs()
    )
}

async fn play(
    args: &DemoArgs,
    node: &NodeProcess,
    versions: &Versions,
    released: Option<&Released>,
) -> Result<Report, Failure> {
    let client = Client::new(node.address(), None);
    node.wait_until_ready(&client).await?;
    client
        .post("/v1/engines/kv/messages", &[], GREETING.to_owned())
        .await?;
    // Before the load: a compiler keeps every processor busy.
    let upgrading = Upgrading::begin(&client, released).await?;
    let books = Books::open(node.address(), &client).await?;
    let before: Status = client.get("/v1/status").await?;
    let window = Duration::from_secs(args.window.into());
    show::talk(format_args!(
        "load: {} requests a second from {} clients, each with its idempotency key",
        args.rate, args.clients
    ));
    let load = Load::start(node.address(), args.rate, args.clients);
    load.settle().await;
    show::talk(format_args!(
        "control window: {} s without an upgrade",
        args.window
    ));
    let control = Window::lasting(&load, window).await;
    let mut upgrades = Vec::new();
    show::talk("upgrade 1: kv v1 → v3, whose index refuses what the upgrade brings it");
    upgrades.push(upgrading.apply(0, &[("kv", &versions.v3_refuses)]).await?);
    tokio::time::sleep(AFTERWARDS).await;
    show::talk("upgrade 2: kv v1 → v3 at once and accounts v1 → v2, in one step");
    let begun = load.now();
    let both: [(&str, &Path); 2] = [("kv", &versions.v3), ("accounts", &versions.accounts_v2)];
    upgrades.push(upgrading.apply(1, &both).await?);
    load.until(begun + window).await;
    let upgraded = Window {
        from: begun,
        to: load.now(),
    };
    show::talk("upgrade 3: kv v3 → v4, whose migration fails");
    upgrades.push(upgrading.apply(2, &[("kv", &versions.v4_fails)]).await?);
    tokio::time::sleep(AFTERWARDS).await;
    show::talk("upgrade 4: kv, code only");
    upgrades.push(upgrading.apply(3, &[("kv", &versions.v3_longer)]).await?);
    tokio::time::sleep(AFTERWARDS).await;
    let rows = load.stop().await;
    let books = books.close(&client).await?;
    let tally = Tally::take(&client, &rows).await?;
    let after: Status = client.get("/v1/status").await?;
    let mapped = node.mapped_libraries();
    let spawned = Spawned::look(&client).await?;
    let second = Second {
        node,
        versions,
        rate: args.rate,
        clients: args.clients,
    };
    let faults = second.play().await?;
    Ok(Report {
        rows,
        tally,
        control,
        upgraded,
        upgrades,
        before,
        after,
        mapped,
        spawned,
        books,
        faults,
    })
}

/// The file of the plan that a kept node is left with.
const PLAN: &str = "plan.json";

/// A value that is no number: what the migration of version 4 stumbles over.
const GREETING: &str = r#"{"put":{"key":"greeting","value":"hello"}}"#;
