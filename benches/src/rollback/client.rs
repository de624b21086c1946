//! Clients of a node that is rolled back: those that fill it, and [`Watcher`], which writes all the while.

use crate::BenchError;
use crate::serve::connection::Connection;
use crate::serve::node::ServedNode;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Connections that fill a node.
const CONNECTIONS: u64 = 8;

/// Messages of a batch.
const BATCH: u64 = 100;

/// Bytes of the values of a batch, about.
const BATCH_BYTES: u64 = 1 << 20;

/// Longest time without service that is waited for.
const BACK_MAX: Duration = Duration::from_secs(120);

/// Between two requests of the watcher.
const LOOK: Duration = Duration::from_millis(1);

/// Answers before the roll-back, and after it, that the watcher needs.
const ANSWERS: usize = 20;

/// What a node is filled with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    pub(super) messages: u64,
    /// Written in turns.
    pub(super) keys: u64,
    pub(super) value_bytes: usize,
}

/// Sends all messages over some connections, and looks at each answer.
pub(super) fn fill(node: &ServedNode, filling: &Filling) -> Result<(), BenchError> {
    std::thread::scope(|scope| {
        let part = |number| scope.spawn(move || fill_part(node, filling, number));
        let parts: Vec<_> = (0..CONNECTIONS).map(part).collect();
        parts.into_iter().try_for_each(|part| {
            let ended = part.join();
            ended.unwrap_or_else(|_| Err(node.failed("a client panicked".to_owned())))
        })
    })
}

/// One connection's batches.
fn fill_part(node: &ServedNode, filling: &Filling, part: u64) -> Result<(), BenchError> {
    let mut connection = node.connect()?;
    let bytes = filling.value_bytes;
    let batch = (BATCH_BYTES / bytes.max(1) as u64).clamp(1, BATCH);
    let mut first = part * batch;
    while first < filling.messages {
        let messages = batch.min(filling.messages - first);
        let mut lines = String::new();
        for number in first..first + messages {
            let key = number % filling.keys.max(1);
            // Each is another one: the store's index finds keys by their value.
            let value = format!("{number:08}{}", "v".repeat(bytes));
            let value = &value[..bytes];
            // Writing to a string cannot fail.
            let _ = writeln!(
                lines,
                "{{\"engine\":\"kv\",\"message\":{{\"put\":{{\"key\":\"key-{key:08}\",\"value\":\"{value}\"}}}}}}"
            );
        }
        let answer = connection.exchange(&post("/v1/messages", "application/x-ndjson", &lines))?;
        let stored = String::from_utf8_lossy(&answer.body)
            .lines()
            .filter(|line| line.contains("\"stored\""))
            .count() as u64;
        if answer.status != 200 || stored != messages {
            let said = String::from_utf8_lossy(&answer.body);
            let line = said.lines().find(|line| !line.contains("\"stored\""));
            let line = line.unwrap_or_default();
            return Err(node.failed(format!("a batch is answered with {} {line}", answer.status)));
        }
        first += CONNECTIONS * batch;
    }
    Ok(())
}

fn post(path: &str, content: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Writes one message after the other, and notes when it was answered.
pub(super) struct Watcher {
    seen: Arc<Mutex<Answers>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// When answers came.
#[derive(Default)]
struct Answers {
    /// Those that say that it was done.
    good: Vec<Instant>,
    /// Any, also that the node starts.
    any: Vec<Instant>,
}

/// What the watcher saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Back {
    /// From the last good answer before to the first one after.
    pub(super) without: Duration,
    /// From the last good answer before to the first answer of any kind from the process after.
    pub(super) silent: Duration,
}

impl Watcher {
    /// Begins, and waits until some messages were answered.
    pub(super) fn start(socket: &Path) -> Result<Self, BenchError> {
        let (seen, end) = (
            Arc::<Mutex<Answers>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let thread = {
            let (seen, end, socket) = (seen.clone(), end.clone(), socket.to_owned());
            Builder::new()
                .name("bench-watcher".to_owned())
                .spawn(move || write_on(&socket, &seen, &end))
                .map_err(|source| BenchError::Thread { source })?
        };
        let this = Self {
            seen,
            end,
            thread: Some(thread),
        };
        let deadline = Instant::now() + BACK_MAX;
        while this.good() < ANSWERS && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        Ok(this)
    }

    fn good(&self) -> usize {
        let seen = self.seen.lock();
        seen.unwrap_or_else(PoisonError::into_inner).good.len()
    }

    /// Waits for some answers more, and ends: what was longest since `began` is the time without service.
    pub(super) fn end(self, began: Instant) -> Option<Back> {
        let (answers, deadline) = (self.good() + ANSWERS, Instant::now() + BACK_MAX);
        while self.good() < answers && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        let seen = self.seen.clone();
        drop(self);
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let since = seen.good.iter().rposition(|at| *at <= began).unwrap_or(0);
        let gaps = seen.good[since..].windows(2);
        let longest = gaps.max_by_key(|pair| pair[1] - pair[0])?;
        let (last, first) = (longest[0], longest[1]);
        let other = seen.any.iter().find(|at| **at > last)?;
        Some(Back {
            without: first - last,
            silent: *other - last,
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has said itself why it panicked.
            let _ = thread.join();
        }
    }
}

fn write_on(socket: &Path, seen: &Mutex<Answers>, end: &AtomicBool) {
    let body = "{\"put\":{\"key\":\"watcher\",\"value\":\"here\"}}";
    let request = post("/v1/engines/kv/messages", "application/json", body);
    let mut connection = None;
    while !end.load(Ordering::Relaxed) {
        let open = connection
            .take()
            .map_or_else(|| Connection::open(socket), Ok);
        let answered = open.and_then(|mut open| {
            let answer = open.exchange(&request)?;
            Ok((open, answer))
        });
        if let Ok((open, answer)) = answered {
            let now = Instant::now();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.any.push(now);
            if answer.status == 200 {
                seen.good.push(now);
            }
            // One that the node closes is opened again.
            connection = (!answer.closes).then_some(open);
        }
        std::thread::sleep(LOOK);
    }
}
