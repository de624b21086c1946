//! The demo's second part: the node is killed in mid-upgrade and comes back; and a release that panics on probation is
//! taken back by the node itself. Clients send all the while, and try again under their keys.

use super::DemoError;
use super::load::Load;
use super::process::NodeProcess;
use super::sources::Versions;
use super::tally::Tally;
use super::upgrade::{self, begin};
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use refit_admin::api::{RollBackReport, Status, UpgradeReport, UpgradeState};
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

/// The first of its clients: those of the first part have other keys.
const FIRST_CLIENT: u16 = 10_000;

/// Tries of a request: for about as long as the node may take to come back.
const TRIES_MAX: u32 = 800;

/// How long the load goes on before and after each fault.
const CALM: Duration = Duration::from_millis(500);

/// Between two looks at the node.
const LOOK: Duration = Duration::from_millis(2);

/// Longest wait for what must come.
const WAIT: Duration = Duration::from_secs(60);

/// What makes the engine of the bad release panic.
const PANICS: &str = r#"{"put":{"key":"panic","value":"now"}}"#;

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Faults {
    kill: Kill,
    rollback: RollBack,
    pub(crate) clients: Tally,
}

/// The kill.
#[derive(Clone, Debug, Serialize)]
struct Kill {
    /// How far the upgrade had come.
    state: UpgradeState,
    /// From the kill until the node took messages again, in milliseconds.
    back_ms: u64,
    /// Whether the upgrade had happened; if not, the node takes it up by itself.
    upgraded: bool,
}

/// The roll-back.
#[derive(Clone, Debug, Serialize)]
struct RollBack {
    /// From the panic until the node took messages again, in milliseconds: the trial and the restart.
    back_ms: u64,
    report: Option<RollBackReport>,
}

/// What the second part works with.
pub(crate) struct Second<'a> {
    pub(crate) node: &'a NodeProcess,
    pub(crate) versions: &'a Versions,
    pub(crate) rate: u32,
    pub(crate) clients: u16,
}

impl Second<'_> {
    /// Plays it.
    pub(crate) async fn play(self) -> Result<Faults, Failure> {
        let client = Client::new(self.node.address(), None);
        let load = Load::stubborn(
            self.node.address(),
            self.rate,
            FIRST_CLIENT..FIRST_CLIENT + self.clients,
            TRIES_MAX,
        );
        load.settle().await;
        show::talk("upgrade 5: kv, code only; the node is killed in the middle of it");
        let kill = self.kill(&client).await?;
        tokio::time::sleep(CALM).await;
        show::talk("upgrade 6: kv, a release with a defect; its engine panics on probation");
        let rollback = self.roll_back(&client).await?;
        tokio::time::sleep(CALM).await;
        let rows = load.stop().await;
        let clients = Tally::take(&client, &rows).await?;
        Ok(Faults {
            kill,
            rollback,
            clients,
        })
    }

    /// Kills the node while an upgrade is under way, and starts it again.
    async fn kill(&self, client: &Client) -> Result<Kill, Failure> {
        let before: Status = client.get("/v1/status").await?;
        let library: &Path = &self.versions.v3;
        let id = begin(client, &[("kv", library)]).await?;
        let path = format!("/v1/upgrades/{id}");
        let mut state = UpgradeState::Staging;
        let deadline = Instant::now() + WAIT;
        while state == UpgradeState::Staging && Instant::now() < deadline {
            let report: UpgradeReport = client.get(&path).await?;
            state = report.state;
        }
        let killed = Instant::now();
        self.node.kill();
        self.node.again()?;
        let after = back(client, |status| status.starting.is_none()).await?;
        let back_ms = millis(killed);
        let upgraded = after.generation > before.generation;
        show::talk(format_args!(
            "  killed when the upgrade was {state}; back after {back_ms} ms\n    {}",
            match upgraded {
                true => "it had happened",
                false => "it had not happened: the node takes it up again",
            }
        ));
        let settled = back(client, |status| status.upgrade.is_none()).await?;
        // One that was not armed yet is forgotten with its node.
        if settled.generation == before.generation {
            upgrade::apply(client, &[("kv", library)]).await?;
        }
        Ok(Kill {
            state,
            back_ms,
            upgraded,
        })
    }

    /// Brings a release that panics, and has it panic.
    async fn roll_back(&self, client: &Client) -> Result<RollBack, Failure> {
        let before: Status = client.get("/v1/status").await?;
        let library: &Path = &self.versions.v3_panics;
        let brought = upgrade::apply(client, &[("kv", library)]).await?;
        tokio::time::sleep(CALM).await;
        let panicked = Instant::now();
        // It is refused: its engine has panicked.
        let _ = client
            .post("/v1/engines/kv/messages", &[], PANICS.to_owned())
            .await;
        let is_back = |status: &Status| status.branch > before.branch && status.starting.is_none();
        back(client, is_back).await?;
        let back_ms = millis(panicked);
        let report: UpgradeReport = client.get(&format!("/v1/upgrades/{}", brought.id)).await?;
        show::talk(format_args!(
            "  {}: serves again after {back_ms} ms\n    \
             the node has tried the code of before on a copy, and restarted with it",
            report.state
        ));
        Ok(RollBack {
            back_ms,
            report: report.rolled_back,
        })
    }
}

impl Faults {
    pub(crate) fn text(&self) -> String {
        let Tally {
            sent,
            answered,
            retried,
            errors,
            lost,
            duplicated,
            reordered,
            mixed_generation,
        } = self.clients;
        let replies = match &self.rollback.report {
            Some(report) => format!(
                "{} replies as clients were told, {} revised, {} lost",
                report.same, report.revised, report.lost
            ),
            None => "nothing is known of the replies".to_owned(),
        };
        format!(
            "\nfaults under load\n  \
             killed in mid-upgrade: serves again after {} ms, {}\n  \
             panic on probation: rolled back, serves again after {} ms\n    {replies}\n  \
             requests: {sent} sent, {answered} answered, {retried} retried, {errors} errors\n  \
             messages: {lost} lost, {duplicated} duplicated, {reordered} reordered, {mixed_generation} mixed\n",
            self.kill.back_ms,
            match self.kill.upgraded {
                true => "entirely new",
                false => "entirely old, and upgraded then",
            },
            self.rollback.back_ms,
        )
    }

    /// The promises that were not kept.
    pub(crate) fn broken(&self) -> Vec<String> {
        let tally = &self.clients;
        let counts = [
            ("messages lost over a kill or a roll-back", tally.lost),
            ("messages duplicated over one", tally.duplicated),
            ("messages reordered over one", tally.reordered),
            (
                "heights with a mixed generation over one",
                tally.mixed_generation,
            ),
            ("requests without an answer over one", tally.errors),
        ];
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        let mut broken: Vec<_> = counts
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if self.rollback.report.is_none() {
            broken.push("the release that panicked was not rolled back".to_owned());
        }
        broken
    }
}

/// The node's status once it is as `wanted`.
async fn back(client: &Client, wanted: impl Fn(&Status) -> bool) -> Result<Status, Failure> {
    let deadline = Instant::now() + WAIT;
    while Instant::now() < deadline {
        if let Ok(status) = client.get::<Status>("/v1/status").await
            && wanted(&status)
        {
            return Ok(status);
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Box::new(DemoError::NotReady {
        wait_s: WAIT.as_secs(),
    })
    .into())
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
