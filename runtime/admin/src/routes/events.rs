//! `GET /v1/events`: what engines emit, as server-sent events (WHATWG HTML, section 9.2).
//!
//! A stream begins behind the event that the client saw last (`Last-Event-ID`, or `?after=ID`), with the oldest that
//! is kept (`?from=oldest`), or with what comes from now on. It ends at a stop of the node, before anything else is
//! waited for, and when its reader falls behind what is kept: then with an event `forgotten` that says so.

use super::App;
use crate::api::{Event, EventId, Problem};
use crate::limits::{EVENT_KEEP_ALIVE, EVENT_PAGE_BYTES, EVENT_PAGES_AHEAD, EVENT_READERS_MAX};
use crate::outgoing::Pieces;
use crate::{Bytes, EventFeed, Refusal};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use refit_abi::EngineId;
use refit_abi::codes;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The header with which a client that comes back says what it saw last.
pub const HEADER_LAST_EVENT: &str = "last-event-id";

const NEXT: &str = "ask for /v1/events with ?after=BRANCH.HEIGHT.INDEX or ?from=oldest, and with ?engine=ID or ?topic=TOPIC";

/// The readers of one listener.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    places: Arc<Semaphore>,
    ending: watch::Receiver<bool>,
}

impl Readers {
    /// Readers that go when `ending` becomes true.
    pub(crate) fn new(ending: watch::Receiver<bool>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(EVENT_READERS_MAX)),
            ending,
        }
    }
}

/// The query string: the part behind the `?`.
#[derive(Debug, Default)]
struct Wanted {
    after: Option<EventId>,
    from_oldest: bool,
    only: Only,
}

impl Wanted {
    fn of(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let fresh = match (&*name, &*value) {
                ("after", id) => wanted.after.replace(event_id(id)?).is_none(),
                ("from", "oldest") => !std::mem::replace(&mut wanted.from_oldest, true),
                ("engine", id) => wanted.only.engine.replace(engine_id(id)?).is_none(),
                ("topic", topic) => wanted.only.topic.replace(topic.to_owned()).is_none(),
                (name, value) => return Err(invalid(format!("`{name}={value}` is not known"))),
            };
            if !fresh {
                return Err(invalid(format!("`{name}` is there twice")));
            }
        }
        Ok(wanted)
    }
}

fn event_id(text: &str) -> Result<EventId, Refusal> {
    text.parse()
        .map_err(|error: crate::api::EventIdError| invalid(error.to_string()))
}

fn engine_id(text: &str) -> Result<String, Refusal> {
    let engine: Result<EngineId, _> = text.parse();
    let engine = engine.map_err(|error| invalid(error.to_string()))?;
    Ok(engine.to_string())
}

pub(super) async fn events(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let wanted = Wanted::of(query.as_deref().unwrap_or_default())?;
    let places = Arc::clone(&app.readers.places);
    let place = places.try_acquire_owned().map_err(|_| too_many())?;
    let feed = app.node.events();
    let at = begin(&wanted, &headers, &*feed)?;
    // A wrong place to begin at is refused before the stream begins.
    feed.after(at, 0)?;
    let stream = Stream {
        newest: feed.newest(),
        feed,
        only: wanted.only,
        at,
        ending: app.readers.ending.clone(),
        _place: place,
    };
    let pieces = Pieces::made_by(EVENT_PAGES_AHEAD, |sender| stream.run(sender));
    let mut response = Body::new(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Behind which event the stream begins.
fn begin(wanted: &Wanted, headers: &HeaderMap, feed: &dyn EventFeed) -> Result<EventId, Refusal> {
    let seen = headers.get(HEADER_LAST_EVENT);
    let seen = seen.map(|value| value.to_str().map_err(|error| invalid(error.to_string())));
    let seen = seen.transpose()?.map(event_id).transpose()?;
    // A client that reconnects by itself asks for the same address again: its `Last-Event-ID` overrides that.
    Ok(match seen.or(wanted.after) {
        Some(id) => id,
        None if wanted.from_oldest => feed.oldest(),
        None => *feed.newest().borrow(),
    })
}

/// Which events the client wants: all, or those of an engine or a topic.
#[derive(Debug, Default)]
struct Only {
    engine: Option<String>,
    topic: Option<String>,
}

impl Only {
    fn takes(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        is(&self.engine, &event.engine) && is(&self.topic, &event.topic)
    }
}

/// One reader's stream.
struct Stream {
    feed: Arc<dyn EventFeed>,
    newest: watch::Receiver<EventId>,
    only: Only,
    /// The last event that was given, or passed over.
    at: EventId,
    ending: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// Runs until the listener ends or no event will follow; the answer ends it when the client is gone.
    async fn run(mut self, to: Sender<Bytes>) {
        let mut ending = self.ending.clone();
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => {}
            () = self.give(&to) => {}
        }
    }

    async fn give(&mut self, to: &Sender<Bytes>) {
        // It says at once where the stream begins, and so that it does.
        let mut frame = mark(self.at);
        while to.send(frame.into()).await.is_ok() {
            match self.next().await {
                Some(next) => frame = next,
                None => return,
            }
        }
    }

    /// The next bytes of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let is_open = self.newest.has_changed().is_ok();
            self.newest.mark_unchanged();
            let events = match self.feed.after(self.at, EVENT_PAGE_BYTES) {
                Ok(events) => events,
                // The next step sees that nothing follows.
                Err(refusal) => return self.forgotten(refusal),
            };
            if let Some(last) = events.last() {
                self.at = last.id;
                let page = page(events.iter().filter(|event| self.only.takes(event)));
                if !page.is_empty() {
                    return Some(page);
                }
            } else if !is_open {
                return None;
            } else if self.nothing_new().await {
                return Some(mark(self.at));
            }
        }
    }

    /// Waits for a new event; returns whether none came for so long that the client must get a sign.
    async fn nothing_new(&mut self) -> bool {
        tokio::time::timeout(EVENT_KEEP_ALIVE, self.newest.changed())
            .await
            .is_err()
    }

    /// Tells the reader that it came too late, once.
    fn forgotten(&mut self, refusal: Refusal) -> Option<Vec<u8>> {
        let behind = std::mem::replace(
            &mut self.at,
            EventId::end_of(u64::MAX, refit_abi::Height(u64::MAX)),
        );
        if behind == self.at {
            return None;
        }
        let problem = Problem::new(refusal, "/v1/events".to_owned());
        let text = serde_json::to_string(&problem).unwrap_or_default();
        Some(format!("event: forgotten\ndata: {text}\n\n").into_bytes())
    }
}

/// Tells the reader where it is: nothing that it would take for an event, but the id to come back with.
fn mark(at: EventId) -> Vec<u8> {
    format!("id: {at}\n\n").into_bytes()
}

fn page<'a>(events: impl Iterator<Item = &'a Arc<Event>>) -> Vec<u8> {
    let mut page = Vec::new();
    for event in events {
        page.extend_from_slice(format!("id: {}\n", event.id).as_bytes());
        let text = serde_json::to_string(&**event).unwrap_or_default();
        // JSON of another's making may go over lines, between its words.
        for line in text.lines() {
            page.extend_from_slice(format!("data: {line}\n").as_bytes());
        }
        page.push(b'\n');
    }
    page
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(400, codes::INVALID_EVENT_QUERY, detail, NEXT)
}

fn too_many() -> Refusal {
    let detail = format!(
        "{EVENT_READERS_MAX} readers of events are connected, the most that one listener takes"
    );
    Refusal::new(
        503,
        codes::TOO_MANY_READERS,
        detail,
        "end one of them, or try again later",
    )
}
