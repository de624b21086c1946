//! `refit upgrade list`: the releases that are kept, and why; from the node, or from its data folder if it does not run.

use super::block_on;
use crate::args::{CommonArgs, OutputArgs};
use crate::artifact::probe_command;
use crate::client::Client;
use crate::config;
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::api::KeptRelease;
use refit_node::doctor::releases;
use std::borrow::Cow;

/// The data folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the data folder of a node that does not run: {}", .0.detail)]
struct Unread(Explained);

impl Explain for Unread {
    fn code(&self) -> &str {
        &self.0.code
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed("refit doctor")
    }
}

impl Reported for Unread {}

pub(crate) fn run(common: &CommonArgs, args: &OutputArgs) -> Result<(), Failure> {
    let file = config::load(common)?;
    let address = config::node_address(common, &file);
    let client = Client::new(address, config::token(common, &file)?);
    let asked = block_on(client.get::<Vec<KeptRelease>>("/v1/releases"))?;
    let mut is_of_node = true;
    let listed = match asked {
        // One that was named is meant; else the folder says what its node would.
        Err(failure) if failure.code() == codes::NODE_UNREACHABLE && common.node.is_none() => {
            let data_dir = config::data_dir(common, &file);
            let kept = releases(&data_dir, &probe_command()).map_err(Unread)?;
            let kept = kept.ok_or(failure)?;
            show::talk("no node runs: this is what its data folder keeps");
            is_of_node = false;
            kept
        }
        asked => asked?,
    };
    match args.json {
        true => show::json(&listed)?,
        false => show::data(&show::release::text(&listed))?,
    }
    show::next(match is_of_node {
        true => "refit upgrade history",
        // Without a node nobody says what was.
        false => "refit doctor",
    });
    Ok(())
}
