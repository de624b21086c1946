//! The lines of a batch as they come: cut out of the body's pieces, in groups.

use super::line;
use crate::body::grow;
use crate::{Bytes, Part, Refusal, Room, Sent};
use axum::body::Body;
use http_body_util::BodyExt;
use refit_abi::codes;
use std::collections::VecDeque;

/// Messages that are handed over together.
pub(super) const GROUP_MESSAGES_MAX: usize = 512;

/// Bytes of messages after which a group is full.
const GROUP_BYTES_MAX: usize = 256 << 10;

/// The part of a line beside its message, in bytes: the engine, the key, some space.
const LINE_EXTRA_BYTES: usize = 1 << 10;

/// The lines' contents, in their order: a message, or why it is none.
pub(super) type Group = Vec<Result<Sent, Refusal>>;

/// Cuts lines out of a body.
pub(super) struct Lines {
    body: Body,
    line_bytes_max: usize,
    message_bytes_max: usize,
    /// For lines that have begun.
    room: Room,
    /// Bytes received that are not cut into lines yet.
    piece: Option<Bytes>,
    /// A line that has begun, and its part of the room.
    begun: Vec<u8>,
    part: Part,
    /// Why the line that has begun is not taken: the rest of it is thrown away.
    skips: Option<Refusal>,
    /// Lines that were cut and not asked for yet. Their bytes are at most those of one piece and one line.
    cut: VecDeque<Result<Sent, Refusal>>,
    has_ended: bool,
}

