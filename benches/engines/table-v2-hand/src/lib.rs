//! `table`, version 2: every row in another shape, made by one function that copies all of them.

mod v1;

use bench_rows::{Config, Message, Query, Reply, Senders, Summary, checksum, rows, touched};
use refit_abi::{Context, Engine, Fault, Migrate, Sender, State, UpgradeBus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of rows in the shape of version 2.
#[derive(Debug, State, Serialize, Deserialize)]
#[state(version = 2)]
pub struct Table {
    rows: BTreeMap<u64, Row>,
    senders: Senders,
}

/// One row, with what version 1 had not.
#[derive(Debug, State, Serialize, Deserialize)]
struct Row {
    nonce: u64,
    balance: u64,
    hold: u64,
    tag: u32,
}

impl From<&bench_rows::Row> for Row {
    fn from(old: &bench_rows::Row) -> Self {
        Self {
            nonce: old.nonce,
            balance: old.balance,
            hold: 0,
            tag: 1,
        }
    }
}

impl Migrate for Table {
    type From = v1::Table;

    fn migrate(old: &v1::Table, _: &mut UpgradeBus<'_>) -> Result<Self, Fault> {
        let rows = old
            .rows
            .iter()
            .map(|(key, row)| (*key, Row::from(row)))
            .collect();
        Ok(Self {
            rows,
            senders: old.senders.clone(),
        })
    }
}

/// Which version this code is.
const VERSION: u32 = 2;

impl Engine for Table {
    const KIND: &'static str = "table";
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Summary;

    fn init(config: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        let rows = rows(config.entries)
            .iter()
            .map(|(key, row)| (*key, Row::from(row)))
            .collect();
        Ok(Self {
            rows,
            senders: Senders::default(),
        })
    }

    fn handle(
        &mut self,
        _: &mut Context<'_>,
        sender: Sender,
        message: Message,
    ) -> Result<Reply, Fault> {
        match message {
            Message::Note { number } => self.senders.note(sender, number),
            Message::Touch { first, step, count } => {
                for key in touched(first, step, count, self.rows.len() as u64) {
                    if let Some(row) = self.rows.get_mut(&key) {
                        row.nonce = row.nonce.wrapping_add(1);
                    }
                }
            }
        }
        Ok(Reply { version: VERSION })
    }

    fn query(&self, _: Query) -> Result<Summary, Fault> {
        let rows = self
            .rows
            .iter()
            .map(|(key, row)| (*key, row.nonce, row.balance));
        Ok(self
            .senders
            .summary(VERSION, self.rows.len() as u64, checksum(rows)))
    }
}

refit_abi::export_engines!(Table);
