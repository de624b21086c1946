//! `holds`: money of accounts that is set apart for somebody until a height. The accounts start it,
//! fill it while the upgrade to their version 2 runs, and are the only ones it obeys: what it has
//! settled, it tells them.
//!
//! A hold may be captured up to the block of its height; asked for later, it is released.

use crate::message;
use refit_abi::{
    Capability, Context, Engine, EngineId, Fault, Height, Level, OnUpgrade, Sender, State,
    Undelivered, UpgradeBus,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The holds by number.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Holds {
    /// The accounts whose money it is.
    accounts: EngineId,
    /// Every hold by its number.
    holds: BTreeMap<u64, Hold>,
    /// The sum of them.
    amount: u64,
}

/// Money that is set apart.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Hold {
    /// Whose it is.
    pub account: String,
    /// The account that may get it.
    pub to: String,
    /// The amount that is held.
    pub amount: u64,
    /// The last block in which it may be captured.
    pub until: Height,
}

/// The configuration of the holds.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub struct Config {
    /// The accounts whose money it is.
    pub accounts: EngineId,
}

/// A change of the holds. Only the accounts may send it.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Keeps a hold.
    Place {
        /// The number of the hold.
        id: u64,
        /// The hold.
        hold: Hold,
    },
    /// Gives its money back.
    Release {
        /// The number of the hold.
        id: u64,
    },
    /// Gives its money to the account that it was set apart for.
    Capture {
        /// The number of the hold.
        id: u64,
    },
}

/// A reply to a message.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done.
    Done,
}

/// A question about the holds.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// One hold.
    Get {
        /// The number of the hold.
        id: u64,
    },
    /// All of them together.
    Total,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One hold, if there is such a one.
    Hold {
        /// The hold.
        hold: Option<Hold>,
    },
    /// All of them together.
    Total {
        /// The number of holds.
        holds: u64,
        /// The sum of their amounts.
        amount: u64,
    },
}

/// A message that the accounts send to the holds while the upgrade runs.
#[derive(Debug, Clone, PartialEq, Eq, State, Serialize, Deserialize)]
pub enum Upgrade {
    /// Some holds with their numbers.
    Fill {
        /// Each hold with its number.
        holds: Vec<(u64, Hold)>,
    },
    /// The end of the list of holds.
    Filled {
        /// The number of holds that there must be now.
        count: u64,
        /// The sum of all amounts.
        amount: u64,
    },
}

impl Engine for Holds {
    const KIND: &'static str = "holds";
    const NEEDS: &'static [Capability] = &[Capability::Message("accounts")];
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Answer;

    fn init(config: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self {
            accounts: config.accounts,
            holds: BTreeMap::new(),
            amount: 0,
        })
    }

    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Reply, Fault> {
        if sender != Sender::Engine(self.accounts) {
            return Err(not_yours(self.accounts));
        }
        match message {
            Message::Place { id, hold } => self.keep(id, hold)?,
            Message::Release { id } => self.settle(ctx, id, false)?,
            Message::Capture { id } => self.settle(ctx, id, true)?,
        }
        Ok(Reply::Done)
    }

    fn query(&self, query: Query) -> Result<Answer, Fault> {
        Ok(match query {
            Query::Get { id } => Answer::Hold {
                hold: self.holds.get(&id).cloned(),
            },
            Query::Total => Answer::Total {
                holds: self.holds.len() as u64,
                amount: self.amount,
            },
        })
    }

    /// Logs that one of its messages did not arrive.
    fn undelivered(&mut self, ctx: &mut Context<'_>, to: EngineId, reason: Undelivered) {
        ctx.log(
            Level::Error,
            &format!("the accounts have not heard of the end of a hold (`{to}`: {reason:?})"),
        );
    }

    fn check(&self) -> Result<(), Fault> {
        let amounts = self.holds.values().map(|hold| u128::from(hold.amount));
        let sum: u128 = amounts.sum();
        if sum != u128::from(self.amount) {
            let reason = format!("the holds have {sum}, {} was counted", self.amount);
            return Err(Fault::new("sum-changed", reason));
        }
        match self.holds.iter().find(|(_, hold)| hold.amount == 0) {
            Some((id, _)) => Err(Fault::new("hold-of-nothing", format!("hold {id}"))),
            None => Ok(()),
        }
    }
}

impl OnUpgrade for Holds {
    type Upgrade = Upgrade;

    fn on_upgrade(
        &mut self,
        _: &mut UpgradeBus<'_>,
        sender: EngineId,
        message: Upgrade,
    ) -> Result<(), Fault> {
        if sender != self.accounts {
            return Err(not_yours(self.accounts));
        }
        match message {
            Upgrade::Fill { holds } => holds
                .into_iter()
                .try_for_each(|(id, hold)| self.keep(id, hold)),
            Upgrade::Filled { count, amount } => {
                let have = (self.holds.len() as u64, self.amount);
                if have != (count, amount) {
                    let reason = format!(
                        "{} holds of {} came, the accounts have {count} of {amount}",
                        have.0, have.1
                    );
                    return Err(Fault::new("holds-incomplete", reason));
                }
                self.check()
            }
        }
    }
}

impl Holds {
    fn keep(&mut self, id: u64, hold: Hold) -> Result<(), Fault> {
        let Some(amount) = self.amount.checked_add(hold.amount) else {
            return Err(Fault::new("too-much", format!("hold {id}")));
        };
        match self.holds.entry(id) {
            Entry::Occupied(_) => Err(Fault::new("hold-twice", format!("hold {id} is there"))),
            Entry::Vacant(place) => {
                place.insert(hold);
                self.amount = amount;
                Ok(())
            }
        }
    }

    fn settle(&mut self, ctx: &mut Context<'_>, id: u64, capture: bool) -> Result<(), Fault> {
        let Some(hold) = self.holds.get(&id) else {
            return Err(Fault::new("no-such-hold", format!("there is no hold {id}")));
        };
        let in_time = ctx.height() <= hold.until;
        let to = if capture && in_time {
            &hold.to
        } else {
            &hold.account
        };
        let settled = message::Message::Settle {
            id,
            account: hold.account.clone(),
            to: to.clone(),
            amount: hold.amount,
        };
        ctx.send(self.accounts, &settled)
            .map_err(|error| Fault::new("accounts", error.to_string()))?;
        self.amount -= hold.amount;
        self.holds.remove(&id);
        Ok(())
    }
}

fn not_yours(accounts: EngineId) -> Fault {
    let reason = format!("only `{accounts}` changes its holds; ask there");
    Fault::new("not-yours", reason)
}
