//! Clients that hold on to what they can: each locks out nobody but itself.

use crate::support::{Served, TOKEN, request};
use refit_admin::{Address, Limits, Listen, Room, STOP_WRITE_WAIT, Token};
use refit_test_support::Double;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// Longest time that an honest client's request may take in these tests.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Bytes of a reply that no buffer of a connection holds.
const LARGE_BYTES: usize = 900_000;

async fn unix(served: &Served) -> UnixStream {
    let Address::Unix(path) = &served.address else {
        panic!("no unix socket")
    };
    UnixStream::connect(path).await.unwrap()
}

async fn tcp(served: &Served) -> TcpStream {
    let Address::Tcp(addr) = &served.address else {
        panic!("no TCP listener")
    };
    TcpStream::connect(addr).await.unwrap()
}

/// The head of a message to `kv` with a body of so many bytes.
fn head(bytes: usize) -> String {
    format!(
        "POST /v1/engines/kv/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {bytes}\r\n\r\n"
    )
}

/// An honest client, on a connection of its own: a message, and a look at the node.
async fn assert_serves(served: &Served) {
    let asked = async {
        let seen = served.post("/v1/engines/kv/messages", "1").await;
        assert_eq!(seen.status, 200, "{seen:?}");
        for path in ["/v1/status", "/livez"] {
            assert_eq!(served.get(path).await.status, 200, "{path}");
        }
    };
    tokio::time::timeout(SERVED_WITHIN, asked).await.unwrap();
}

