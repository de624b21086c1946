//! The answers of a batch on their way out: a line for each, in pieces that are not copied when they are large.

use crate::api::Problem;
use crate::{Bytes, Moment, Refusal, Replied};
use serde::Serialize;
use std::io::Write;

/// Bytes after which a piece goes out.
const PIECE_BYTES: usize = 64 << 10;

/// Largest reply that is copied into a piece with others, in bytes.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// A line that was refused: its problem in the place of a reply.
#[derive(Serialize)]
struct RefusedLine {
    height: u64,
    generation: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    problem: Problem,
}

/// A piece of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// The last line in it is whole.
    pub(super) ends_line: bool,
}

/// Makes pieces of answers.
#[derive(Debug, Default)]
pub(super) struct Out {
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

impl Out {
    /// Adds the line of an answer; `now` is where a refusal was made that says of no block.
    pub(super) fn add(&mut self, answer: Result<Replied, Refusal>, now: Moment) {
        match answer {
            Ok(replied) => self.reply(replied),
            Err(refusal) => self.problem(refusal, now),
        }
        self.text.push(b'\n');
        if self.text.len() >= PIECE_BYTES {
            self.cut();
        }
    }

    /// The pieces of all lines.
    pub(super) fn pieces(&mut self) -> Vec<Piece> {
        self.cut();
        std::mem::take(&mut self.pieces)
    }

    fn reply(&mut self, replied: Replied) {
        let (height, generation) = (replied.height, replied.generation);
        let repeated = match replied.repeated {
            true => "\"repeated\":true,",
            false => "",
        };
        // Writing into memory does not fail.
        let _ = write!(
            self.text,
            "{{\"height\":{height},\"generation\":{generation},{repeated}\"reply\":"
        );
        if replied.body.len() <= COPIED_BYTES_MAX {
            self.text.extend_from_slice(&replied.body);
        } else {
            self.cut();
            self.pieces.push(Piece {
                bytes: replied.body,
                ends_line: false,
            });
        }
        self.text.push(b'}');
    }

    fn problem(&mut self, refusal: Refusal, now: Moment) {
        let moment = refusal.moment.unwrap_or(now);
        let refused = RefusedLine {
            height: moment.height.0,
            generation: moment.generation.0,
            repeated: refusal.repeated,
            problem: Problem::new(refusal, super::PATH.to_owned()),
        };
        // No problem is one that serde cannot write, and writing into memory does not fail.
        let _ = serde_json::to_writer(&mut self.text, &refused);
    }

    fn cut(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.pieces.push(Piece {
                ends_line: text.ends_with(b"\n"),
                bytes: text.into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::{Generation, Height};
    use serde_json::{Value, json};

    const NOW: Moment = Moment {
        height: Height(9),
        generation: Generation(2),
    };

    fn replied(body: String, repeated: bool) -> Result<Replied, Refusal> {
        Ok(Replied {
            body: body.into(),
            height: Height(7),
            generation: Generation(1),
            repeated,
        })
    }

    #[test]
    fn each_answer_is_a_line_with_where_it_was_made_and_a_large_one_is_not_copied() {
        let text_of_large = format!("\"{}\"", "x".repeat(COPIED_BYTES_MAX));
        let held = Bytes::from(text_of_large.clone());
        let mut out = Out::default();
        out.add(replied("1".to_owned(), false), NOW);
        out.add(replied("[2]".to_owned(), true), NOW);
        let refusal = Refusal::new(422, "c", "d", "n");
        out.add(Err(refusal.clone()), NOW);
        let moment = Moment {
            height: Height(3),
            ..NOW
        };
        out.add(Err(refusal.at(moment, true)), NOW);
        let kept = Replied {
            body: held.clone(),
            height: Height(8),
            generation: Generation(2),
            repeated: false,
        };
        out.add(Ok(kept), NOW);
        let pieces = out.pieces();
        let is_held = |piece: &Piece| piece.bytes.as_ptr() == held.as_ptr();
        let large = pieces.iter().position(is_held).unwrap();
        let whole: Vec<_> = pieces.iter().map(|piece| piece.ends_line).collect();
        assert_eq!((large, whole), (1, vec![false, false, true]));
        let bytes: Vec<_> = pieces.iter().map(|piece| &piece.bytes[..]).collect();
        let text = String::from_utf8(bytes.concat()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0], json!({"height": 7, "generation": 1, "reply": 1}));
        let second = json!({"height": 7, "generation": 1, "repeated": true, "reply": [2]});
        assert_eq!(lines[1], second);
        assert_eq!(
            (&lines[2]["height"], &lines[2]["problem"]["code"]),
            (&json!(9), &json!("c"))
        );
        assert_eq!(
            (&lines[3]["height"], &lines[3]["repeated"]),
            (&json!(3), &json!(true))
        );
        assert_eq!(lines[4]["reply"].to_string(), text_of_large);
        assert!(out.pieces().is_empty());
    }
}
