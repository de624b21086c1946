//! The clients of a round: each writes its numbers, one after the other, and reads between them, over all lives of the node.

use super::branches::At;
use super::found::{Check, Found};
use super::ledger::{Ledger, Read, Reply, key, name, number_in};
use super::random::Random;
use crate::client::{Answer, Connection, NodeAddress};
use refit_admin::{HEADER_BRANCH, HEADER_GENERATION, HEADER_HEIGHT};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Wait before the next try of a request.
const RETRY_WAIT: Duration = Duration::from_millis(3);

/// Longest pause of a client between two requests, in milliseconds.
const IDLE_MS_MAX: u64 = 4;

/// Longest time until a request is answered, over all lives of a node.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(120);

/// The newest requests of a client that are repeated, and how many of those before.
const REPEATED_NEWEST: u64 = 8;
const REPEATED_OLDER: u64 = 24;

/// The answers that a node surely keeps for a client.
const KEPT: u64 = 900;

/// The statuses after which the same request is sent again: the node is not there yet, or busy.
const AGAIN: [u16; 3] = [429, 503, 504];

/// A ledger that the tasks of one thread share.
pub(super) type Shared = Rc<RefCell<Ledger>>;

/// A way to the node, whichever process it is.
#[derive(Debug)]
pub(super) struct Way {
    address: NodeAddress,
    connection: Option<Connection>,
}

/// A number that a client sends.
#[derive(Clone, Copy, Debug)]
struct Put {
    client: usize,
    number: u64,
    has_key: bool,
}

