//! Events that were fixed before: two of the engine `auction`, one of `kv`; ids before `0.40.0` are forgotten.

use refit_abi::Height;
use refit_admin::api::{Event, EventId};
use refit_admin::{EventFeed, Refusal};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// The events of the double.
#[derive(Debug)]
pub struct Feed {
    events: Mutex<Vec<Arc<Event>>>,
    newest: watch::Sender<EventId>,
}

impl Default for Feed {
    fn default() -> Self {
        let feed = Self {
            events: Mutex::default(),
            newest: watch::Sender::new(EventId::end_of(0, Height(41))),
        };
        feed.add("0.40.0", "auction", "closed", r#"{"best":17}"#);
        feed.add("0.40.1", "kv", "expired", r#""a""#);
        feed.add(
            "0.41.0",
            "auction",
            "closed",
            "{\n  \"best\": 340282366920938463463374607431768211455\n}",
        );
        feed
    }
}

impl Feed {
    /// Adds one.
    ///
    /// # Panics
    /// If the id or the event cannot be read.
    pub fn add(&self, id: &str, engine: &str, topic: &str, event: &str) {
        let event = Event {
            id: id.parse().unwrap(),
            engine: engine.to_owned(),
            topic: topic.to_owned(),
            generation: 2,
            time: 1_000,
            event: serde_json::value::RawValue::from_string(event.to_owned()).unwrap(),
        };
        let newest = EventId::end_of(0, event.id.height);
        self.events.lock().unwrap().push(Arc::new(event));
        self.newest.send_replace(newest);
    }
}

impl EventFeed for Feed {
    fn after(&self, after: EventId, _: usize) -> Result<Vec<Arc<Event>>, Refusal> {
        if after.height < Height(40) && after != self.oldest() {
            let detail = format!("events after {after} are no longer kept");
            return Err(Refusal::new(
                410,
                "events-forgotten",
                detail,
                "read all kept events with `refit events --all` (?from=oldest)",
            ));
        }
        let events = self.events.lock().unwrap();
        Ok(events
            .iter()
            .filter(|event| event.id > after)
            .cloned()
            .collect())
    }

    fn oldest(&self) -> EventId {
        EventId::end_of(0, Height(39))
    }

    fn newest(&self) -> watch::Receiver<EventId> {
        self.newest.subscribe()
    }
}
