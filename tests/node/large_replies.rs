//! A batch whose replies are huge, beside another client of the same node: over its socket, as clients come.
//!
//! It is the batch of 2,000 lines with replies of a megabyte, at a scale of 1 to 32: replies and the block's bound are as
//! much smaller, so there are as many blocks, and a debug build does it in some seconds.

use crate::{put, workshop};
use refit_admin::{BATCH_CONTENT_TYPE, Limits, Listen, Server, Shutdown};
use refit_tests::{Harness, Source, Workshop};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Lines of the batch, and the bytes that each is answered with.
const LINES: usize = 2_000;
const REPLY_BYTES: usize = 1_000_000 / 32;

/// Bytes of replies after which a block ends.
const BLOCK_BYTES: u64 = (32 << 20) / 32;

/// Blocks after the newest one that is known, in the last of which another client's message is answered: one is under
/// way, four are full of the 4 MiB that a batch expects, in the next it has its turn.
const OTHER_BLOCKS_MAX: u64 = 6;

/// Longest wait of another client for one answer: as many blocks of a debug build.
const OTHER_WAIT_MAX: Duration = Duration::from_secs(5);

/// The store, which answers a put of `large` with so many bytes.
fn large_replies(workshop: &Workshop) -> PathBuf {
    workshop.library("kv-large-replies", || {
        let put = "Message::Put { key, value } => self.put(key, value),";
        let large = format!(
            "Message::Put {{ key, .. }} if key == \"large\" => Ok(Reply::Stored {{
                previous: Some(\"x\".repeat({REPLY_BYTES})),
            }}),"
        );
        Source::kv_v1().replacing("src/engine.rs", put, &format!("{large}\n            {put}"))
    })
}

/// A node that listens on a socket of its own.
struct Listening {
    node: Harness,
    socket: PathBuf,
    shutdown: Shutdown,
    thread: std::thread::JoinHandle<()>,
}

impl Listening {
    fn start(library: &Path) -> Self {
        let node = Harness::start(&workshop(), &[("kv", "kv", library)]);
        node.set("", "block.effect_bytes", BLOCK_BYTES).unwrap();
        let socket = node.folder().join("admin.sock");
        let (listen, served) = (Listen::Unix(socket.clone()), node.node().clone());
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Server::bind(listen, served, Limits::default()).await;
                let server = server.unwrap();
                sender.send(server.shutdown()).unwrap();
                server.serve().await;
            });
        });
        let shutdown = receiver.recv().unwrap();
        Self {
            node,
            socket,
            shutdown,
            thread,
        }
    }

    fn stop(self) {
        self.shutdown.begin();
        self.thread.join().unwrap();
        drop(self.node);
    }

    /// Sends a request of a type, of which the connection is closed behind the answer.
    fn begin(&self, path: &str, media: &str, more: &str, body: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {media}\r\n\
             {more}Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    /// The batch; the replies that came whole.
    fn batch(&self, names: Names) -> usize {
        let line = |number: usize| {
            let mut line = json!({"engine": "kv", "message": put("large", "")});
            if let Names::New = names {
                line["key"] = json!(format!("name-{number}/1"));
            }
            format!("{line}\n")
        };
        let lines: String = (0..LINES).map(line).collect();
        let stream = self.begin("/v1/messages", BATCH_CONTENT_TYPE, "", &lines);
        let mut answers = BufReader::with_capacity(1 << 20, stream);
        let (mut line, mut whole) = (Vec::new(), 0);
        while answers.read_until(b'\n', &mut line).unwrap() > 0 {
            whole += usize::from(line.len() > REPLY_BYTES && line.starts_with(b"{"));
            line.clear();
        }
        whole
    }

    /// One put after the other, under a key if the batch has none, until it is enough.
    fn puts(&self, enough: &AtomicBool, batch: Names) -> Waits {
        let mut waits = Waits::default();
        while !enough.load(Relaxed) {
            waits.count += 1;
            let count = waits.count;
            let key = match batch {
                Names::None => format!("Idempotency-Key: ada/{count}\r\n"),
                Names::New => String::new(),
            };
            let body = put("other", &count.to_string()).to_string();
            let (began, newest) = (Instant::now(), self.node.status().height);
            let path = "/v1/engines/kv/messages";
            let mut stream = self.begin(path, "application/json", &key, &body);
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            assert!(said.starts_with("HTTP/1.1 200 "), "{said:.300}");
            waits.longest = waits.longest.max(began.elapsed());
            waits.blocks = waits.blocks.max(height(&said) - newest.0);
        }
        waits
    }
}

/// Under which names the lines of a batch come.
#[derive(Clone, Copy, Debug)]
enum Names {
    None,
    /// Each line under one that nobody has heard of.
    New,
}

/// The longest that one client waited for its answers.
#[derive(Debug, Default)]
struct Waits {
    count: u64,
    longest: Duration,
    /// From the newest block to that of the answer.
    blocks: u64,
}

/// The block of an answer.
fn height(answer: &str) -> u64 {
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("refit-height: "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_batch_with_huge_replies_gets_them_all_and_another_client_waits_for_a_few_blocks() {
    beside_another_client(Names::None);
}

#[test]
fn a_batch_under_ever_new_names_lets_a_client_without_one_come_in_between() {
    beside_another_client(Names::New);
}

fn beside_another_client(names: Names) {
    let listening = Listening::start(&large_replies(&workshop()));
    let enough = AtomicBool::new(false);
    let began = Instant::now();
    let (whole, other) = std::thread::scope(|threads| {
        let other = threads.spawn(|| listening.puts(&enough, names));
        // The other thread ends even if this one fails.
        let batch =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| listening.batch(names)));
        enough.store(true, Relaxed);
        (batch, other.join().unwrap())
    });
    println!("the batch took {:?}; beside it {other:?}", began.elapsed());
    assert_eq!(whole.unwrap(), LINES);
    assert!(
        other.count > 1 && other.blocks <= OTHER_BLOCKS_MAX,
        "{other:?}"
    );
    assert!(other.longest < OTHER_WAIT_MAX, "{other:?}");
    listening.stop();
}
