//! Loads on a server that does just what a test says.

use super::*;
use crate::serve::http::Reader;
use crate::serve::traffic::Sort;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const STORED: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-length: 26\r\n\r\n{\"stored\":{\"revision\":17}}";

/// What the server does with its request of this number, counted from 0 over all connections.
type Act = dyn Fn(u64, &mut UnixStream) -> bool + Send + Sync;

/// Serves until the test ends; a connection for each thread.
fn server(act: Arc<Act>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let count = Arc::new(AtomicU64::new(0));
        for stream in listener.incoming() {
            let (mut stream, act, count) = (stream.unwrap(), act.clone(), count.clone());
            std::thread::spawn(move || {
                while request(&mut stream) {
                    if !act(count.fetch_add(1, Ordering::Relaxed), &mut stream) {
                        break;
                    }
                }
            });
        }
    });
    (folder, socket)
}

/// Reads one request: it comes alone, as the generator has one under way on a connection.
fn request(stream: &mut UnixStream) -> bool {
    let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return false,
            Ok(length) => text.extend_from_slice(&bytes[..length]),
        }
        // What is read of an answer is read of a request, too, but for its first line.
        let answer = [b"HTTP/1.1 200 ".as_slice(), &text].concat();
        let mut reader = Reader::default();
        reader.feed(&answer);
        if reader.answer().unwrap().is_some() {
            return true;
        }
    }
}

fn load(socket: PathBuf, connections: usize, pace: Pace, window: Duration) -> Seen {
    let start = Instant::now() + Duration::from_millis(20);
    let load = Load {
        socket,
        connections,
        traffic: Traffic {
            sort: Sort::Put,
            load: 1,
        },
        pace,
        times: Times {
            start,
            from: start,
            to: start + window,
        },
    };
    load.run().unwrap()
}

fn stored(stream: &mut UnixStream) -> bool {
    stream.write_all(STORED).is_ok()
}

#[test]
fn all_that_was_due_while_the_server_stood_still_has_waited() {
    const STALL: Duration = Duration::from_millis(200);
    let stall = |number, stream: &mut UnixStream| {
        if number == 20 {
            std::thread::sleep(STALL);
        }
        stored(stream)
    };
    let (_folder, socket) = server(Arc::new(stall));
    let seen = load(socket, 1, Pace::Open(200.0), Duration::from_millis(500));
    assert_eq!((seen.latency_ns.len(), seen.failed()), (100, 0));
    assert!(seen.latency_ns.max() >= STALL.as_nanos() as u64);
    // In 200 ms 40 requests were due; half of them for more than 100 ms.
    let long = seen.latency_ns.count_between(100_000_000, u64::MAX);
    assert!(long >= 20, "{long}");
}

#[test]
fn a_closed_loop_sends_when_it_has_its_answer_and_no_sooner() {
    const WORK: Duration = Duration::from_millis(5);
    let work = |_, stream: &mut UnixStream| {
        std::thread::sleep(WORK);
        stored(stream)
    };
    let (_folder, socket) = server(Arc::new(work));
    let seen = load(socket, 2, Pace::Closed, Duration::from_millis(200));
    assert!((2..=80).contains(&seen.answered), "{}", seen.answered);
    assert!(seen.latency_ns.min() >= WORK.as_nanos() as u64 * 99 / 100);
    assert_eq!(seen.failed(), 0);
}

#[test]
fn a_refusal_a_broken_connection_and_silence_are_told_apart_and_counted() {
    let act = |number, stream: &mut UnixStream| match number {
        3 => {
            let refusal =
                b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy";
            let _ = stream.write_all(refusal);
            false
        }
        5 => false,
        _ => stored(stream),
    };
    let (_folder, socket) = server(Arc::new(act));
    let seen = load(socket, 1, Pace::Open(100.0), Duration::from_millis(200));
    assert_eq!((seen.refused, seen.broken, seen.unanswered), (1, 1, 0));
    assert_eq!(seen.first_refusal.as_deref(), Some("503 busy"));
    assert_eq!(seen.latency_ns.len(), 20);
}

#[test]
fn what_got_no_answer_counts_for_as_long_as_it_was_waited_for() {
    let act = |number, stream: &mut UnixStream| {
        if number == 1 {
            std::thread::sleep(Duration::from_secs(600));
        }
        stored(stream)
    };
    let (_folder, socket) = server(Arc::new(act));
    let seen = load(socket, 1, Pace::Open(100.0), Duration::from_millis(100));
    assert_eq!((seen.answered, seen.unanswered), (1, 9));
    assert_eq!(seen.latency_ns.len(), 10);
    assert!(seen.latency_ns.value_at_quantile(0.5) >= DRAIN_MAX.as_nanos() as u64 * 9 / 10);
}
