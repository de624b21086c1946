//! `refit query ENGINE JSON`

use super::{input, send};
use crate::args::QueryArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;

pub(crate) async fn run(client: &Client, args: QueryArgs) -> Result<(), Failure> {
    let body = input::json(args.query)?;
    let path = format!("/v1/engines/{}/queries", args.engine);
    let answer = client.post(&path, &[], body).await?;
    send::print(client, &answer, args.output.json)?;
    show::next(format_args!("refit send {} JSON", args.engine));
    Ok(())
}