impl Lines {
    pub(super) fn new(body: Body, message_bytes_max: usize, room: Room) -> Self {
        Self {
            body,
            line_bytes_max: message_bytes_max + LINE_EXTRA_BYTES,
            message_bytes_max,
            room,
            piece: None,
            begun: Vec::new(),
            part: Part::default(),
            skips: None,
            cut: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Whether there is something for [`Lines::take_group`] to look at without waiting.
    pub(super) fn has_some(&self) -> bool {
        !self.cut.is_empty() || self.piece.is_some()
    }

    /// Waits until there is; false at the end. May be dropped before it is ready, and asked again: nothing is lost.
    ///
    /// # Errors
    /// `body-broken`; there are no more lines then.
    pub(super) async fn ready(&mut self) -> Result<bool, Refusal> {
        while !self.has_some() && !self.has_ended {
            match self.body.frame().await {
                Some(Ok(frame)) => self.piece = frame.into_data().ok(),
                Some(Err(error)) => {
                    self.has_ended = true;
                    let detail = format!("the lines did not arrive whole: {error}");
                    let next = "send those again that have no answer, with the same keys";
                    return Err(Refusal::new(400, codes::BODY_BROKEN, detail, next));
                }
                None => {
                    self.has_ended = true;
                    self.end_line();
                }
            }
        }
        Ok(self.has_some())
    }

    /// The next lines that are there, at least one and at most so many; `None` if no line has ended.
    pub(super) fn take_group(&mut self, lines_max: usize) -> Option<Group> {
        if self.cut.is_empty()
            && let Some(piece) = self.piece.take()
        {
            self.cut_up(&piece);
        }
        self.first_group(lines_max.clamp(1, GROUP_MESSAGES_MAX))
    }

    fn first_group(&mut self, lines_max: usize) -> Option<Group> {
        let (mut group, mut bytes) = (Group::new(), 0);
        while group.len() < lines_max && bytes < GROUP_BYTES_MAX {
            let Some(line) = self.cut.pop_front() else {
                break;
            };
            bytes += line.as_ref().map_or(0, |sent| sent.body.len());
            group.push(line);
        }
        (!group.is_empty()).then_some(group)
    }

    fn cut_up(&mut self, piece: &[u8]) {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for line in lines {
            if self.begun.is_empty() && self.skips.is_none() {
                // All of it is in this piece.
                self.end_whole(line);
            } else {
                self.begin(line);
                self.end_line();
            }
        }
        self.begin(last);
    }

    fn begin(&mut self, more: &[u8]) {
        if self.skips.is_some() {
            return;
        }
        let bytes = self.begun.len() + more.len();
        let refused = match bytes > self.line_bytes_max {
            true => Err(self.too_long()),
            false => grow(&mut self.part, bytes, &self.room),
        };
        match refused {
            Ok(()) => self.begun.extend_from_slice(more),
            Err(refusal) => {
                self.skips = Some(refusal);
                self.begun = Vec::new();
                self.part = Part::default();
            }
        }
    }

    fn end_line(&mut self) {
        self.part = Part::default();
        if let Some(refusal) = self.skips.take() {
            self.cut.push_back(Err(refusal));
            return;
        }
        let line = std::mem::take(&mut self.begun);
        self.end_whole(&line);
        self.begun = line;
        self.begun.clear();
    }

    /// A line without content gets no answer.
    fn end_whole(&mut self, text: &[u8]) {
        if text.trim_ascii().is_empty() {
            return;
        }
        let is_long = |sent: &Sent| sent.body.len() > self.message_bytes_max;
        let sent = match text.len() > self.line_bytes_max {
            true => Err(self.too_long()),
            false => line::message(text),
        };
        let sent = match sent {
            Ok(sent) if is_long(&sent) => Err(self.too_long()),
            sent => sent,
        };
        self.cut.push_back(sent);
    }

    fn too_long(&self) -> Refusal {
        let detail = format!(
            "the message is longer than {} bytes",
            self.message_bytes_max
        );
        let next = "send less at once, in several messages";
        Refusal::new(413, codes::BODY_TOO_LARGE, detail, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE_BYTES_MAX: usize = 40;

    /// The result of a text in pieces of so many bytes: the message, or the code of the refusal.
    async fn cut(text: &str, piece: usize) -> Vec<String> {
        let mut lines = Lines::new(Body::empty(), MESSAGE_BYTES_MAX, Room::new(1 << 20));
        for piece in text.as_bytes().chunks(piece) {
            lines.cut_up(piece);
        }
        let mut all = Vec::new();
        while lines.ready().await.unwrap() {
            let group = lines.take_group(usize::MAX).unwrap_or_default();
            all.extend(group.into_iter().map(|line| match line {
                Ok(sent) => String::from_utf8(sent.body).unwrap(),
                Err(refusal) => refusal.why.code,
            }));
        }
        all
    }

    #[tokio::test]
    async fn lines_are_the_same_however_the_body_is_cut_and_a_bad_one_ends_nothing() {
        let line = |message: &str| format!("{{\"engine\":\"kv\",\"message\":{message}}}");
        let long = line(&format!("\"{}\"", "x".repeat(MESSAGE_BYTES_MAX)));
        let endless = "y".repeat(MESSAGE_BYTES_MAX + 2 * LINE_EXTRA_BYTES);
        let text = [&line("1"), "", "{", &long, "  ", &endless, &line("[2]")].join("\n");
        let wanted = [
            "1",
            "invalid-json",
            "body-too-large",
            "body-too-large",
            "[2]",
        ];
        for end in ["", "\n", "\r\n"] {
            for piece in [1, 2, 7, 1_000, 100_000] {
                assert_eq!(cut(&format!("{text}{end}"), piece).await, wanted, "{piece}");
            }
        }
        assert!(cut("\n\n", 1).await.is_empty());
    }

    #[test]
    fn a_line_that_has_begun_takes_room_and_one_that_finds_none_is_refused_and_no_other() {
        let room = Room::new(100 << 10);
        let mut lines = Lines::new(Body::empty(), 1 << 20, room.clone());
        let begun =
            |bytes: usize| format!("{{\"engine\":\"kv\",\"message\":\"{}", "x".repeat(bytes));
        lines.cut_up(begun(60 << 10).as_bytes());
        assert!(room.take(60 << 10).is_err());
        lines.cut_up(b"\"}\n");
        assert!(room.take(60 << 10).is_ok());
        lines.cut_up(begun(150 << 10).as_bytes());
        assert!(room.take(60 << 10).is_ok());
        lines.cut_up(b"\"}\n{\"engine\":\"kv\",\"message\":1}\n");
        let group = lines.take_group(usize::MAX).unwrap();
        let said: Vec<_> = group
            .iter()
            .map(|line| line.as_ref().err().map(|refusal| refusal.why.code.as_str()))
            .collect();
        assert_eq!(said, [None, Some("bodies-full"), None]);
    }

    #[test]
    fn a_group_is_bounded_in_messages_and_in_bytes() {
        let mut lines = Lines::new(Body::empty(), 1 << 20, Room::new(1 << 20));
        let line = |bytes: usize| {
            let message = "x".repeat(bytes);
            format!("{{\"engine\":\"kv\",\"message\":\"{message}\"}}\n")
        };
        lines.cut_up(line(1).repeat(GROUP_MESSAGES_MAX + 1).as_bytes());
        let mut sizes = Vec::new();
        while let Some(group) = lines.take_group(usize::MAX) {
            sizes.push(group.len());
        }
        assert_eq!(sizes, [GROUP_MESSAGES_MAX, 1]);
        let mut lines = Lines::new(Body::empty(), 1 << 20, Room::new(1 << 20));
        lines.cut_up(line(GROUP_BYTES_MAX / 2).repeat(5).as_bytes());
        let group = lines.take_group(usize::MAX).unwrap();
        assert_eq!(group.len(), 2);
    }
}