/// The clients, who write until they are told to end.
#[derive(Debug)]
pub(super) struct Clients {
    ends: Rc<Cell<bool>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Way {
    pub(super) fn to(address: NodeAddress) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// The answer to one request, if one comes.
    async fn post(&mut self, way: &str, key: Option<String>, body: String) -> Option<Answer> {
        if self.connection.is_none() {
            self.connection = Connection::open(&self.address, None).await.ok();
        }
        let headers: Vec<_> = key
            .map(|key| ("idempotency-key", key))
            .into_iter()
            .collect();
        let path = format!("/v1/engines/kv/{way}");
        let asked = self.connection.as_mut()?.post(&path, &headers, body).await;
        if asked.is_err() {
            self.connection = None;
        }
        asked.ok()
    }

    /// Sends a number of a client, once: its reply, why it was refused, or nothing.
    async fn put(&mut self, put: Put) -> Option<Result<Reply, String>> {
        let Put {
            client,
            number,
            has_key,
        } = put;
        let (store_key, value) = (name(client), number.to_string());
        // The request under a key must be the same each time, so the number says which it is.
        let message = match number % 2 {
            0 => json!({"put": {"key": store_key, "value": value}}),
            _ => {
                let before = number - 1;
                let expected = (before > 0).then(|| before.to_string());
                json!({"compare_and_set": {"key": store_key, "expected": expected, "value": value}})
            }
        };
        let key = has_key.then(|| key(client, number));
        let answer = self.post("messages", key, message.to_string()).await?;
        let status = answer.status.as_u16();
        if AGAIN.contains(&status) {
            return None;
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if status != 200 {
            return Some(Err(format!("{status}: {body}")));
        }
        Some(Ok(Reply {
            body,
            at: at(&answer),
            is_repeated: answer.header("refit-repeated") == Some("true"),
        }))
    }

    /// Reads the value of a client, once, and notes it.
    pub(super) async fn read(&mut self, client: usize, ledger: &Shared) -> bool {
        let floor = ledger.borrow().floor(client);
        let query = json!({"get": {"key": name(client)}});
        let Some(answer) = self.post("queries", None, query.to_string()).await else {
            return false;
        };
        if answer.status.as_u16() != 200 {
            return false;
        }
        let value = serde_json::from_slice::<Value>(&answer.body);
        let value = value.ok().and_then(|it| it.get("value").cloned());
        let value = value.map(|it| it.pointer("/entry/value").cloned().unwrap_or(Value::Null));
        let Some(value) = value.as_ref().and_then(number_in) else {
            let detail = format!(
                "the answer to a query is {}",
                String::from_utf8_lossy(&answer.body)
            );
            let found = Found::new(Check::NotUnderstood, detail);
            ledger.borrow_mut().finds([found]);
            return true;
        };
        let read = Read {
            floor,
            value,
            at: at(&answer),
        };
        ledger.borrow_mut().reads(client, read);
        true
    }
}

/// Where an answer was made.
fn at(answer: &Answer) -> At {
    let header = |name| {
        let number = answer.header(name).and_then(|text| text.parse().ok());
        number.unwrap_or(0)
    };
    At {
        branch: header(HEADER_BRANCH),
        height: header(HEADER_HEIGHT),
        generation: header(HEADER_GENERATION),
    }
}

impl Clients {
    /// Starts all that the ledger has a book for. Called inside a local set of tasks.
    pub(super) fn start(address: &NodeAddress, ledger: &Shared, random: &mut Random) -> Self {
        let ends = Rc::new(Cell::new(false));
        let clients = ledger.borrow().clients();
        let start = |number| {
            let client = Client {
                number,
                way: Way::to(address.clone()),
                ledger: ledger.clone(),
                ends: ends.clone(),
                random: Random::of(random.next()),
            };
            tokio::task::spawn_local(client.run())
        };
        let tasks = (0..clients).map(start).collect();
        Self { ends, tasks }
    }

    /// Has each client end once the request is answered that it has sent.
    pub(super) async fn end(self) {
        self.ends.set(true);
        for task in self.tasks {
            // A client does not panic; of one that did its book is short, which is no violation.
            let _ = task.await;
        }
    }
}

struct Client {
    number: usize,
    way: Way,
    ledger: Shared,
    ends: Rc<Cell<bool>>,
    random: Random,
}

impl Client {
    async fn run(mut self) {
        let clients = self.ledger.borrow().clients() as u64;
        while !self.ends.get() && self.write().await {
            if self.random.one_in(2) {
                let other = usize::try_from(self.random.below(clients)).unwrap_or(0);
                self.way.read(other, &self.ledger).await;
            }
            let idle = Duration::from_millis(self.random.below(IDLE_MS_MAX + 1));
            tokio::time::sleep(idle).await;
        }
    }

    /// Sends the next number until it is answered; false if the client ends with that.
    async fn write(&mut self) -> bool {
        let next = || self.ledger.borrow().acknowledged(self.number) + 1;
        let (mut number, began) = (next(), Instant::now());
        while began.elapsed() < ANSWER_MAX {
            // Another one once the node goes on from a snapshot that has less.
            number = next();
            self.ledger.borrow_mut().sends(self.number, number);
            let put = Put {
                client: self.number,
                number,
                has_key: self.ledger.borrow().has_keys(self.number),
            };
            match self.way.put(put).await {
                Some(Ok(reply)) => {
                    self.ledger.borrow_mut().acknowledges(self.number, reply);
                    return true;
                }
                Some(Err(why)) => {
                    self.fails(number, Check::Refused, why);
                    return false;
                }
                None => tokio::time::sleep(RETRY_WAIT).await,
            }
        }
        let detail = format!("no answer in {} s", ANSWER_MAX.as_secs());
        self.fails(number, Check::NodeSilent, detail);
        false
    }

    fn fails(&self, number: u64, check: Check, detail: String) {
        let found = Found {
            client: Some(name(self.number)),
            key: Some(key(self.number, number)),
            ..Found::new(check, detail)
        };
        self.ledger.borrow_mut().finds([found]);
    }
}

/// Repeats requests that were answered, newest and older, and reads what each client has written.
pub(super) async fn repeat(address: &NodeAddress, ledger: &Shared, random: &mut Random) {
    let mut way = Way::to(address.clone());
    let clients = ledger.borrow().clients();
    for client in 0..clients {
        // A repeat without a key would be another message.
        let has_key = ledger.borrow().has_keys(client);
        let told = has_key.then(|| ledger.borrow().acknowledged(client));
        let told = told.unwrap_or(0);
        let newest = told.saturating_sub(REPEATED_NEWEST) + 1..=told;
        let kept = told.min(KEPT);
        let older = (0..REPEATED_OLDER.min(kept)).map(|_| told - random.below(kept));
        let numbers: Vec<_> = older.chain(newest).filter(|number| *number > 0).collect();
        for number in numbers {
            let began = Instant::now();
            let answer = loop {
                let put = Put {
                    client,
                    number,
                    has_key,
                };
                match way.put(put).await {
                    Some(answer) => break answer,
                    None if began.elapsed() < ANSWER_MAX => tokio::time::sleep(RETRY_WAIT).await,
                    None => break Err(format!("no answer in {} s", ANSWER_MAX.as_secs())),
                }
            };
            match answer {
                Ok(reply) => ledger.borrow_mut().repeats(client, number, &reply),
                Err(why) => {
                    let found = Found {
                        client: Some(name(client)),
                        key: Some(key(client, number)),
                        ..Found::new(Check::Refused, why)
                    };
                    ledger.borrow_mut().finds([found]);
                }
            }
        }
        let began = Instant::now();
        while !way.read(client, ledger).await {
            if began.elapsed() > ANSWER_MAX {
                let detail = format!("no answer to a query in {} s", ANSWER_MAX.as_secs());
                let found = Found::new(Check::NodeSilent, detail);
                ledger.borrow_mut().finds([found]);
                return;
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}
