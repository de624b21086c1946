//! `refit upgrade confirm`: makes the generation on probation permanent.

use crate::args::ProbationArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::ProbationStatus;

pub(crate) async fn run(client: &Client, args: &ProbationArgs) -> Result<(), Failure> {
    let id = args.id.unwrap_or_default();
    let answer = client
        .post(&format!("/v1/upgrades/{id}/confirm"), &[], String::new())
        .await?;
    let confirmed: ProbationStatus = client.decode(&answer)?;
    if args.output.json {
        return show::json(&confirmed);
    }
    show::data(&format!(
        "generation {} is permanent: the way back is forward, as the next generation\n",
        confirmed.generation
    ))?;
    show::next("refit status");
    Ok(())
}
