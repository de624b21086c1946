//! The books of the demo: money that moves under load, and whether the sum is what it was.
//!
//! Before the load, money is minted and some of it held. While the upgrades happen, a task transfers. At
//! the end the books are closed: what was minted must be in the balances and the holds, and the holds must
//! have come to an engine of their own, which version 2 of `accounts` starts while the upgrade runs.

use super::spawned::ask;
use crate::client::{Client, NodeAddress};
use crate::failure::Failure;
use refit_abi::Height;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Accounts between which money moves.
const ACCOUNTS: u64 = 64;

/// The money that each of them has at first.
const EACH: u64 = 10_000;

/// The money that each of them sets apart.
const HELD: u64 = 250;

/// Between two transfers.
const PERIOD: Duration = Duration::from_millis(10);

/// Open books: money moves.
#[derive(Debug)]
pub(crate) struct Books {
    stop: Arc<AtomicBool>,
    transfers: JoinHandle<(u64, u64)>,
}

/// The sums at the end.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Closed {
    /// The sum that was minted.
    minted: u64,
    /// The sum that may be spent.
    available: u64,
    /// The sum that is held, as the accounts count it.
    held: u64,
    /// The sum that is held, as the engine of the holds says.
    in_holds: u64,
    /// How many holds it has.
    holds: u64,
    /// Transfers that were answered.
    transfers: u64,
    /// Transfers that were not.
    failed: u64,
}

impl Books {
    /// Mints, sets apart, and begins to transfer.
    pub(crate) async fn open(address: NodeAddress, client: &Client) -> Result<Self, Failure> {
        for account in 0..ACCOUNTS {
            let mint =
                json!({"mint": {"number": account + 1, "to": name(account), "amount": EACH}});
            tell(client, &mint).await?;
            let place = json!({"place": {
                "account": name(account),
                "to": name(account + 1),
                "amount": HELD,
                "until": Height(u64::from(u32::MAX)),
            }});
            tell(client, &place).await?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let transfers = tokio::spawn(transfer(Client::new(address, None), stop.clone()));
        Ok(Self { stop, transfers })
    }

    /// Ends the transfers and counts.
    pub(crate) async fn close(self, client: &Client) -> Result<Closed, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        // The task does not panic; if it did, nothing was transferred.
        let (transfers, failed) = self.transfers.await.unwrap_or_default();
        let supply = ask(client, "accounts", "\"supply\"").await?;
        let holds = ask(client, "accounts", "\"holds\"").await?;
        let engine = holds["holds"]["engine"].as_str().unwrap_or_default();
        let total = ask(client, engine, "\"total\"").await?;
        let number = |of: &Value| of.as_u64().unwrap_or(0);
        Ok(Closed {
            minted: number(&supply["supply"]["minted"]),
            available: number(&supply["supply"]["available"]),
            held: number(&supply["supply"]["held"]),
            in_holds: number(&total["total"]["amount"]),
            holds: number(&total["total"]["holds"]),
            transfers,
            failed,
        })
    }
}

impl Closed {
    pub(crate) fn text(&self) -> String {
        let Self {
            minted,
            available,
            held,
            in_holds,
            holds,
            transfers,
            failed,
        } = self;
        format!(
            "money: {minted} minted = {available} available + {held} held\n  \
             {holds} holds of {in_holds} in an engine of their own, started in the same pause\n  \
             {transfers} transfers, {failed} failed\n"
        )
    }

    pub(crate) fn broken(&self) -> Option<String> {
        let sum = self.available + self.held == self.minted && self.minted == ACCOUNTS * EACH;
        let moved = self.in_holds == self.held && self.holds == ACCOUNTS && self.failed == 0;
        (!sum || !moved).then(|| format!("the books do not balance: {self:?}"))
    }
}

/// Moves one unit from account to account until it is told to stop; returns how many transfers were answered and how
/// many not.
async fn transfer(client: Client, stop: Arc<AtomicBool>) -> (u64, u64) {
    let (mut answered, mut failed) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let number = answered + failed;
        let transfer =
            json!({"transfer": {"from": name(number), "to": name(number + 1), "amount": 1}});
        match tell(&client, &transfer).await {
            Ok(()) => answered += 1,
            Err(_) => failed += 1,
        }
        tokio::time::sleep(PERIOD).await;
    }
    (answered, failed)
}

async fn tell(client: &Client, message: &Value) -> Result<(), Failure> {
    let path = "/v1/engines/accounts/messages";
    client.post(path, &[], message.to_string()).await.map(drop)
}

fn name(account: u64) -> String {
    format!("account-{:02}", account % ACCOUNTS)
}
