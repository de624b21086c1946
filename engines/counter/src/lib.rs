//! `counter`: the smallest engine that does something, to read and to copy.
//!
//! It is the one that the author's guide (`abi/README.md`, section 1) begins with, line for line: a state,
//! the messages that change it and the query that reads it. `tests/engine.rs` drives it as a node would.

use refit_abi::{Context, Engine, Fault, Sender, State};
use serde::{Deserialize, Serialize};

/// The state: plain data of the closed list.
#[derive(Default, State, Serialize, Deserialize)]
#[state(version = 1)]
pub struct Counter {
    count: u64,
    label: String,
    last: u64,
}

#[derive(State, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    Add { amount: u64 },
    Label { label: String },
}

impl Engine for Counter {
    const KIND: &'static str = "counter";
    type Config = ();
    type Message = Message;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn init((): (), _: &mut Context<'_>) -> Result<Self, Fault> {
        Ok(Self::default())
    }

    fn handle(&mut self, _: &mut Context<'_>, _: Sender, message: Message) -> Result<u64, Fault> {
        match message {
            Message::Add { amount } => {
                let sum = self.count.checked_add(amount);
                let too_much = || Fault::new("overflow", format!("{} + {amount}", self.count));
                self.count = sum.ok_or_else(too_much)?;
                self.last = amount;
            }
            Message::Label { label } => self.label = label,
        }
        Ok(self.count)
    }

    fn query(&self, (): ()) -> Result<u64, Fault> {
        Ok(self.count)
    }
}

refit_abi::export_engines!(Counter);
