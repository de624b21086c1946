//! The behaviour of the accounts.

use crate::holds::{self, Hold, Holds};
use crate::{Account, Accounts, Answer, Config, Message, Query, Reply};
use refit_abi::{Capability, Context, Engine, EngineId, Fault, Level, Sender, Undelivered};
use std::collections::BTreeMap;

/// Most that is ever minted, where the configuration does not say.
const SUPPLY_MAX: u64 = 1_000_000_000_000;

/// Longest name of an account, in bytes.
const NAME_BYTES_MAX: usize = 64;

impl Engine for Accounts {
    const KIND: &'static str = "accounts";
    const NEEDS: &'static [Capability] = &[
        Capability::Spawn("holds"),
        Capability::Message("holds"),
        // Only while the upgrade from version 1 runs: its notes are read and then removed.
        Capability::Read("kv"),
        Capability::Message("kv"),
    ];
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Answer;

    fn init(config: Config, ctx: &mut Context<'_>) -> Result<Self, Fault> {
        let accounts = ctx.id();
        let holds = ctx
            .spawn::<Holds>(&holds::Config { accounts })
            .map_err(|error| Fault::new("holds", error.to_string()))?;
        Ok(Self {
            accounts: BTreeMap::new(),
            minted: 0,
            mints: 0,
            supply_max: match config.supply_max {
                0 => SUPPLY_MAX,
                most => most,
            },
            placed: 0,
            holds,
        })
    }

    fn handle(
        &mut self,
        ctx: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Reply, Fault> {
        match message {
            Message::Mint { number, to, amount } => self.mint(number, to, amount),
            Message::Transfer { from, to, amount } => self.transfer(&from, to, amount),
            Message::Place {
                account,
                to,
                amount,
                until,
            } => self.place(
                ctx,
                Hold {
                    account,
                    to,
                    amount,
                    until,
                },
            ),
            Message::Release { id } => self.ask(ctx, id, &holds::Message::Release { id }),
            Message::Capture { id } => self.ask(ctx, id, &holds::Message::Capture { id }),
            Message::Settle {
                id,
                account,
                to,
                amount,
            } => self.settle(sender, id, &account, to, amount),
        }
    }

    fn query(&self, query: Query) -> Result<Answer, Fault> {
        Ok(match query {
            Query::Balance { account } => {
                let account = self.accounts.get(&account);
                Answer::Balance {
                    available: account.map_or(0, |account| account.balance),
                    held: account.map_or(0, |account| account.held),
                }
            }
            Query::Supply => Answer::Supply {
                available: self.accounts.values().map(|account| account.balance).sum(),
                held: self.accounts.values().map(|account| account.held).sum(),
                minted: self.minted,
                accounts: self.accounts.len() as u64,
            },
            Query::Holds => Answer::Holds {
                engine: self.holds.to_string(),
            },
        })
    }

    /// Logs that one of its messages did not arrive.
    fn undelivered(&mut self, ctx: &mut Context<'_>, to: EngineId, reason: Undelivered) {
        ctx.log(
            Level::Error,
            &format!("the holds have not heard of a hold, or of its end (`{to}`: {reason:?})"),
        );
    }

    fn check(&self) -> Result<(), Fault> {
        let all = |account: &Account| u128::from(account.balance) + u128::from(account.held);
        let sum: u128 = self.accounts.values().map(all).sum();
        if sum == u128::from(self.minted) && self.minted <= self.supply_max {
            return Ok(());
        }
        let reason = format!(
            "the accounts have {sum}, {} was minted of at most {}",
            self.minted, self.supply_max
        );
        Err(Fault::new("sum-changed", reason))
    }
}

impl Accounts {
    fn mint(&mut self, number: u64, to: String, amount: u64) -> Result<Reply, Fault> {
        valid(&to, amount)?;
        if number != self.mints + 1 {
            let reason = format!("mint {number} is not the next, {}", self.mints + 1);
            return Err(Fault::new("not-the-next-mint", reason));
        }
        let minted = self.minted.checked_add(amount);
        let Some(minted) = minted.filter(|minted| *minted <= self.supply_max) else {
            let left = self.supply_max - self.minted;
            let reason = format!("{amount} is more than the {left} that may still be minted");
            return Err(Fault::new("supply-spent", reason));
        };
        (self.mints, self.minted) = (number, minted);
        self.accounts.entry(to).or_default().balance += amount;
        Ok(Reply::Minted { minted })
    }

    fn transfer(&mut self, from: &str, to: String, amount: u64) -> Result<Reply, Fault> {
        valid(&to, amount)?;
        self.spendable(from, amount)?.balance -= amount;
        self.accounts.entry(to).or_default().balance += amount;
        let left = self.accounts.get(from).map_or(0, |account| account.balance);
        Ok(Reply::Moved { left })
    }

    fn place(&mut self, ctx: &mut Context<'_>, hold: Hold) -> Result<Reply, Fault> {
        valid(&hold.to, hold.amount)?;
        let (holds, id, amount) = (self.holds, self.placed + 1, hold.amount);
        let account = self.spendable(&hold.account, amount)?;
        ctx.send(holds, &holds::Message::Place { id, hold })
            .map_err(|error| Fault::new("holds", error.to_string()))?;
        account.balance -= amount;
        account.held += amount;
        self.placed = id;
        Ok(Reply::Held { id })
    }

    fn ask(
        &self,
        ctx: &mut Context<'_>,
        id: u64,
        message: &holds::Message,
    ) -> Result<Reply, Fault> {
        ctx.send(self.holds, message)
            .map_err(|error| Fault::new("holds", error.to_string()))?;
        Ok(Reply::Asked { id })
    }

    fn settle(
        &mut self,
        sender: Sender,
        id: u64,
        name: &str,
        to: String,
        amount: u64,
    ) -> Result<Reply, Fault> {
        if sender != Sender::Engine(self.holds) {
            let reason = format!("only the holds, `{}`, settle one", self.holds);
            return Err(Fault::new("not-yours", reason));
        }
        let account = self.accounts.get_mut(name);
        let Some(account) = account.filter(|account| account.held >= amount) else {
            let reason = format!("`{name}` has less than the {amount} of hold {id} set apart");
            return Err(Fault::new("too-little-held", reason));
        };
        account.held -= amount;
        self.accounts.entry(to).or_default().balance += amount;
        Ok(Reply::Settled { id })
    }

    fn spendable(&mut self, name: &str, amount: u64) -> Result<&mut Account, Fault> {
        match self.accounts.get_mut(name) {
            Some(account) if account.balance >= amount => Ok(account),
            account => {
                let balance = account.map_or(0, |account| account.balance);
                let reason = format!("`{name}` has {balance}, {amount} is asked");
                Err(Fault::new("too-little", reason))
            }
        }
    }
}

fn valid(name: &str, amount: u64) -> Result<(), Fault> {
    if amount == 0 {
        return Err(Fault::new("nothing", "an amount is at least 1"));
    }
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
        let reason = format!("{} bytes, 1 to {NAME_BYTES_MAX}", name.len());
        return Err(Fault::new("account-name", reason));
    }
    Ok(())
}
