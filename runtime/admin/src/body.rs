//! Takes a request's body: JSON by its content type, within its limit, and well formed.

use crate::limits::{BODY_RATE_MIN, DRAIN_BYTES_MAX};
use crate::room::SMALL_BYTES;
use crate::seat::Seat;
use crate::{Bytes, Part, Refusal, Room};
use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use refit_abi::codes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The content type of all bodies but batches.
const JSON: &str = "application/json";

/// The content type of a body that is bytes: a keyset, a release.
pub const BYTES: &str = "application/octet-stream";

/// Room that a growing body takes at a time, in bytes; more than what is free.
const GROWTH_BYTES: usize = 2 * SMALL_BYTES;

/// How much a body may be, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<'a> {
    /// Its length, in bytes.
    pub(crate) bytes_max: usize,
    /// The room for large ones.
    pub(crate) room: &'a Room,
    /// The time for it, beside what [`BODY_RATE_MIN`] gives.
    pub(crate) wait: Duration,
}

/// The body of `request`, which is a JSON text: see [`text`].
pub(crate) async fn json(request: Request, bounds: Bounds<'_>) -> Result<Bytes, Refusal> {
    let seat = Seat::of(&request);
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    text(&seat, Arriving { headers, body }, bounds).await
}

/// A body on its way in, and the headers that came before it.
#[derive(Debug)]
pub(crate) struct Arriving<'a, B> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: B,
}

/// A body that is a JSON text.
///
/// # Errors
/// `unsupported-media-type`, `body-too-large`, `body-too-slow`, `body-broken` or `invalid-json`,
/// and `bodies-full` if others send too much at once.
pub(crate) async fn text<B>(
    seat: &Seat,
    arriving: Arriving<'_, B>,
    bounds: Bounds<'_>,
) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes, Error: fmt::Display> + Unpin,
{
    let Bounds { bytes_max, .. } = bounds;
    let Arriving { headers, body } = arriving;
    check_media(headers, JSON)?;
    let declared = body.size_hint().lower();
    let waits = headers.contains_key(EXPECT);
    if declared > bytes_max as u64 && (waits || declared > (bytes_max + DRAIN_BYTES_MAX) as u64) {
        return Err(too_large(bytes_max));
    }
    let (text, part) = collect(body, bounds).await?;
    seat.take_body();
    match serde_json::from_slice::<IgnoredAny>(&text) {
        Ok(_) => Ok(part.hold(text)),
        Err(error) => Err(invalid(&error)),
    }
}

/// The body of a request that needs none: nothing, or an object without fields.
///
/// # Errors
/// `body-not-empty`, and those of [`text`] but for its type.
pub(crate) async fn none(request: Request, bounds: Bounds<'_>) -> Result<(), Refusal> {
    let seat = Seat::of(&request);
    let (text, _part) = collect(request.into_body(), bounds).await?;
    seat.take_body();
    let text = text.trim_ascii();
    let is_object = || serde_json::from_slice::<Nothing>(text).is_ok() && text.starts_with(b"{");
    match text.is_empty() || is_object() {
        true => Ok(()),
        false => {
            let detail = "the request has a body, which would be ignored";
            let next = "send it without a body, or with {}";
            Err(Refusal::new(400, codes::BODY_NOT_EMPTY, detail, next))
        }
    }
}

/// A body that is a few bytes.
///
/// # Errors
/// Those of [`text`] but for its type and form.
pub(crate) async fn raw(request: Request, bounds: Bounds<'_>) -> Result<Bytes, Refusal> {
    let seat = Seat::of(&request);
    let (bytes, part) = collect(request.into_body(), bounds).await?;
    seat.take_body();
    Ok(part.hold(bytes))
}

/// An object without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Checks that a request's body is said to be of this type.
pub(crate) fn check_media(headers: &HeaderMap, media: &str) -> Result<(), Refusal> {
    let value = headers
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or_default());
    let essence = value
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case(media) => Ok(()),
        _ => {
            let detail = match value {
                Some(value) => format!("the content type `{value}` is not `{media}`"),
                None => "the request has no content type".to_owned(),
            };
            let next = format!("send it with `Content-Type: {media}`");
            Err(Refusal::new(
                415,
                codes::UNSUPPORTED_MEDIA_TYPE,
                detail,
                next,
            ))
        }
    }
}

/// Reads the body up to its limit, and throws away a bounded rest, so that the client is done
/// sending when the refusal comes.
async fn collect<B>(mut body: B, bounds: Bounds<'_>) -> Result<(Bytes, Part), Refusal>
where
    B: HttpBody<Data = Bytes, Error: fmt::Display> + Unpin,
{
    let Bounds {
        bytes_max,
        room,
        wait,
    } = bounds;
    let mut text = Vec::new();
    let mut part = Part::default();
    let mut length = 0usize;
    let began = Instant::now();
    loop {
        let earned = Duration::from_secs(length as u64 / BODY_RATE_MIN);
        let frame = timeout_at(began + wait + earned, body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow(wait))? else {
            break;
        };
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let is_all = text.is_empty() && body.is_end_stream();
        if is_all && data.len() <= bytes_max.min(SMALL_BYTES) {
            // As nearly always: it came in one piece, which need not be copied.
            return Ok((data, part));
        }
        length = length.saturating_add(data.len());
        if length <= bytes_max {
            grow(&mut part, length, room)?;
            text.extend_from_slice(&data);
        } else if length > bytes_max + DRAIN_BYTES_MAX {
            break;
        }
    }
    if length > bytes_max {
        Err(too_large(bytes_max))
    } else {
        Ok((text.into(), part))
    }
}

/// Takes room for a body that has grown to so many bytes.
pub(crate) fn grow(part: &mut Part, length: usize, room: &Room) -> Result<(), Refusal> {
    if length > SMALL_BYTES && length > part.bytes() {
        let more = (length - part.bytes()).max(GROWTH_BYTES);
        part.add(room.take(more).map_err(|_| no_room())?);
    }
    Ok(())
}

fn too_large(bytes_max: usize) -> Refusal {
    let detail = format!("the body is longer than {bytes_max} bytes");
    Refusal::new(
        413,
        codes::BODY_TOO_LARGE,
        detail,
        "send less at once, in several requests",
    )
}

fn no_room() -> Refusal {
    let detail = "clients already send as many bytes as the node takes at once";
    let next = "send the request again in a moment";
    Refusal::new(503, codes::BODIES_FULL, detail, next)
}

fn too_slow(wait: Duration) -> Refusal {
    let rate = BODY_RATE_MIN >> 10;
    let detail = format!(
        "the body did not come within {} ms and at {rate} KiB/s",
        wait.as_millis()
    );
    let next = "send the request again, its body at once";
    Refusal::new(408, codes::BODY_TOO_SLOW, detail, next)
}

fn broken(error: &impl fmt::Display) -> Refusal {
    let detail = format!("the body did not arrive whole: {error}");
    Refusal::new(400, codes::BODY_BROKEN, detail, "send the request again")
}

fn invalid(error: &serde_json::Error) -> Refusal {
    let detail = format!("the body is not JSON: {error}");
    Refusal::new(
        400,
        codes::INVALID_JSON,
        detail,
        "correct the JSON text and send it again",
    )
}
