//! `refit keyset install FILE` and `refit keyset show`: the keyset that the node goes by.

use crate::args::{KeysetInstallArgs, OutputArgs};
use crate::client::Client;
use crate::failure::Failure;
use crate::release::{ReleaseFileError, read_record};
use crate::show;
use crate::show::keyset::in_force;
use refit_admin::api::KeysetInForce;
use refit_admin::{Bytes, REQUEST_WAIT};
use refit_release::keyset::FirstKeyset;
use tokio::sync::mpsc;

pub(crate) async fn run(client: &Client, args: &KeysetInstallArgs) -> Result<(), Failure> {
    let bytes = read_record(&args.file)?;
    // Another file than was meant is told before a node is asked.
    FirstKeyset::read(&bytes).map_err(ReleaseFileError::of(&args.file))?;
    let (sender, pieces) = mpsc::channel(1);
    // One piece has room.
    let _ = sender.send(Bytes::from(bytes)).await;
    drop(sender);
    let answer = client.upload("/v1/keyset", pieces, REQUEST_WAIT).await?;
    print(&client.decode(&answer)?, &args.output)
}

pub(crate) async fn show(client: &Client, args: &OutputArgs) -> Result<(), Failure> {
    print(&client.get("/v1/keyset").await?, args)
}

fn print(keyset: &KeysetInForce, args: &OutputArgs) -> Result<(), Failure> {
    match args.json {
        true => show::json(keyset),
        false => show::data(&in_force(keyset)),
    }
}
