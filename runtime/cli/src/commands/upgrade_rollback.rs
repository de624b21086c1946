//! `refit upgrade rollback`: takes the generation on probation back. The node restarts for it; the command waits until it
//! serves again, and shows which replies have come out otherwise.

use crate::args::RollbackArgs;
use crate::client::Client;
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{RollBackAccepted, RollBackReport, Status, UpgradeReport};
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Time between two looks at the node.
const LOOK: Duration = Duration::from_millis(100);

/// The node did not come back in time.
#[derive(Debug, thiserror::Error)]
#[error("the node did not serve again within {wait_s} s; it goes on with the roll-back")]
struct NotBack {
    wait_s: u64,
}

impl Explain for NotBack {
    fn code(&self) -> &str {
        codes::ROLLBACK_NOT_BACK
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(
            "see it with `refit status`, and its log; a start carries out what is left of it",
        )
    }
}

impl Reported for NotBack {}

pub(crate) async fn run(client: &Client, args: &RollbackArgs) -> Result<(), Failure> {
    match args.check {
        true => check(client, args).await,
        false => roll_back(client, args).await,
    }
}

/// Says what it would come to.
async fn check(client: &Client, args: &RollbackArgs) -> Result<(), Failure> {
    let id = args.id.unwrap_or_default();
    let path = format!("/v1/upgrades/{id}/rollback/check");
    let answer = client.post(&path, &[], String::new()).await?;
    let report: RollBackReport = client.decode(&answer)?;
    if args.output.json {
        return show::json(&report);
    }
    show::data(&show::roll_back::text(&report))?;
    show::talk("nothing is decided: this was a trial");
    show::next("refit upgrade rollback");
    Ok(())
}

async fn roll_back(client: &Client, args: &RollbackArgs) -> Result<(), Failure> {
    let before: Status = client.get("/v1/status").await?;
    let id = args.id.unwrap_or_default();
    let began = Instant::now();
    let answer = client
        .post(&format!("/v1/upgrades/{id}/rollback"), &[], String::new())
        .await?;
    let accepted: RollBackAccepted = client.decode(&answer)?;
    let probation = accepted.probation;
    show::talk(format_args!(
        "generation {} is taken back: the node restarts, and makes blocks {} to {} anew with the code of before",
        probation.generation,
        probation.after.next(),
        accepted.height,
    ));
    let after = back(client, &before, args.wait_max).await?;
    let took = began.elapsed();
    let report = report(client, probation.upgrade).await;
    if args.output.json {
        match report {
            Some(report) => show::json(&report)?,
            None => show::json(&after)?,
        }
        return Ok(());
    }
    if let Some(report) = &report {
        show::data(&show::upgrade::text(report))?;
    }
    show::talk(format_args!(
        "generation {} goes on under branch {}, {} ms after the order",
        after.generation,
        after.branch,
        took.as_millis()
    ));
    show::next("refit upgrade plan KIND=PATH --out plan.json");
    Ok(())
}

/// The status of the node once it serves under another branch.
async fn back(client: &Client, before: &Status, wait: Duration) -> Result<Status, Failure> {
    let deadline = Instant::now() + wait;
    loop {
        // While it restarts nobody answers.
        if let Ok(status) = client.get::<Status>("/v1/status").await
            && status.branch > before.branch
            && status.starting.is_none()
        {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            let wait_s = wait.as_secs();
            return Err(Box::new(NotBack { wait_s }).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What became of the upgrade; `None` if the node keeps no report of it.
async fn report(client: &Client, id: u64) -> Option<UpgradeReport> {
    client.get(&format!("/v1/upgrades/{id}")).await.ok()
}