/// All that comes until the connection is closed.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut may end with an error; what came before counts.
    let _ = tokio::time::timeout(SERVED_WITHIN, stream.read_to_end(&mut bytes))
        .await
        .expect("the connection is closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn clients_that_do_not_read_their_replies_lock_nobody_out_and_are_cut_off() {
    let limits = Limits {
        connections_max: 8,
        write_window: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let large = format!("\"{}\"", "x".repeat(LARGE_BYTES));
    let mut holders = Vec::new();
    for _ in 0..limits.connections_max {
        let mut holder = unix(&served).await;
        holder
            .write_all(head(large.len()).as_bytes())
            .await
            .unwrap();
        holder.write_all(large.as_bytes()).await.unwrap();
        holders.push(holder);
    }
    assert_serves(&served).await;
    tokio::time::sleep(3 * limits.write_window).await;
    for holder in &mut holders {
        let came = rest(holder).await;
        assert!(came.len() < LARGE_BYTES, "it got {} bytes", came.len());
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_gets_its_whole_reply() {
    let limits = Limits {
        write_window: Duration::from_millis(400),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let large = format!("\"{}\"", "x".repeat(LARGE_BYTES));
    let mut client = unix(&served).await;
    client
        .write_all(head(large.len()).as_bytes())
        .await
        .unwrap();
    client.write_all(large.as_bytes()).await.unwrap();
    let (mut came, mut piece) = (0, vec![0; 128 << 10]);
    while came < LARGE_BYTES {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let read = client.read(&mut piece).await.unwrap();
        assert!(read > 0, "cut off after {came} bytes");
        came += read;
    }
}

/// A message with a large reply of which nothing was read but the first byte.
async fn with_large_reply(served: &Served) -> UnixStream {
    let large = format!("\"{}\"", "x".repeat(LARGE_BYTES));
    let mut client = unix(served).await;
    client
        .write_all(head(large.len()).as_bytes())
        .await
        .unwrap();
    client.write_all(large.as_bytes()).await.unwrap();
    let _first = client.read_u8().await.unwrap();
    client
}

#[tokio::test]
async fn a_stop_waits_a_moment_only_for_clients_that_do_not_read_their_replies() {
    let served = Served::unix().await;
    let mut deaf = Vec::new();
    for _ in 0..4 {
        deaf.push(with_large_reply(&served).await);
    }
    let began = std::time::Instant::now();
    served.shutdown.begin();
    let ended = tokio::time::timeout(SERVED_WITHIN, served.task).await;
    ended.unwrap().unwrap();
    assert!(
        began.elapsed() >= STOP_WRITE_WAIT / 2,
        "it gives them that moment"
    );
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_whole_reply_from_a_node_that_stops() {
    let served = Served::unix().await;
    let mut slow = with_large_reply(&served).await;
    served.shutdown.begin();
    let (mut came, mut piece) = (1, vec![0; 64 << 10]);
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        match slow.read(&mut piece).await.unwrap() {
            0 => break,
            read => came += read,
        }
    }
    assert!(came > LARGE_BYTES, "cut off after {came} bytes");
    let ended = tokio::time::timeout(SERVED_WITHIN, served.task).await;
    ended.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_longer_than_it_may_be_is_refused_and_one_below_is_not() {
    let served = Served::unix().await;
    for (kib, status) in [(63, "200"), (65, "431"), (100, "431")] {
        let mut client = unix(&served).await;
        let filler = "x".repeat(kib << 10);
        let ask =
            format!("GET /livez HTTP/1.1\r\nHost: x\r\nX: {filler}\r\nConnection: close\r\n\r\n");
        // It may be refused before all of it is written.
        let _ = client.write_all(ask.as_bytes()).await;
        let said = rest(&mut client).await;
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status} ")),
            "{kib} KiB: {said}"
        );
    }
}

#[tokio::test]
async fn half_sent_bodies_take_no_place_and_are_told_that_they_are_too_slow() {
    let limits = Limits {
        requests_max: 2,
        body_wait: Duration::from_millis(500),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut holders = Vec::new();
    for _ in 0..32 {
        let mut holder = unix(&served).await;
        holder.write_all(head(100).as_bytes()).await.unwrap();
        holder.write_all(b"{").await.unwrap();
        holders.push(holder);
    }
    assert_serves(&served).await;
    for holder in &mut holders {
        let said = rest(holder).await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("body-too-slow"), "{said}");
    }
}

#[tokio::test]
async fn files_that_come_slowly_keep_no_order_out() {
    let limits = Limits {
        orders_max: 2,
        look_wait: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut holders = Vec::new();
    for path in ["code?from=x", "releases"].repeat(4) {
        let mut holder = unix(&served).await;
        let head = format!(
            "POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: 100000\r\n\r\nrefit"
        );
        holder.write_all(head.as_bytes()).await.unwrap();
        holders.push(holder);
    }
    // Until each has its place, or waits for one.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let seen = served.post("/v1/upgrades/3/confirm", "").await;
    assert_eq!(seen.status, 200, "{seen:?}");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_refused_however_steadily_it_comes() {
    let limits = Limits {
        body_wait: Duration::from_millis(300),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut client = unix(&served).await;
    client.write_all(head(1_000).as_bytes()).await.unwrap();
    let (mut reading, mut writing) = client.split();
    let trickle = async {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<String>().await
    };
    let said = tokio::select! {
        said = rest(&mut reading) => said,
        said = trickle => said,
    };
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}

#[tokio::test]
async fn connections_that_say_nothing_lock_nobody_out() {
    let limits = Limits {
        connections_max: 4,
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut holders = Vec::new();
    for _ in 0..3 {
        for _ in 0..limits.connections_max {
            holders.push(unix(&served).await);
        }
        for holder in &mut holders {
            let _may_be_closed = holder.write_all(b"GET /livez HTTP/1.1\r\nX-").await;
        }
        assert_serves(&served).await;
    }
}

async fn served_on_tcp(limits: Limits) -> (Served, String) {
    let listen = Listen::Tcp {
        addr: "127.0.0.1:0".parse().unwrap(),
        token: Token::new(TOKEN).unwrap(),
        hosts: Vec::new(),
    };
    let served = Served::start(Some(listen), Double::default(), limits).await;
    let host = served.address.to_string().replace("http://", "");
    (served, host)
}

#[tokio::test]
async fn whoever_has_no_token_locks_out_nobody_who_has_one() {
    let limits = Limits {
        connections_max: 8,
        strangers_max: 4,
        ..Limits::default()
    };
    let (served, host) = served_on_tcp(limits).await;
    let livez = || {
        let mut request = request("GET", "/livez", "");
        let headers = request.headers_mut();
        headers.insert("host", host.parse().unwrap());
        headers.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        request
    };
    let mut holder = served.connect().await;
    assert_eq!(holder.ask(livez()).await.status, 200);
    let mut strangers = Vec::new();
    for _ in 0..3 * limits.connections_max {
        let mut stranger = tcp(&served).await;
        let _may_be_closed = stranger.write_all(b"GET /livez HTTP/1.1\r\n").await;
        strangers.push(stranger);
        let asked = holder.ask(livez());
        let seen = tokio::time::timeout(SERVED_WITHIN, asked).await.unwrap();
        assert_eq!(
            seen.status, 200,
            "the connection that showed the token stays"
        );
    }
    let asked = async { served.connect().await.ask(livez()).await };
    let seen = tokio::time::timeout(SERVED_WITHIN, asked).await.unwrap();
    assert_eq!(seen.status, 200, "a new one with the token is served too");
}

#[tokio::test]
async fn a_request_that_is_refused_at_the_door_closes_its_connection() {
    let (served, host) = served_on_tcp(Limits::default()).await;
    for (extra, status) in [("", "401"), ("Origin: null\r\n", "403")] {
        let mut stranger = tcp(&served).await;
        let ask = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n");
        stranger.write_all(ask.as_bytes()).await.unwrap();
        let said = rest(&mut stranger).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(said.contains("connection: close"), "{said}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_before_its_body_is_read_closes_its_connection() {
    let served = Served::unix().await;
    for (path, media, status) in [
        ("/v1/engines/kv/messages", "text/plain", "415"),
        ("/v1/engines/KV!/messages", "application/json", "400"),
        ("/v2", "application/json", "404"),
    ] {
        let mut client = unix(&served).await;
        let ask = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nContent-Length: 1000\r\n\r\n"
        );
        client.write_all(ask.as_bytes()).await.unwrap();
        client.write_all(&[b' '; 100]).await.unwrap();
        let said = rest(&mut client).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(said.contains("connection: close"), "{said}");
        assert!(said.ends_with('}'), "the problem is there whole: {said}");
    }
}

#[tokio::test]
async fn a_refusal_after_the_whole_body_leaves_the_connection_open() {
    let served = Served::unix().await;
    let mut client = served.connect().await;
    for (path, body, status) in [
        ("/v1/engines/kv/messages", "{", 400),
        ("/v1/engines/full/messages", "1", 503),
        ("/v1/engines/kv/messages", "1", 200),
    ] {
        let seen = client.ask(request("POST", path, body)).await;
        assert_eq!((seen.status, seen.header("connection")), (status, None));
    }
}

#[tokio::test]
async fn large_answers_past_the_room_for_them_are_refused_and_small_ones_are_not() {
    let room = Room::new(LARGE_BYTES + LARGE_BYTES / 2);
    let double = Double {
        answers: room,
        ..Double::default()
    };
    let served = Served::with(double, Limits::default()).await;
    let large = format!("\"{}\"", "x".repeat(LARGE_BYTES));
    let mut holder = unix(&served).await;
    holder
        .write_all(head(large.len()).as_bytes())
        .await
        .unwrap();
    holder.write_all(large.as_bytes()).await.unwrap();
    // Once its first bytes are there, the whole of it is.
    let _first = holder.read_u8().await.unwrap();
    let path = "/v1/engines/kv/messages";
    let refused = served.post(path, &large).await;
    refused.is_problem(503, "answers-full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    served
        .get("/v1/engines/kv/state")
        .await
        .is_problem(503, "answers-full");
    assert_serves(&served).await;
    drop(holder);
    let again = async {
        while served.post(path, &large).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SERVED_WITHIN, again).await.unwrap();
}

#[tokio::test]
async fn large_bodies_past_the_room_for_them_are_refused_and_small_ones_are_not() {
    let limits = Limits {
        bodies_bytes_max: LARGE_BYTES,
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut holder = unix(&served).await;
    holder
        .write_all(head(LARGE_BYTES).as_bytes())
        .await
        .unwrap();
    let most = vec![b' '; LARGE_BYTES - 100_000];
    holder.write_all(&most).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let large = format!("\"{}\"", "x".repeat(LARGE_BYTES / 2));
    let path = "/v1/engines/kv/messages";
    served
        .post(path, &large)
        .await
        .is_problem(503, "bodies-full");
    assert_serves(&served).await;
    drop(holder);
    let again = async {
        while served.post(path, &large).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SERVED_WITHIN, again).await.unwrap();
}
