//! [`EventStream`]: server-sent events as they come (WHATWG HTML, section 9.2, as far as a node writes them).

use super::{ClientError, NodeAddress};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// Longest time in which nothing comes, before the node counts as gone. It says something every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Longest event, in bytes: more than what a message may emit, with each byte of it escaped.
const EVENT_BYTES_MAX: usize = 64 << 20;

/// An answer that goes on.
#[derive(Debug)]
pub(crate) struct EventStream {
    pub(super) address: NodeAddress,
    pub(super) body: Incoming,
    /// Bytes received that are not yet a whole event.
    pub(super) rest: Vec<u8>,
    /// How much of it was searched for an end.
    pub(super) searched: usize,
}

/// One server-sent event. One without data is no event for a reader, but its id counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerEvent {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

impl EventStream {
    pub(super) fn new(address: NodeAddress, body: Incoming) -> Self {
        Self {
            address,
            body,
            rest: Vec::new(),
            searched: 0,
        }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<ServerEvent>, ClientError> {
        loop {
            if let Some(end) = self.end() {
                let whole: Vec<u8> = self.rest.drain(..end).collect();
                self.searched = 0;
                return Ok(Some(ServerEvent::of(&String::from_utf8_lossy(&whole))));
            }
            if self.rest.len() > EVENT_BYTES_MAX {
                return Err(ClientError::TooLarge {
                    address: self.address.clone(),
                    bytes_max: EVENT_BYTES_MAX,
                });
            }
            match self.frame().await? {
                Some(data) => self.rest.extend_from_slice(&data),
                None => return Ok(None),
            }
        }
    }

    /// Behind the first whole event.
    fn end(&mut self) -> Option<usize> {
        let from = self.searched;
        let found = self.rest[from..]
            .windows(2)
            .position(|pair| pair == b"\n\n");
        self.searched = self.rest.len().saturating_sub(1);
        found.map(|at| from + at + 2)
    }

    async fn frame(&mut self) -> Result<Option<refit_admin::Bytes>, ClientError> {
        loop {
            let frame = tokio::time::timeout(SILENCE_MAX, self.body.frame()).await;
            let frame = frame.map_err(|_| ClientError::NoAnswer {
                address: self.address.clone(),
                wait_s: SILENCE_MAX.as_secs(),
            })?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|source| ClientError::BrokeOff {
                address: self.address.clone(),
                source,
            })?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

impl ServerEvent {
    fn of(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("event", name)) => event.name = Some(name.to_owned()),
                Some(("data", data)) => {
                    if !event.data.is_empty() {
                        event.data.push('\n');
                    }
                    event.data.push_str(data);
                }
                _ => {}
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_over_several_lines_is_one() {
        let event = ServerEvent::of("id: 0.1.0\nevent: x\ndata: {\ndata:   \"a\": 1\ndata: }\n\n");
        assert_eq!(event.id, "0.1.0");
        assert_eq!(event.name.as_deref(), Some("x"));
        assert_eq!(event.data, "{\n  \"a\": 1\n}");
        assert_eq!(ServerEvent::of("id: 0.2.0\n\n").data, "");
    }
}
