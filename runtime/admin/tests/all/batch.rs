//! Many messages in one request: a line each way for each, in order, bounded.

use crate::support::{Served, TOKEN, request};
use refit_admin::{Address, BATCH_CONTENT_TYPE, Limits};
use refit_test_support::Double;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};

/// Longest wait for what comes.
const WAIT: Duration = Duration::from_secs(5);

/// A batch whose lines are sent, and whose answers are read, one by one.
struct Raw(BufReader<UnixStream>);

impl Raw {
    async fn begin(served: &Served) -> Self {
        let Address::Unix(path) = &served.address else {
            panic!("no unix socket")
        };
        let mut stream = UnixStream::connect(path).await.unwrap();
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: {BATCH_CONTENT_TYPE}\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut raw = Self(BufReader::new(stream));
        raw.send(&line("kv", None, "0")).await;
        while raw.line().await != "\r\n" {}
        assert_eq!(raw.answer().await["reply"]["echo"], 0);
        raw
    }

    async fn send(&mut self, lines: &str) {
        let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
        self.0.get_mut().write_all(chunk.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.0.read_line(&mut line);
        tokio::time::timeout(WAIT, read).await.unwrap().unwrap();
        line
    }

    /// The next line that is JSON: those between are the lengths of pieces.
    async fn answer(&mut self) -> Value {
        loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "the answer has ended");
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }
}

fn line(engine: &str, key: Option<&str>, message: &str) -> String {
    let message: Value = serde_json::from_str(message).unwrap();
    let mut line = json!({"engine": engine, "message": message});
    if let Some(key) = key {
        line["key"] = json!(key);
    }
    format!("{line}\n")
}

