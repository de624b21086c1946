//! Answers that clients ask for and do not read never grow a node beyond a known bound.

use crate::node::{Running, kv};
use crate::served::Folder;
use serde_json::json;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Values of the store, and the bytes of each: nearly as much as a state may have that is captured.
const VALUES: usize = 15;
const VALUE_BYTES: usize = 1_000_000;

/// Large answers that are asked for at once, and left unread.
const ASKED: usize = 40;

/// What the node may grow by: all the room for answers, and what it makes of the next one on the way.
const GROWTH_KIB_MAX: u64 = (refit_admin::ANSWERS_BYTES_MAX as u64 >> 10) + (96 << 10);

/// How long a client does not read the answers to a batch.
const READS_AFTER: Duration = Duration::from_secs(2);

/// Longest time for another client's message meanwhile.
const SERVED_WITHIN: Duration = Duration::from_secs(20);

fn connected(folder: &Folder) -> UnixStream {
    let socket = folder.path().join("refit-data/admin.sock");
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(SERVED_WITHIN)).unwrap();
    stream
}

fn ask(folder: &Folder, method: &str, path: &str, body: &str) -> UnixStream {
    let mut stream = connected(folder);
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: UnixStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn put(folder: &Folder, key: &str, value: &str) {
    let message = json!({"put": {"key": key, "value": value}}).to_string();
    let said = answer(ask(folder, "POST", "/v1/engines/kv/messages", &message));
    assert!(said.starts_with("HTTP/1.1 200 "), "{said:.200}");
}

/// The most memory that the node ever had, in KiB.
fn peak_kib(node: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.trim().parse().unwrap()
}

#[test]
fn large_answers_that_nobody_reads_take_a_bounded_part_of_memory_and_others_are_served() {
    let folder = Folder::new();
    let node = Running::start(&folder, &kv(&folder));
    for value in 0..VALUES {
        put(&folder, &format!("large-{value}"), &"x".repeat(VALUE_BYTES));
    }
    let before = peak_kib(&node);
    let range = json!({"range": {"from": "", "to": null, "limit": 1000}}).to_string();
    let mut unread = Vec::new();
    for _ in 0..ASKED {
        unread.push(ask(&folder, "GET", "/v1/engines/kv/state", ""));
        unread.push(ask(&folder, "POST", "/v1/engines/kv/queries", &range));
    }
    let asked = Instant::now();
    put(&folder, "other", "1");
    assert!(asked.elapsed() < SERVED_WITHIN);
    let said: Vec<_> = unread.into_iter().map(answer).collect();
    let grown = peak_kib(&node) - before;
    assert!(grown < GROWTH_KIB_MAX, "it grew by {grown} KiB");
    let (served, refused): (Vec<_>, Vec<_>) = said
        .iter()
        .partition(|said| said.starts_with("HTTP/1.1 200 "));
    assert!(!served.is_empty() && !refused.is_empty());
    for said in refused {
        assert!(
            said.starts_with("HTTP/1.1 503 ") && said.contains("answers-full"),
            "{said:.600}"
        );
    }
    // The room was given back with the last byte.
    let said = answer(ask(&folder, "GET", "/v1/engines/kv/state", ""));
    assert!(said.starts_with("HTTP/1.1 200 "), "{said:.200}");
    assert_eq!(node.stop(), Some(0));
}

/// Lines of a batch whose answers come to more than all the room for answers.
const LINES: usize = 200;

#[test]
fn a_batch_of_large_answers_loses_none_of_them_however_late_its_client_reads() {
    let folder = Folder::new();
    let node = Running::start(&folder, &kv(&folder));
    put(&folder, "large", &"x".repeat(VALUE_BYTES));
    let other = json!({"compare_and_set": {"key": "large", "expected": null, "value": ""}});
    let line = json!({"engine": "kv", "message": other}).to_string();
    let lines = format!("{line}\n").repeat(LINES);
    let mut stream = connected(&folder);
    let length = lines.len();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
    // Until all that is handed over unread has long been executed.
    std::thread::sleep(READS_AFTER);
    let mut whole = 0;
    for line in answer(stream).lines() {
        assert!(!line.contains("\"problem\""), "{line:.600}");
        whole += usize::from(line.len() > VALUE_BYTES && line.starts_with('{'));
    }
    assert_eq!(whole, LINES);
    assert_eq!(node.stop(), Some(0));
}
