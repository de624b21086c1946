//! `POST /v1/snapshot`: a snapshot of the node, as it is between two blocks; `?code=embed` puts its libraries into it.
//!
//! It is made whole before the first byte leaves, so that its length is known: an answer that breaks off is seen.

use super::App;
use super::blocking::ask_within;
use crate::body;
use crate::limits::{SNAPSHOT_PIECE_BYTES, SNAPSHOT_PIECES_AHEAD, SNAPSHOT_WAIT};
use crate::outgoing::Pieces;
use crate::pass::For;
use crate::seat::Seat;
use crate::{Bytes, Refusal, TakenSnapshot, origin};
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use refit_abi::codes;
use std::io::{self, Read};
use tokio::sync::mpsc::Sender;

pub(super) async fn create(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    let with_code = embeds(query.as_deref().unwrap_or_default())?;
    let seat = Seat::of(&request);
    body::none(request, app.message()).await?;
    let take = move |node: &dyn crate::Node| node.snapshot(with_code);
    let taken = ask_within(&app, For::Order.on(&seat), SNAPSHOT_WAIT, take).await??;
    let TakenSnapshot {
        body,
        bytes,
        moment,
    } = taken;
    let pieces = Pieces::made_by(SNAPSHOT_PIECES_AHEAD, |sender| give(body, sender));
    let mut response = Response::new(Body::new(pieces));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_LENGTH, bytes.into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    origin::say(headers, moment, false);
    Ok(response)
}

/// Whether the libraries are to be in it.
fn embeds(query: &str) -> Result<bool, Refusal> {
    let mut embeds = false;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("code", "embed") => embeds = true,
            (name, value) => {
                let detail = format!("`{name}={value}` is not known");
                let next = "ask for /v1/snapshot, or for /v1/snapshot?code=embed";
                return Err(Refusal::new(
                    400,
                    codes::INVALID_SNAPSHOT_QUERY,
                    detail,
                    next,
                ));
            }
        }
    }
    Ok(embeds)
}

/// Reads piece by piece, where it may block. If it ends early, so does the answer, and its length says so.
async fn give(mut body: Box<dyn Read + Send>, to: Sender<Bytes>) {
    loop {
        let read =
            tokio::task::spawn_blocking(move || piece(&mut *body).map(|piece| (piece, body)));
        match read.await {
            Ok(Ok((piece, rest))) if !piece.is_empty() => {
                body = rest;
                if to.send(piece.into()).await.is_err() {
                    return;
                }
            }
            Ok(Ok(_)) => return,
            Ok(Err(error)) => return tracing::error!("a snapshot cannot be read back: {error}"),
            // It panicked, and has said so, or the node ends.
            Err(_) => return,
        }
    }
}

/// The next piece; empty at the end.
fn piece(body: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    body.take(SNAPSHOT_PIECE_BYTES).read_to_end(&mut piece)?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_may_be_asked_for() {
        assert_eq!(embeds(""), Ok(false));
        assert_eq!(embeds("code=embed"), Ok(true));
        for wrong in ["code=", "code=no", "codes=embed", "code=embed&height=7"] {
            let refusal = embeds(wrong).unwrap_err();
            assert_eq!(refusal.status, 400, "{wrong}");
        }
    }
}
