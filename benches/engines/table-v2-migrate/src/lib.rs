//! `table`, version 2: one new field with a default. Rows and senders are moved, whatever their size.

mod v1;

use bench_rows::{Config, Message, Query, Reply, Row, Senders, Summary, checksum, rows, touched};
use refit_abi::{Context, Engine, Fault, Migrate, Sender, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of rows, with a bound.
#[derive(Debug, State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = v1::Table)]
pub struct Table {
    rows: BTreeMap<u64, Row>,
    senders: Senders,
    #[migrate(default = ENTRIES_MAX)]
    entries_max: u64,
}

/// Rows that a table may hold.
const ENTRIES_MAX: u64 = 1 << 32;

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
        let entries_max = ENTRIES_MAX;
        Ok(Self {
            rows: rows(config.entries),
            senders: Senders::default(),
            entries_max,
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
