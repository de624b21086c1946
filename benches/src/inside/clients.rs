//! Clients of a node in this process: many that send groups of messages and wait for each group's answers.

use super::{InsideNode, KV, engine, failed};
use crate::BenchError;
use crate::random::Random;
use refit_abi::EngineId;
use refit_admin::{Answered, Entrance, Node as _, Sent};
use refit_node::{IN_FLIGHT_BATCH_MESSAGES_MAX, Node};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Keys of the store that the messages write.
const STORE_KEYS: usize = 10_000;

/// Messages that a client has ready, so that what is measured makes none.
const READY_MESSAGES: usize = 4_096;

/// Messages of one group of a fill.
const FILL_GROUP: usize = 128;

/// Bytes of a group of a fill, at most: groups in flight must fit into the mempool.
const FILL_GROUP_BYTES: usize = 256 << 10;

/// Groups of a fill that are under way at once.
const FILL_LANES: usize = 16;

/// The bytes of a put.
pub(crate) fn put(key: &str, value: &str) -> Vec<u8> {
    format!("{{\"put\":{{\"key\":\"{key}\",\"value\":\"{value}\"}}}}").into_bytes()
}

/// Many clients, each with one group of messages under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flood {
    pub(crate) clients: usize,
    /// Messages of each group.
    pub(crate) group: usize,
    /// What is measured.
    pub(crate) window: Duration,
    /// How long they run before it.
    pub(crate) warm_up: Duration,
}

/// What the clients got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flooded {
    /// Messages that were answered as they should within the window.
    pub(crate) answered: u64,
    /// Messages of the whole flood that were answered as they should.
    pub(crate) all: u64,
    /// From a group's first word to its last answer, of those that ended in the window; in milliseconds.
    pub(crate) group_ms: Vec<f64>,
    /// For each client the number of its last group, which stands in the store under the client's name.
    pub(crate) last: Vec<u64>,
}

/// One client's.
struct Lane {
    node: Arc<Node>,
    engine: EngineId,
    number: usize,
    ready: Arc<Vec<Vec<u8>>>,
    from: Instant,
    to: Instant,
}

impl Flood {
    /// Whether the node has places for all of them.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        let all = self.clients.saturating_mul(self.group);
        match (1..=IN_FLIGHT_BATCH_MESSAGES_MAX).contains(&all) {
            true => Ok(()),
            false => Err(BenchError::Option {
                option: "clients times messages of a group",
                value: all.to_string(),
                range: format!("1 to {IN_FLIGHT_BATCH_MESSAGES_MAX}"),
            }),
        }
    }

    /// Floods a node. An answer that is not what it should be ends it.
    pub(crate) fn run(&self, node: &InsideNode) -> Result<Flooded, BenchError> {
        let ready = Arc::new(ready(READY_MESSAGES));
        let from = Instant::now() + self.warm_up;
        let to = from + self.window;
        let lane = |number| -> Result<_, BenchError> {
            let lane = Lane {
                node: node.node().clone(),
                engine: engine(KV)?,
                number,
                ready: ready.clone(),
                from,
                to,
            };
            Ok(node.runtime.spawn(lane.run(self.group)))
        };
        let lanes: Vec<_> = (0..self.clients).map(lane).collect::<Result<_, _>>()?;
        let mut flooded = Flooded::default();
        for lane in lanes {
            let of_one = node.runtime.block_on(lane).map_err(failed)??;
            flooded.answered += of_one.answered;
            flooded.all += of_one.all;
            flooded.group_ms.extend(of_one.group_ms);
            flooded.last.extend(of_one.last);
        }
        Ok(flooded)
    }
}

/// The key under which a client notes its last group.
pub(crate) fn client_key(number: usize) -> String {
    format!("client-{number:04}")
}

impl Lane {
    async fn run(self, group: usize) -> Result<Flooded, BenchError> {
        let mut flooded = Flooded::default();
        let mut groups = 0;
        while Instant::now() < self.to {
            groups += 1;
            let began = Instant::now();
            let answered = hand_over(&self.node, self.group(group, groups)).await;
            all_stored(&answered, group)?;
            let ended = Instant::now();
            flooded.all += group as u64;
            if (self.from..self.to).contains(&ended) {
                flooded.answered += group as u64;
                let ms = (ended - began).as_secs_f64() * 1e3;
                flooded.group_ms.push(ms);
            }
        }
        flooded.last = vec![groups];
        Ok(flooded)
    }

    /// Messages that are ready, and behind them the number of the group under the client's name.
    fn group(&self, group: usize, number: u64) -> Vec<Sent> {
        let first = (self.number * 977 + number as usize * group) % self.ready.len();
        let bodies = self.ready.iter().cycle().skip(first).take(group - 1);
        let last = put(&client_key(self.number), &number.to_string());
        let bodies = bodies.cloned().chain([last]);
        bodies.map(|body| sent(self.engine, body)).collect()
    }
}

fn ready(count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(1);
    let message = |_| {
        let (key, value) = (random.below(STORE_KEYS), random.next());
        put(&format!("key-{key:05}"), &format!("{value:016x}"))
    };
    (0..count).map(message).collect()
}

fn sent(engine: EngineId, body: Vec<u8>) -> Sent {
    Sent {
        engine,
        request: None,
        body,
    }
}

async fn hand_over(node: &Arc<Node>, group: Vec<Sent>) -> Answered {
    node.submit(Entrance::UNIX, group).await.await
}

/// Whether every message of a group was answered, and the store said of each that it set the key.
fn all_stored(answered: &Answered, group: usize) -> Result<(), BenchError> {
    const STORED: &[u8] = b"\"stored\"";
    for answer in &answered.answers {
        let replied = answer.as_ref().map_err(super::refused)?;
        let mut bytes = replied.body.windows(STORED.len());
        if !bytes.any(|bytes| bytes == STORED) {
            let said = String::from_utf8_lossy(&replied.body);
            return Err(failed(format!("a put is answered with {said}")));
        }
    }
    match answered.answers.len() == group {
        true => Ok(()),
        false => Err(failed("a group has not an answer for each of its messages")),
    }
}

/// Sends `count` messages, the `number`-th as `message` makes it, and waits for all answers.
pub(crate) fn fill(
    node: &InsideNode,
    count: u64,
    message: impl Fn(u64) -> Vec<u8>,
) -> Result<(), BenchError> {
    let engine = engine(KV)?;
    let mut under_way = VecDeque::new();
    let mut next = 0;
    while next < count {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while next < count && group.len() < FILL_GROUP && bytes < FILL_GROUP_BYTES {
            let body = message(next);
            bytes += body.len();
            group.push(sent(engine, body));
            next += 1;
        }
        let (handle, size) = (node.node().clone(), group.len());
        let handed = async move { all_stored(&hand_over(&handle, group).await, size) };
        under_way.push_back(node.runtime.spawn(handed));
        if under_way.len() >= FILL_LANES
            && let Some(oldest) = under_way.pop_front()
        {
            node.runtime.block_on(oldest).map_err(failed)??;
        }
    }
    for handed in under_way {
        node.runtime.block_on(handed).map_err(failed)??;
    }
    Ok(())
}
