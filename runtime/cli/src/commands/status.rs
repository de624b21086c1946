//! `refit status`

use crate::args::OutputArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::Status;

pub(super) async fn run(client: &Client, args: &OutputArgs) -> Result<(), Failure> {
    let status: Status = client.get("/v1/status").await?;
    if args.json {
        show::json(&status)?;
    } else {
        show::data(&show::status::text(&status))?;
    }
    if status.stuck.is_some() {
        let pid = status.node.pid;
        show::next(format_args!(
            "kill {pid}   (once more later: the node ends at once)"
        ));
        return Ok(());
    }
    match status.upgrade {
        Some(id) => show::next(format_args!("refit upgrade status {id}")),
        None => show::next("refit upgrade plan KIND=PATH --out plan.json"),
    }
    Ok(())
}
