//! `POST /v1/code?from=PATH`: the bytes of a library that a plan will name by their hash, for a node that cannot open
//! the files of whoever plans. Nothing of them is looked into, mapped or run before a plan brings them.

use super::App;
use super::blocking::ask_within;
use crate::api::CodeTaken;
use crate::limits::{BODY_RATE_MIN, CODE_BYTES_MAX, CODE_PIECES_AHEAD, CODE_WAIT};
use crate::pass::For;
use crate::seat::Seat;
use crate::{Bytes, OfferedCode, Refusal};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use refit_abi::codes;
use std::io::{self, Read};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

/// A piece of a body, or that there will be no whole one.
type Piece = Result<Bytes, ()>;

pub(super) async fn offer(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<(StatusCode, Json<CodeTaken>), Refusal> {
    let from = from(query.as_deref().unwrap_or_default())?;
    let seat = Seat::of(&request);
    let (pieces, arriving) = channel(CODE_PIECES_AHEAD);
    let offered = OfferedCode {
        from,
        bytes: Box::new(Arriving {
            pieces: arriving,
            piece: Bytes::new(),
        }),
    };
    let wait = app.limits.body_wait;
    let take = ask_within(&app, For::File.on(&seat), CODE_WAIT, |node| {
        node.offer(offered)
    });
    let (passed, taken) = tokio::join!(pass_on(request.into_body(), &pieces, wait), take);
    seat.take_body();
    // A body that broke off is why nothing was taken.
    passed?;
    Ok((StatusCode::CREATED, Json(taken??)))
}

/// Where the library lies, for whoever offers it.
fn from(query: &str) -> Result<String, Refusal> {
    let mut from = String::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "from" => from = value.into_owned(),
            name => {
                let detail = format!("`{name}={value}` is not known");
                let next = "ask for /v1/code?from=PATH";
                return Err(Refusal::new(400, codes::INVALID_CODE_QUERY, detail, next));
            }
        }
    }
    Ok(from)
}

/// Passes the pieces of a body on as they come, until it ends or nobody takes them.
async fn pass_on(mut body: Body, to: &Sender<Piece>, wait: Duration) -> Result<(), Refusal> {
    let (began, mut length) = (Instant::now(), 0);
    loop {
        let earned = Duration::from_secs(length / BODY_RATE_MIN);
        let frame = match timeout_at(began + wait + earned, body.frame()).await {
            Ok(None) => {
                // Empty: the end.
                let _ = to.send(Ok(Bytes::new())).await;
                return Ok(());
            }
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                let _ = to.send(Err(())).await;
                return Err(broken(&error.to_string()));
            }
            Err(_) => {
                let _ = to.send(Err(())).await;
                return Err(broken("it came too slowly"));
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > CODE_BYTES_MAX {
            let _ = to.send(Err(())).await;
            return Err(too_large());
        }
        if !data.is_empty() && to.send(Ok(data)).await.is_err() {
            return Ok(());
        }
    }
}

/// A body as a thread that may block reads it.
struct Arriving {
    pieces: Receiver<Piece>,
    piece: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(())) | None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let read = to.len().min(self.piece.len());
        to[..read].copy_from_slice(&self.piece.split_to(read));
        Ok(read)
    }
}

fn broken(why: &str) -> Refusal {
    let detail = format!("the body did not arrive whole: {why}");
    Refusal::new(400, codes::BODY_BROKEN, detail, "send the request again")
}

fn too_large() -> Refusal {
    let detail = format!("the body is longer than {CODE_BYTES_MAX} bytes");
    let next = "strip the library of its debug information";
    Refusal::new(413, codes::BODY_TOO_LARGE, detail, next)
}
