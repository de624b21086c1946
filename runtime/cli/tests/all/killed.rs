//! A node that is killed under load, again and again, with upgrades between: each client's ledger holds.

use crate::node::{Running, build, fixture};
use crate::rehearsal::version_2;
use crate::served::Folder;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const CLIENTS: usize = 4;

/// Kills of the node: each under load, and each second one with an upgrade under way.
const KILLS: u64 = 6;

const WAIT: Duration = Duration::from_secs(60);

/// A client with a key of its own in the store: its puts have the numbers 1, 2, …, each sent until it is answered.
struct Client {
    name: String,
    socket: PathBuf,
}

impl Client {
    /// The answer to one request, if one comes.
    fn ask(&self, request: &str) -> Option<(u16, String)> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", bytes)) => length = bytes.parse().ok()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some((status, String::from_utf8(body).ok()?))
    }

    fn request(&self, way: &str, key: &str, body: &str) -> String {
        format!(
            "POST /v1/engines/kv/{way} HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\n{key}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    /// Puts a number, once, however often it takes; gives the number that was there before.
    fn put(&self, number: u64, ends: &AtomicBool) -> Option<u64> {
        let body = format!(r#"{{"put":{{"key":"{}","value":"{number}"}}}}"#, self.name);
        let key = format!("Idempotency-Key: {}/{number}\r\n", self.name);
        let request = self.request("messages", &key, &body);
        while !ends.load(Ordering::Acquire) {
            match self.ask(&request) {
                Some((200, answer)) => {
                    let answer: Value = serde_json::from_str(&answer).unwrap();
                    return Some(number_in(&answer["stored"]["previous"]));
                }
                // Not there, or busy: the same again.
                Some((503 | 504, _)) | None => std::thread::sleep(Duration::from_millis(2)),
                Some(other) => panic!("{other:?}"),
            }
        }
        None
    }

    /// The number that is there, read by a query.
    fn number(&self) -> Option<u64> {
        let body = format!(r#"{{"get":{{"key":"{}"}}}}"#, self.name);
        let (status, answer) = self.ask(&self.request("queries", "", &body))?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        (status == 200).then(|| number_in(&answer["value"]["entry"]["value"]))
    }

    /// Writes and reads until it is told to end; gives how many puts were answered.
    fn run(&self, ends: &AtomicBool) -> u64 {
        let mut told = 0;
        while let Some(before) = self.put(told + 1, ends) {
            let name = &self.name;
            assert_eq!(before, told, "{name}: one is lost, doubled or out of order");
            told += 1;
            if let Some(seen) = self.number() {
                assert_eq!(seen, told, "{name}: a read is not what was told");
            }
        }
        told
    }
}

/// A number as the store has it: a text, or nothing yet.
fn number_in(value: &Value) -> u64 {
    value.as_str().map_or(0, |text| text.parse().unwrap())
}

fn clients(folder: &Folder, ends: &Arc<AtomicBool>) -> Vec<JoinHandle<u64>> {
    let start = |number: usize| {
        let client = Client {
            name: format!("client-{number}"),
            socket: folder.path().join("refit-data/admin.sock"),
        };
        let ends = ends.clone();
        std::thread::spawn(move || client.run(&ends))
    };
    (0..CLIENTS).map(start).collect()
}

/// Begins an upgrade, and does not wait for its end.
fn upgrade(folder: &Folder, library: &Path) {
    let kind = format!("kv={}", library.display());
    let _planned = folder.run(&["upgrade", "plan", &kind, "--out", "plan.json"]);
    let mut command = folder.command(&["upgrade", "apply", "plan.json", "--no-rehearsal"]);
    let _applied = command.output().unwrap();
}

#[test]
fn a_node_that_is_killed_again_and_again_under_load_and_in_upgrades_loses_and_doubles_nothing() {
    let folder = Folder::new();
    let library = fixture(&folder);
    // The next version, in two builds that differ by a function: each can follow the other.
    let versions = ["kv-a", "kv-b"].map(|name| {
        let function =
            format!("\n/// Its name.\npub fn called() -> &'static str {{ \"{name}\" }}\n");
        PathBuf::from(build(&folder, &version_2(name, |state| state + &function)))
    });
    let ends = Arc::new(AtomicBool::new(false));
    let mut node = Running::start(&folder, &library);
    let running = clients(&folder, &ends);
    for kill in 0..KILLS {
        std::thread::sleep(Duration::from_millis(120 + 35 * kill));
        std::thread::scope(|scope| {
            if kill % 2 == 1 {
                scope.spawn(|| upgrade(&folder, &versions[kill as usize / 2 % 2]));
                std::thread::sleep(Duration::from_millis(20 + 15 * kill));
            }
            node.kill();
        });
        node = Running::start(&folder, &library);
    }
    std::thread::sleep(Duration::from_millis(300));
    ends.store(true, Ordering::Release);
    let told: Vec<u64> = running.into_iter().map(|it| it.join().unwrap()).collect();
    let deadline = Instant::now() + WAIT;
    for (number, told) in told.iter().enumerate() {
        let client = Client {
            name: format!("client-{number}"),
            socket: folder.path().join("refit-data/admin.sock"),
        };
        let there = loop {
            match client.number() {
                Some(number) => break number,
                None => assert!(Instant::now() < deadline),
            }
        };
        // The last one may have been executed, and its answer lost.
        assert!(
            (*told..=*told + 1).contains(&there),
            "{told} told, {there} there"
        );
    }
    let all: u64 = told.iter().sum();
    eprintln!("{KILLS} kills, {all} puts answered, 0 lost or doubled");
    assert!(all > 50, "{told:?}");
    assert_eq!(node.stop(), Some(0));
}