async fn batch(served: &Served, lines: &str) -> Vec<Value> {
    let mut request = request("POST", "/v1/messages", lines);
    let media = BATCH_CONTENT_TYPE.parse().unwrap();
    request.headers_mut().insert("content-type", media);
    let seen = served.ask(request).await;
    assert_eq!(
        (seen.status, seen.header("content-type")),
        (200, Some(BATCH_CONTENT_TYPE))
    );
    let answers = seen.text.lines();
    answers
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn each_line_is_answered_in_its_place_and_a_bad_one_ends_nothing() {
    let served = Served::unix().await;
    let lines = [
        line("kv", Some("ada/1"), "1"),
        "{\n".to_owned(),
        line("full", None, "2"),
        "\n".to_owned(),
        line("kv", Some("ada/1"), "1"),
        line("faulty", None, "3"),
        line("kv", Some("ada"), "4"),
        line("kv", None, "[5]").trim_end().to_owned(),
    ];
    let answers = batch(&served, &lines.concat()).await;
    let said: Vec<_> = answers
        .iter()
        .map(|answer| match answer.get("reply") {
            Some(reply) => reply["echo"].to_string(),
            None => answer["problem"]["code"].as_str().unwrap().to_owned(),
        })
        .collect();
    let codes = ["invalid-json", "ingress-full"];
    let after = ["no-such-key", "invalid-idempotency-key", "[5]"];
    assert_eq!(said, [&["1"][..], &codes, &["1"], &after].concat());
    let made = |answer: &Value| (answer["height"].clone(), answer["repeated"].clone());
    assert_eq!(made(&answers[0]), (json!(41), Value::Null));
    assert_eq!(made(&answers[1]), (json!(41), Value::Null));
    assert_eq!(made(&answers[3]), (json!(41), json!(true)));
    assert_eq!(made(&answers[4]), (json!(7), Value::Null));
}

#[tokio::test]
async fn thousands_of_lines_keep_their_order_and_are_handed_over_in_groups() {
    let double = std::sync::Arc::new(Double::default());
    let served = Served::sharing(double.clone(), Limits::default()).await;
    let lines: String = (0..10_000)
        .map(|number| line("kv", None, &number.to_string()))
        .collect();
    let answers = batch(&served, &lines).await;
    let numbers = answers.iter().map(|answer| &answer["reply"]["echo"]);
    assert!(
        numbers.eq((0..10_000)
            .map(|number| json!(number))
            .collect::<Vec<_>>()
            .iter())
    );
    let groups = double.groups.lock().unwrap();
    assert_eq!(groups.iter().sum::<usize>(), 10_000);
    assert!(groups.len() < 1_000, "{} groups", groups.len());
}

#[tokio::test]
async fn answers_come_while_the_batch_is_still_being_sent() {
    let served = Served::unix().await;
    let mut raw = Raw::begin(&served).await;
    for number in ["1", "2"] {
        raw.send(&line("kv", None, number)).await;
        assert_eq!(raw.answer().await["reply"]["echo"].to_string(), number);
    }
}

#[tokio::test]
async fn a_batch_on_which_nothing_comes_is_ended_and_says_so() {
    let limits = Limits {
        batch_idle_wait: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut raw = Raw::begin(&served).await;
    raw.send("{\"engine\":").await;
    assert_eq!(raw.answer().await["problem"]["code"], "batch-idle");
    let mut rest = Vec::new();
    let end = raw.0.read_to_end(&mut rest);
    tokio::time::timeout(WAIT, end).await.unwrap().unwrap();
}

/// What a batch of one line for `kv` comes to.
async fn status_of_one(served: &Served) -> u16 {
    let mut request = request("POST", "/v1/messages", &line("kv", None, "1"));
    let media = BATCH_CONTENT_TYPE.parse().unwrap();
    request.headers_mut().insert("content-type", media);
    served.ask(request).await.status
}

#[tokio::test]
async fn more_batches_than_may_be_in_work_wait_and_are_refused_in_time_and_single_messages_are_not()
{
    let limits = Limits {
        batches_max: 1,
        look_wait: Duration::from_millis(200),
        ..Limits::default()
    };
    let double = std::sync::Arc::new(Double::default());
    let served = Served::sharing(double.clone(), limits).await;
    let mut in_work = Raw::begin(&served).await;
    in_work.send(&line("held", None, "1")).await;
    while double.groups.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut second = request("POST", "/v1/messages", &line("kv", None, "1"));
    let media = BATCH_CONTENT_TYPE.parse().unwrap();
    second.headers_mut().insert("content-type", media);
    served.ask(second).await.is_problem(503, "too-busy");
    let seen = served.post("/v1/engines/kv/messages", "1").await;
    assert_eq!(seen.status, 200);
    // It is still open, and has nothing in work any more.
    double.gate.add_permits(1);
    assert_eq!(in_work.answer().await["reply"]["echo"], 1);
    assert_eq!(status_of_one(&served).await, 200);
    in_work.send(&line("kv", None, "2")).await;
    assert_eq!(in_work.answer().await["reply"]["echo"], 2);
}

#[tokio::test]
async fn batches_that_are_merely_open_keep_nobody_out() {
    let limits = Limits {
        batches_max: 1,
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut raw = Raw::begin(&served).await;
        raw.send("{\"engine\":").await;
        open.push(raw);
    }
    for raw in &mut open {
        raw.send("\"kv\",\"message\":1}\n").await;
        assert_eq!(raw.answer().await["reply"]["echo"], 1);
    }
}

#[tokio::test]
async fn batches_whose_clients_do_not_read_make_place_for_those_who_wait_and_say_so() {
    let limits = Limits {
        batches_max: 2,
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let message = format!("\"{}\"", "x".repeat(3_000));
    let lines = line("kv", None, &message).repeat(10);
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let mut deaf = Vec::new();
    for _ in 0..limits.batches_max {
        let mut raw = Raw::begin(&served).await;
        let flood = async { while raw.0.get_mut().write_all(chunk.as_bytes()).await.is_ok() {} };
        let stuck = Duration::from_millis(500);
        tokio::time::timeout(stuck, flood).await.unwrap_err();
        deaf.push(raw);
    }
    let served_now = tokio::time::timeout(WAIT, status_of_one(&served)).await;
    assert_eq!(served_now.unwrap(), 200);
    // The one that was awaited longest.
    let told = async { while deaf[0].answer().await["problem"]["code"] != "batch-slow" {} };
    tokio::time::timeout(WAIT, told).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_goes_on_without_end_lets_others_have_their_turn() {
    let limits = Limits {
        batches_max: 1,
        ..Limits::default()
    };
    let served = std::sync::Arc::new(Served::with(Double::default(), limits).await);
    let endless = {
        let served = served.clone();
        tokio::spawn(async move {
            let mut raw = Raw::begin(&served).await;
            // There is always one more line in work.
            raw.send(&line("kv", None, "0")).await;
            loop {
                raw.send(&line("kv", None, "1").repeat(100)).await;
                for _ in 0..100 {
                    assert!(raw.answer().await["reply"].is_object());
                }
            }
        })
    };
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let others = tokio::time::timeout(WAIT, status_of_one(&served)).await;
        assert_eq!(others.unwrap(), 200);
    }
    assert!(!endless.is_finished(), "it goes on too");
    endless.abort();
}

#[tokio::test]
async fn a_batch_whose_answers_are_not_read_is_not_read_either_and_is_cut_off() {
    let limits = Limits {
        write_window: Duration::from_millis(300),
        ..Limits::default()
    };
    let double = std::sync::Arc::new(Double::default());
    let served = Served::sharing(double.clone(), limits).await;
    let mut raw = Raw::begin(&served).await;
    let message = format!("\"{}\"", "x".repeat(10_000));
    let lines = line("kv", None, &message).repeat(10);
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let mut sent = 0;
    let flood = async {
        while raw.0.get_mut().write_all(chunk.as_bytes()).await.is_ok() {
            sent += 10;
        }
    };
    tokio::time::timeout(WAIT, flood).await.unwrap();
    let handed: usize = double.groups.lock().unwrap().iter().sum();
    // 100 messages are 1 MB; eight groups and what the sockets hold are no more than so many.
    assert!(handed < 1_000, "{handed} of {sent} were handed over");
}

#[tokio::test]
async fn a_batch_does_not_keep_a_node_from_stopping_and_says_that_it_stops() {
    let served = Served::unix().await;
    let mut raw = Raw::begin(&served).await;
    served.shutdown.begin();
    assert_eq!(raw.answer().await["problem"]["code"], "node-stopping");
    tokio::time::timeout(WAIT, served.task)
        .await
        .unwrap()
        .unwrap();
}

/// Between two pieces of a client that goes on sending.
const PACE: Duration = Duration::from_millis(5);

/// Ends the node while a client on TCP sends, and before it has read its answers; the codes of all problems that it reads
/// in the end.
async fn codes_at_a_stop() -> Vec<String> {
    let served = Served::tcp().await;
    let Address::Tcp(addr) = served.address else {
        panic!("no TCP")
    };
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: {BATCH_CONTENT_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (read, mut write) = stream.into_split();
    let message = format!("\"{}\"", "x".repeat(3_000));
    let lines = line("kv", None, &message).repeat(10);
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let flood = tokio::spawn(async move {
        while write.write_all(chunk.as_bytes()).await.is_ok() {
            tokio::time::sleep(PACE).await;
        }
    });
    tokio::time::sleep(30 * PACE).await;
    served.shutdown.begin();
    tokio::time::sleep(10 * PACE).await;
    let mut answers = BufReader::new(read).lines();
    let mut codes = Vec::new();
    // A connection that is broken off ends with an error.
    while let Ok(Some(line)) = answers.next_line().await {
        if line.starts_with('{') {
            let answer: Value = serde_json::from_str(&line).unwrap();
            codes.extend(answer["problem"]["code"].as_str().map(str::to_owned));
        }
    }
    flood.await.unwrap();
    codes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_still_sending_hears_why_its_batch_ends() {
    for _ in 0..5 {
        let codes = tokio::time::timeout(4 * WAIT, codes_at_a_stop()).await;
        assert_eq!(codes.unwrap(), ["node-stopping"]);
    }
}

#[tokio::test]
async fn another_content_type_is_refused_before_a_line_is_read() {
    let served = Served::unix().await;
    let seen = served.post("/v1/messages", &line("kv", None, "1")).await;
    let problem = seen.is_problem(415, "unsupported-media-type");
    assert!(problem.next.contains(BATCH_CONTENT_TYPE), "{problem:?}");
}
