//! `refit engine revive ENGINE`: a poisoned engine goes on with its last good state, with an entry in a block.

use super::send::key_header;
use crate::args::ReviveArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use crate::units::shown_bytes;
use refit_admin::HEADER_REPEATED;
use refit_admin::api::EngineRevived;

pub(crate) async fn run(client: &Client, args: &ReviveArgs) -> Result<(), Failure> {
    let path = format!("/v1/engines/{}/revive", args.engine);
    let headers = key_header(args.key.as_ref());
    let answer = client.post(&path, &headers, String::new()).await?;
    let revived: EngineRevived = client.decode(&answer)?;
    if args.output.json {
        return show::json(&revived);
    }
    let EngineRevived {
        engine,
        height,
        poisoned_at,
        state_bytes,
    } = revived;
    let engine = show::safe::line(&engine);
    let with = match (poisoned_at, state_bytes) {
        (Some(at), Some(bytes)) => format!(
            " with its state before the message of block {at} that poisoned it ({})",
            shown_bytes(bytes)
        ),
        _ => String::new(),
    };
    show::data(&format!("{engine} goes on with block {height}{with}\n"))?;
    if answer.header(HEADER_REPEATED).is_some() {
        show::talk("this was done before under its key, and is not done again");
    }
    show::next("refit status");
    Ok(())
}
