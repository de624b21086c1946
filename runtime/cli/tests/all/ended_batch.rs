//! A batch that the node ends: the client says what the node said, whatever is still to be sent.

use crate::node::{Running, kv};
use crate::served::Folder;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

/// Lines of the batch: the node is told to stop long before it has answered them.
const LINES: usize = 200_000;

/// Longest wait for the node's end; it waits 10 s at most for its clients.
const END_WAIT: Duration = Duration::from_secs(30);

/// Begins a batch, stops the node once there is an answer; the last answer, the exit code and what was said.
fn stopped_while_sending(
    folder: &Folder,
    from: &str,
    input: Stdio,
) -> (Value, Option<i32>, String) {
    let mut node = Running::start(folder, &kv(folder));
    let mut send = folder.command(&["send", "--batch", from]);
    send.stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut sending = send.spawn().unwrap();
    let mut answers = BufReader::new(sending.stdout.take().unwrap());
    let mut first = String::new();
    answers.read_line(&mut first).unwrap();
    let stopping = std::thread::spawn(move || node.stopped_within(END_WAIT));
    let last = answers.lines().last().unwrap().unwrap();
    let mut said = String::new();
    let mut errors = sending.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    let exit = sending.wait().unwrap().code();
    assert_eq!(stopping.join().unwrap(), Some(0));
    (serde_json::from_str(&last).unwrap(), exit, said)
}

fn line(number: usize) -> String {
    let message = json!({"put": {"key": number.to_string(), "value": "1"}});
    json!({"engine": "kv", "message": message}).to_string()
}

#[test]
fn a_large_batch_of_a_node_that_stops_ends_with_what_the_node_says() {
    let folder = Folder::new();
    let mut lines = String::new();
    for number in 0..LINES {
        writeln!(lines, "{}", line(number)).unwrap();
    }
    folder.write("lines", &lines);
    let (last, exit, said) = stopped_while_sending(&folder, "lines", Stdio::null());
    assert_eq!(last["problem"]["code"], "node-stopping", "{last} {said}");
    assert_eq!(exit, Some(3), "{said}");
    assert!(
        said.contains("node-lines-refused") && !said.contains("broke"),
        "{said}"
    );
}

#[test]
fn a_batch_from_a_pipe_that_gives_nothing_more_ends_when_the_node_ends_it() {
    let folder = Folder::new();
    let (reads, mut writes) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writes, format!("{}\n", line(1)).as_bytes()).unwrap();
    let (last, exit, said) = stopped_while_sending(&folder, "-", Stdio::from(reads));
    assert_eq!(last["problem"]["code"], "node-stopping", "{last} {said}");
    assert_eq!(exit, Some(3), "{said}");
    drop(writes);
}
