//! [`Reader`]: so much of HTTP/1.1 as a load generator reads: answers with a length or in chunks, on a
//! connection that stays open. Bytes may come in pieces of any size.

use std::fmt;
use std::ops::Range;

/// Longest head of an answer, or line of a chunk's size, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Largest body of an answer, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;

/// One whole answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The node closes the connection behind it.
    pub(crate) closes: bool,
}

/// Bytes that are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(&'static str);

/// The reader's place in an answer.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    /// So many bytes of the body are missing.
    Length(usize),
    ChunkSize,
    /// So many bytes of the chunk are missing, and its line end.
    Chunk(usize),
    Trailer,
}

/// Puts answers together from what a socket gives.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    /// The bytes of the buffer that are read already.
    at: usize,
    stage: Stage,
    answer: Answer,
}

impl Reader {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next answer, if it is there whole.
    pub(super) fn answer(&mut self) -> Result<Option<Answer>, Malformed> {
        loop {
            let is_whole = match self.stage {
                Stage::Head => match self.until(b"\r\n\r\n")? {
                    Some(line) => self.head(line)?,
                    None => return Ok(None),
                },
                Stage::Length(missing) => match self.body(missing) {
                    0 => true,
                    missing => {
                        self.stage = Stage::Length(missing);
                        return Ok(None);
                    }
                },
                Stage::ChunkSize => match self.until(b"\r\n")? {
                    Some(line) => self.chunk_size(line)?,
                    None => return Ok(None),
                },
                Stage::Chunk(missing) => match self.body(missing) {
                    0 => match self.until(b"\r\n")? {
                        Some(_) => {
                            self.stage = Stage::ChunkSize;
                            false
                        }
                        None => {
                            self.stage = Stage::Chunk(0);
                            return Ok(None);
                        }
                    },
                    missing => {
                        self.stage = Stage::Chunk(missing);
                        return Ok(None);
                    }
                },
                Stage::Trailer => match self.until(b"\r\n")? {
                    Some(line) => line.is_empty(),
                    None => return Ok(None),
                },
            };
            if is_whole {
                self.stage = Stage::Head;
                return Ok(Some(std::mem::take(&mut self.answer)));
            }
        }
    }

    /// The bytes before the next `end`, which is read too.
    fn until(&mut self, end: &[u8]) -> Result<Option<Range<usize>>, Malformed> {
        let rest = &self.buffer[self.at..];
        match rest.windows(end.len()).position(|bytes| bytes == end) {
            Some(length) => {
                let from = self.at;
                self.at += length + end.len();
                Ok(Some(from..from + length))
            }
            None if rest.len() > HEAD_BYTES_MAX => Err(Malformed("its head does not end")),
            None => Ok(None),
        }
    }

    /// Takes what is there of so many bytes of the body; returns how many are missing.
    fn body(&mut self, missing: usize) -> usize {
        let rest = &self.buffer[self.at..];
        let length = rest.len().min(missing);
        self.answer.body.extend_from_slice(&rest[..length]);
        self.at += length;
        missing - length
    }

    /// Whether the answer ends with its head.
    fn head(&mut self, head: Range<usize>) -> Result<bool, Malformed> {
        let head = std::str::from_utf8(&self.buffer[head]);
        let mut lines = head.map_err(|_| Malformed("its head is no text"))?.lines();
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or(Malformed("its first line has no status"))?;
        let (mut length, mut chunked, mut closes) = (0, false, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().map_err(|_| Malformed("its length is none"))?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.eq_ignore_ascii_case("close");
            }
        }
        if length > BODY_BYTES_MAX {
            return Err(Malformed("it is too large"));
        }
        self.answer = Answer {
            status,
            body: Vec::with_capacity(length),
            closes,
        };
        self.stage = match chunked {
            true => Stage::ChunkSize,
            false => Stage::Length(length),
        };
        Ok(false)
    }

    /// Never the end: a trailer follows the last chunk.
    fn chunk_size(&mut self, line: Range<usize>) -> Result<bool, Malformed> {
        let line = std::str::from_utf8(&self.buffer[line]).unwrap_or_default();
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16);
        let size = size.map_err(|_| Malformed("the size of a chunk is none"))?;
        if self.answer.body.len().saturating_add(size) > BODY_BYTES_MAX {
            return Err(Malformed("it is too large"));
        }
        self.stage = match size {
            0 => Stage::Trailer,
            size => Stage::Chunk(size),
        };
        Ok(false)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an answer is not HTTP: {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
        HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab\r\n\r\n3;x=y\r\ncde\r\n0\r\n\r\n";

    fn expected() -> Vec<Answer> {
        let answer = |status, body: &[u8], closes| Answer {
            status,
            body: body.to_vec(),
            closes,
        };
        vec![
            answer(200, b"hello", false),
            answer(404, b"", true),
            answer(200, b"ab\r\ncde", false),
        ]
    }

    #[test]
    fn answers_come_whole_whatever_pieces_their_bytes_come_in() {
        for size in 1..=ANSWERS.len() {
            let (mut reader, mut answers) = (Reader::default(), Vec::new());
            for piece in ANSWERS.chunks(size) {
                reader.feed(piece);
                while let Some(answer) = reader.answer().unwrap() {
                    answers.push(answer);
                }
            }
            assert_eq!(answers, expected(), "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_answer_is_said_to_be_none() {
        let refused = |bytes: &[u8]| {
            let mut reader = Reader::default();
            reader.feed(bytes);
            reader.answer().unwrap_err().to_string()
        };
        assert!(refused(b"hello\r\n\r\n").contains("no status"));
        assert!(refused(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").contains("length"));
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
        assert!(refused(chunked).contains("chunk"));
        assert!(refused(&vec![b'x'; HEAD_BYTES_MAX + 1]).contains("does not end"));
        assert!(
            refused(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
                .contains("too large")
        );
    }
}
