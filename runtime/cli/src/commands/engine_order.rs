//! What an operator orders for one engine, with an entry in a block.

use super::send::key_header;
use crate::args::EngineOrderArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::HEADER_REPEATED;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Has the order called `what` carried out, and shows what it has come to: as `text` says, or as JSON.
pub(super) async fn run<T: DeserializeOwned + Serialize>(
    client: &Client,
    args: &EngineOrderArgs,
    what: &str,
    text: impl FnOnce(T) -> String,
) -> Result<(), Failure> {
    let path = format!("/v1/engines/{}/{what}", args.engine);
    let headers = key_header(args.key.as_ref());
    let answer = client.post(&path, &headers, String::new()).await?;
    let done: T = client.decode(&answer)?;
    if args.output.json {
        return show::json(&done);
    }
    show::data(&text(done))?;
    if answer.header(HEADER_REPEATED).is_some() {
        show::talk("this was done before under its key, and is not done again");
    }
    show::next("refit status");
    Ok(())
}
