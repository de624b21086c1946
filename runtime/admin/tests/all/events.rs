//! `GET /v1/events`: what a reader is given, from where, and how its stream ends.

use crate::support::{Served, request};
use http_body_util::BodyExt;
use refit_admin::api::Event;
use refit_admin::{EVENT_READERS_MAX, Limits};
use refit_test_support::Double;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time that a frame may take to come.
const WAIT: Duration = Duration::from_secs(20);

/// An open stream.
struct Reader {
    body: hyper::body::Incoming,
    text: String,
    _client: crate::support::Client,
}

impl Reader {
    async fn open(served: &Served, path: &str) -> Self {
        let mut client = served.connect().await;
        let response = client.begin(request("GET", path, "")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body(),
            text: String::new(),
            _client: client,
        }
    }

    /// Reads until the text ends as `end` does.
    async fn until(&mut self, end: &str) {
        while !self.text.ends_with(end) {
            let frame = tokio::time::timeout(WAIT, self.body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("no `{end}` in {:?}", self.text));
            let frame = frame.unwrap_or_else(|| panic!("ended without `{end}`: {:?}", self.text));
            let data = frame.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn rest(mut self) -> String {
        let ended = async {
            while let Some(Ok(frame)) = self.body.frame().await {
                let data = frame.into_data().unwrap();
                self.text.push_str(std::str::from_utf8(&data).unwrap());
            }
        };
        tokio::time::timeout(WAIT, ended)
            .await
            .expect("the stream ends");
        self.text
    }
}

/// Events of a stream's text, read as WHATWG HTML 9.2.6 says.
fn read(text: &str) -> Vec<(String, Event)> {
    let mut events = Vec::new();
    let (mut id, mut data) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("id: ") {
            id = value.to_owned();
        } else if let Some(value) = line.strip_prefix("data: ") {
            data.push_str(value);
            data.push('\n');
        } else if line.is_empty() && !data.is_empty() {
            events.push((id.clone(), serde_json::from_str(&data).unwrap()));
            data.clear();
        }
    }
    events
}

fn shown(text: &str) -> Vec<String> {
    let events = read(text);
    assert!(events.iter().all(|(id, event)| *id == event.id.to_string()));
    let words = |text: &str| text.split_whitespace().collect::<String>();
    let shown = |(id, event): &(String, Event)| {
        format!(
            "{id} {} {} {}",
            event.engine,
            event.topic,
            words(event.event.get())
        )
    };
    events.iter().map(shown).collect()
}

const LAST: &str = "0.41.0 auction closed {\"best\":340282366920938463463374607431768211455}";

#[tokio::test]
async fn a_reader_is_given_what_is_kept_and_then_what_comes() {
    let double = Double::default();
    let feed = Arc::clone(&double.feed);
    let served = Served::with(double, Limits::default()).await;
    let mut reader = Reader::open(&served, "/v1/events?from=oldest").await;
    reader.until("}\n\n").await;
    assert_eq!(
        shown(&reader.text),
        [
            "0.40.0 auction closed {\"best\":17}",
            "0.40.1 kv expired \"a\"",
            LAST
        ]
    );
    feed.add("0.42.0", "kv", "expired", "true");
    reader.until("true}\n\n").await;
    assert_eq!(shown(&reader.text)[3..], ["0.42.0 kv expired true"]);
}

#[tokio::test]
async fn who_says_what_it_saw_last_goes_on_behind_it() {
    let served = Served::unix().await;
    let mut reader = Reader::open(&served, "/v1/events?after=0.40.0").await;
    reader.until("}\n\n").await;
    assert_eq!(shown(&reader.text), ["0.40.1 kv expired \"a\"", LAST]);
    // The header of a client that comes back stands over the address that it asked for at first.
    let mut again = request("GET", "/v1/events?from=oldest", "");
    again
        .headers_mut()
        .insert("last-event-id", "0.40.1".parse().unwrap());
    let mut client = served.connect().await;
    let mut reader = Reader {
        body: client.begin(again).await.into_body(),
        text: String::new(),
        _client: client,
    };
    reader.until("}\n\n").await;
    assert_eq!(shown(&reader.text), [LAST]);
}

#[tokio::test]
async fn who_says_nothing_is_given_what_comes_from_now_on_and_only_what_it_asks_for() {
    let double = Double::default();
    let feed = Arc::clone(&double.feed);
    let served = Served::with(double, Limits::default()).await;
    let mut now = Reader::open(&served, "/v1/events").await;
    let mut some = Reader::open(&served, "/v1/events?engine=kv&topic=so%20on&from=oldest").await;
    // It is said from where: a client that is cut off here can come back.
    now.until(&format!("id: 0.41.{}\n\n", u32::MAX)).await;
    some.until("\n\n").await;
    for (id, engine, topic) in [
        ("0.42.0", "kv", "no"),
        ("0.42.1", "auction", "so on"),
        ("0.43.0", "kv", "so on"),
    ] {
        feed.add(id, engine, topic, "1");
    }
    some.until("}\n\n").await;
    assert_eq!(shown(&some.text), ["0.43.0 kv so on 1"]);
    while shown(&now.text).len() < 3 {
        now.until("}\n\n").await;
        now.text.push('\n');
    }
    assert_eq!(shown(&now.text)[0], "0.42.0 kv no 1");
}

#[tokio::test]
async fn what_cannot_be_given_is_refused_before_the_stream_begins() {
    let served = Served::unix().await;
    let seen = served.get("/v1/events?after=0.7.0").await;
    seen.is_problem(410, "events-forgotten");
    for query in [
        "after=1",
        "from=now",
        "from=oldest&from=oldest",
        "engine=",
        "who=me",
        "after",
    ] {
        let seen = served.get(&format!("/v1/events?{query}")).await;
        seen.is_problem(400, "invalid-event-query");
    }
}

#[tokio::test]
async fn the_streams_end_first_at_a_stop() {
    let served = Served::unix().await;
    let mut reader = Reader::open(&served, "/v1/events").await;
    reader.until("\n\n").await;
    let began = Instant::now();
    served.shutdown.begin();
    reader.rest().await;
    served.task.await.unwrap();
    // Not cut after the time that other requests are given.
    assert!(began.elapsed() < Limits::default().shutdown_wait / 2);
}

#[tokio::test]
async fn readers_are_bounded_and_a_place_is_free_again_when_one_goes() {
    let served = Served::unix().await;
    let mut readers = Vec::new();
    for _ in 0..EVENT_READERS_MAX {
        readers.push(Reader::open(&served, "/v1/events").await);
    }
    served
        .get("/v1/events")
        .await
        .is_problem(503, "too-many-readers");
    // Whoever asks for something else does not notice.
    assert_eq!(served.get("/livez").await.status, 200);
    readers.pop();
    let freed = Instant::now();
    loop {
        let mut client = served.connect().await;
        if client
            .begin(request("GET", "/v1/events", ""))
            .await
            .status()
            == 200
        {
            break;
        }
        assert!(
            freed.elapsed() < WAIT,
            "the place of a reader that is gone stays taken"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
