//! `POST /v1/code?from=PATH`: the bytes of a library that a plan will name by their hash, for a node that cannot open
//! the files of whoever plans. Nothing of them is looked into, mapped or run before a plan brings them.

use super::App;
use super::blocking::ask_within;
use crate::api::CodeTaken;
use crate::limits::{CODE_BYTES_MAX, CODE_WAIT};
use crate::pass::For;
use crate::seat::Seat;
use crate::streamed::{Bounds, Pumped, Streamed, pump};
use crate::{OfferedCode, Refusal};
use axum::Json;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use refit_abi::codes;
use std::io;

pub(super) async fn offer(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<(StatusCode, Json<CodeTaken>), Refusal> {
    let from = from(query.as_deref().unwrap_or_default())?;
    let seat = Seat::of(&request);
    let (streamed, pieces) = Streamed::new();
    let offered = OfferedCode {
        from,
        bytes: Box::new(streamed),
    };
    let bounds = Bounds {
        bytes_max: CODE_BYTES_MAX,
        wait: app.limits.body_wait,
    };
    let take = ask_within(&app, For::File.on(&seat), CODE_WAIT, |node| {
        node.offer(offered)
    });
    let (pumped, taken) = tokio::join!(pump(request.into_body(), pieces, bounds), take);
    match &pumped {
        Pumped::Whole => seat.take_body(),
        _ => seat.linger(),
    }
    match pumped {
        // A body that broke off is why nothing was taken.
        Pumped::Broken(why) => Err(broken(&why)),
        Pumped::TooLarge => Err(too_large()),
        Pumped::Whole | Pumped::Left => Ok((StatusCode::CREATED, Json(taken??))),
    }
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

fn broken(why: &io::Error) -> Refusal {
    let detail = format!("the body did not arrive whole: {why}");
    Refusal::new(400, codes::BODY_BROKEN, detail, "send the request again")
}

fn too_large() -> Refusal {
    let detail = format!("the body is longer than {CODE_BYTES_MAX} bytes");
    let next = "strip the library of its debug information";
    Refusal::new(413, codes::BODY_TOO_LARGE, detail, next)
}
