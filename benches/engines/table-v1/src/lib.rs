//! `table`, version 1: the code and the state that every swap starts from.

use bench_rows::{Config, Message, Query, Reply, Row, Senders, Summary, checksum, rows, touched};
use refit_abi::{Context, Engine, Fault, Sender, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of rows.
#[derive(Debug, State, Serialize, Deserialize)]
pub struct Table {
    rows: BTreeMap<u64, Row>,
    senders: Senders,
}

/// Which version this code is.
const VERSION: u32 = 1;

impl Engine for Table {
    const KIND: &'static str = "table";
    type Config = Config;
    type Message = Message;
    type Reply = Reply;
    type Query = Query;
    type Answer = Summary;

    fn init(config: Config, _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self {
            rows: rows(config.entries),
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
