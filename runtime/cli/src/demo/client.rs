//! One client: counts up a key of its own by compare-and-set, on a schedule, and tries again with
//! the same idempotency key until it has an answer.

use crate::client::{Answer, Connection, NodeAddress};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tries of one request, where nothing is expected to go wrong for long.
pub(crate) const TRIES_MAX: u32 = 20;

/// Wait before the next try.
const RETRY_WAIT: Duration = Duration::from_millis(25);

/// Requests that one client makes at most in one demo.
const REQUESTS_MAX: u64 = 10_000_000;

/// One request, whole.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) client: u16,
    /// The value that it sets, and its idempotency sequence.
    pub(crate) sequence: u64,
    pub(crate) intended: Duration,
    pub(crate) sent: Duration,
    /// `None`: it never got a valid answer.
    pub(crate) answered: Option<Duration>,
    pub(crate) tries: u32,
    pub(crate) status: u16,
    pub(crate) generation: u64,
    pub(crate) height: u64,
    /// The branch of the chain that the height is on.
    pub(crate) branch: u64,
    pub(crate) outcome: Outcome,
}

/// The store's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was set, and the value before was the one before.
    InOrder,
    /// The store had already gone past this value: something was done twice.
    Ahead,
    /// The store had not got as far: something was lost, or came too late.
    Behind,
    /// No valid answer.
    None,
}

/// The schedule of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) start: Instant,
    pub(crate) offset: Duration,
    pub(crate) period: Duration,
    /// Tries of one request before it counts as an error.
    pub(crate) tries_max: u32,
}

pub(crate) fn key(client: u16) -> String {
    format!("client-{client:03}")
}

/// Runs until it is told to stop; returns all its requests.
pub(crate) async fn run(
    address: NodeAddress,
    client: u16,
    schedule: Schedule,
    stop: Arc<AtomicBool>,
) -> Vec<Row> {
    let mut connection = None;
    let mut rows = Vec::new();
    for sequence in 1..=REQUESTS_MAX {
        let turns = u32::try_from(sequence - 1).unwrap_or(u32::MAX);
        let intended = schedule.offset + schedule.period * turns;
        tokio::time::sleep_until((schedule.start + intended).into()).await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let row = request(
            &address,
            &mut connection,
            client,
            sequence,
            intended,
            schedule,
        );
        rows.push(row.await);
    }
    rows
}

async fn request(
    address: &NodeAddress,
    connection: &mut Option<Connection>,
    client: u16,
    sequence: u64,
    intended: Duration,
    Schedule {
        start, tries_max, ..
    }: Schedule,
) -> Row {
    let before = match sequence {
        1 => "null".to_owned(),
        _ => format!("\"{}\"", sequence - 1),
    };
    let body = format!(
        r#"{{"compare_and_set":{{"key":"{}","expected":{before},"value":"{sequence}"}}}}"#,
        key(client)
    );
    let mut row = Row {
        client,
        sequence,
        intended,
        sent: start.elapsed(),
        answered: None,
        tries: 0,
        status: 0,
        generation: 0,
        height: 0,
        branch: 0,
        outcome: Outcome::None,
    };
    while row.tries < tries_max {
        if row.tries > 0 {
            tokio::time::sleep(RETRY_WAIT).await;
        }
        row.tries += 1;
        let Some(answer) = attempt(address, connection, client, sequence, &body).await else {
            *connection = None;
            continue;
        };
        row.status = answer.status.as_u16();
        if answer.status.is_success() {
            row.answered = Some(start.elapsed());
            row.generation = number(&answer, "refit-generation");
            row.height = number(&answer, "refit-height");
            row.branch = number(&answer, "refit-branch");
            row.outcome = outcome(&answer, sequence);
            break;
        }
        if answer.status.is_client_error() {
            break;
        }
    }
    row
}

async fn attempt(
    address: &NodeAddress,
    connection: &mut Option<Connection>,
    client: u16,
    sequence: u64,
    body: &str,
) -> Option<Answer> {
    if connection.is_none() {
        *connection = Connection::open(address, None).await.ok();
    }
    let headers = [("idempotency-key", format!("demo-{client:03}/{sequence}"))];
    connection
        .as_mut()?
        .post("/v1/engines/kv/messages", &headers, body.to_owned())
        .await
        .ok()
}

fn number(answer: &Answer, header: &str) -> u64 {
    answer
        .header(header)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// The order of `sequence` among the values, as the reply to setting it shows it.
fn outcome(answer: &Answer, sequence: u64) -> Outcome {
    let Ok(reply) = serde_json::from_slice::<Value>(&answer.body) else {
        return Outcome::None;
    };
    let value = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    let found: u64 = match (reply.get("stored"), reply.get("mismatch")) {
        (Some(stored), _) => value(&stored["previous"]),
        (None, Some(mismatch)) => value(&mismatch["actual"]),
        (None, None) => return Outcome::None,
    };
    match found.cmp(&(sequence - 1)) {
        std::cmp::Ordering::Equal => Outcome::InOrder,
        std::cmp::Ordering::Greater => Outcome::Ahead,
        std::cmp::Ordering::Less => Outcome::Behind,
    }
}
