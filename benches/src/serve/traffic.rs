//! [`Traffic`]: what a generator sends, as the bytes of requests, and whether an answer is a good one.

use super::http::Answer;
use crate::random::Random;
use serde::Serialize;
use std::fmt;
use std::io::Write;

/// Keys of the store that are written and read.
const STORE_KEYS: usize = 10_000;

/// Messages of one batch.
pub const BATCH_MESSAGES: usize = 100;

/// The path for batches.
const BATCH_PATH: &str = "/v1/messages";

/// The kind of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// One message, which sets a key of the store.
    Put,
    /// The same under an idempotency key.
    KeyedPut,
    /// One query.
    Get,
    /// [`BATCH_MESSAGES`] puts by the batch route.
    Batch,
    /// The same, each under an idempotency key.
    KeyedBatch,
}

/// The requests of a generator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) sort: Sort,
    /// Part of the clients' names: no two loads of a node are the same clients.
    pub(super) load: u64,
}

impl Sort {
    /// Messages of one request.
    pub fn messages(self) -> usize {
        match self {
            Self::Batch | Self::KeyedBatch => BATCH_MESSAGES,
            Self::Put | Self::KeyedPut | Self::Get => 1,
        }
    }

    /// Whether `answer` says that all of it was done.
    pub(super) fn is_done(self, answer: &Answer) -> bool {
        let lines = || answer.body.split(|byte| *byte == b'\n');
        answer.status == 200
            && match self {
                Self::Put | Self::KeyedPut => is_stored(&answer.body),
                Self::Get => !answer.body.is_empty(),
                Self::Batch | Self::KeyedBatch => {
                    lines().filter(|line| is_stored(line)).count() == BATCH_MESSAGES
                }
            }
    }
}

/// Whether the store said that it set a key.
fn is_stored(reply: &[u8]) -> bool {
    const STORED: &[u8] = b"\"stored\"";
    reply.windows(STORED.len()).any(|bytes| bytes == STORED)
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Put => "put",
            Self::KeyedPut => "put, key",
            Self::Get => "get",
            Self::Batch => "batch",
            Self::KeyedBatch => "batch, keys",
        })
    }
}

impl Traffic {
    /// Puts the bytes of a connection's request `number`, counted from 1, in the place of what is in `out`.
    pub(super) fn write(&self, connection: usize, number: u64, out: &mut Vec<u8>) {
        let mut random = Random::new((connection as u64) << 32 ^ number ^ self.load << 48);
        let (path, key, body) = match self.sort {
            Sort::Put => ("/v1/engines/kv/messages", None, put(&mut random)),
            Sort::KeyedPut => {
                let key = self.key(connection, number);
                ("/v1/engines/kv/messages", Some(key), put(&mut random))
            }
            Sort::Get => {
                let key = random.below(STORE_KEYS);
                let query = format!("{{\"get\":{{\"key\":\"key-{key:05}\"}}}}");
                ("/v1/engines/kv/queries", None, query)
            }
            Sort::Batch | Sort::KeyedBatch => (
                BATCH_PATH,
                None,
                self.lines(connection, number, &mut random),
            ),
        };
        let content = match self.sort.messages() {
            1 => "application/json",
            _ => "application/x-ndjson",
        };
        let key = key.map_or_else(String::new, |key| format!("Idempotency-Key: {key}\r\n"));
        out.clear();
        // Writing to memory cannot fail.
        let _ = write!(
            out,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content}\r\n{key}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }

    /// A client for each connection; its numbers grow by one, as a client's do.
    fn key(&self, connection: usize, number: u64) -> String {
        format!("serve-{}-{connection}/{number}", self.load)
    }

    fn lines(&self, connection: usize, number: u64, random: &mut Random) -> String {
        let first = (number - 1) * BATCH_MESSAGES as u64;
        let line = |place: u64| {
            let key = match self.sort {
                Sort::KeyedBatch => {
                    format!("\"key\":\"{}\",", self.key(connection, first + place))
                }
                _ => String::new(),
            };
            format!("{{\"engine\":\"kv\",{key}\"message\":{}}}\n", put(random))
        };
        (1..=BATCH_MESSAGES as u64).map(line).collect()
    }
}

fn put(random: &mut Random) -> String {
    let (key, value) = (random.below(STORE_KEYS), random.next());
    format!("{{\"put\":{{\"key\":\"key-{key:05}\",\"value\":\"{value:016x}\"}}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sort: Sort, connection: usize, number: u64) -> String {
        let mut out = b"what was there".to_vec();
        Traffic { sort, load: 3 }.write(connection, number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_says_its_length_and_its_key_and_follows_from_its_place() {
        let text = request(Sort::KeyedPut, 7, 2);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/engines/kv/messages HTTP/1.1\r\n"));
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(head.contains("Idempotency-Key: serve-3-7/2\r\n"));
        assert_eq!(text, request(Sort::KeyedPut, 7, 2));
        assert_ne!(
            body,
            request(Sort::Put, 7, 3).split_once("\r\n\r\n").unwrap().1
        );
        assert!(!request(Sort::Put, 7, 2).contains("Idempotency"));
    }

    #[test]
    fn no_two_messages_of_a_connection_have_one_key() {
        let mut keys = std::collections::BTreeSet::new();
        for number in 1..=3 {
            let text = request(Sort::KeyedBatch, 0, number);
            let lines = text.split_once("\r\n\r\n").unwrap().1.lines();
            let key = |line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line["key"].as_str().unwrap().to_owned()
            };
            keys.extend(lines.map(key));
        }
        assert_eq!(keys.len(), 3 * BATCH_MESSAGES);
    }

    #[test]
    fn an_answer_that_misses_one_message_is_no_good_one() {
        let answer = |lines: usize| Answer {
            status: 200,
            body: "{\"reply\":{\"stored\":null}}\n".repeat(lines).into_bytes(),
            closes: false,
        };
        assert!(Sort::Batch.is_done(&answer(BATCH_MESSAGES)));
        assert!(!Sort::Batch.is_done(&answer(BATCH_MESSAGES - 1)));
        let refused = Answer {
            status: 503,
            ..answer(1)
        };
        assert!(!Sort::Put.is_done(&refused));
    }
}
