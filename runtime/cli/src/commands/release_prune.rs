//! `refit release prune`

use crate::args::OutputArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use crate::units::shown_bytes;
use refit_admin::api::ReleasesPruned;

pub(crate) async fn run(client: &Client, args: &OutputArgs) -> Result<(), Failure> {
    let answer = client
        .post("/v1/releases/prune", &[], String::new())
        .await?;
    let pruned: ReleasesPruned = client.decode(&answer)?;
    if args.json {
        return show::json(&pruned);
    }
    if pruned.releases.is_empty() && pruned.damaged.is_empty() {
        show::talk("every release that was imported is needed, or may still come in");
        return Ok(());
    }
    for release in &pruned.releases {
        let (name, epoch, sequence) = (&release.name, release.epoch, release.sequence);
        show::data(&format!("{name} ({epoch}.{sequence}) {}\n", release.id))?;
    }
    for id in &pruned.damaged {
        show::data(&format!("damaged {id}\n"))?;
    }
    show::talk(format_args!("{} are free", shown_bytes(pruned.bytes)));
    Ok(())
}
