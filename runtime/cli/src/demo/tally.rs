//! Whether anything was lost, done twice, out of order, or handled by a mix of generations.

use super::client::{Outcome, Row, key};
use crate::client::Client;
use crate::failure::Failure;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The counts over all requests.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) retried: u64,
    pub(crate) errors: u64,
    /// Answered, and not in the store at the end.
    pub(crate) lost: u64,
    /// Found done before they were asked for, or more often than asked.
    pub(crate) duplicated: u64,
    /// Found undone when their successor came.
    pub(crate) reordered: u64,
    /// Heights whose replies name two generations, or a later height with an earlier generation.
    pub(crate) mixed_generation: u64,
}

impl Tally {
    /// Counts, and compares with what the store holds.
    pub(crate) async fn take(client: &Client, rows: &[Row]) -> Result<Self, Failure> {
        let mut tally = Self::of(rows);
        for (number, acknowledged) in last_acknowledged(rows) {
            let query = format!(r#"{{"get":{{"key":"{}"}}}}"#, key(number));
            let answer = client.post("/v1/engines/kv/queries", &[], query).await?;
            let answer: Value = client.decode(&answer)?;
            let stored = &answer["value"]["entry"]["value"];
            let stored: u64 = stored
                .as_str()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            tally.lost += acknowledged.saturating_sub(stored);
            let sent = rows.iter().filter(|row| row.client == number).count() as u64;
            tally.duplicated += stored.saturating_sub(sent);
        }
        Ok(tally)
    }

    fn of(rows: &[Row]) -> Self {
        let count = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count() as u64;
        Self {
            sent: rows.len() as u64,
            answered: count(&|row| row.answered.is_some()),
            retried: rows
                .iter()
                .map(|row| u64::from(row.tries.saturating_sub(1)))
                .sum(),
            errors: count(&|row| row.answered.is_none() || row.outcome == Outcome::None),
            lost: 0,
            duplicated: count(&|row| row.outcome == Outcome::Ahead),
            reordered: count(&|row| row.outcome == Outcome::Behind),
            mixed_generation: mixed(rows),
        }
    }
}

fn last_acknowledged(rows: &[Row]) -> BTreeMap<u16, u64> {
    let mut last = BTreeMap::new();
    for row in rows.iter().filter(|row| row.outcome == Outcome::InOrder) {
        let sequence = last.entry(row.client).or_insert(0);
        *sequence = row.sequence.max(*sequence);
    }
    last
}

fn mixed(rows: &[Row]) -> u64 {
    // A height on another branch is another block.
    let mut generations: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.answered.is_some()) {
        let (least, most) = generations
            .entry((row.branch, row.height))
            .or_insert((row.generation, row.generation));
        *least = row.generation.min(*least);
        *most = row.generation.max(*most);
    }
    let torn = generations
        .values()
        .filter(|(least, most)| least != most)
        .count();
    let ranges: Vec<_> = generations.iter().collect();
    let backwards = ranges
        .windows(2)
        .filter(|pair| pair[0].0.0 == pair[1].0.0 && pair[0].1.1 > pair[1].1.0)
        .count();
    (torn + backwards) as u64
}
