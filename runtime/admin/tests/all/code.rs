//! Code that is handed over: bytes of any length and content, and where they came from.

use crate::support::Served;
use http_body_util::Full;
use hyper::Request;
use refit_admin::MESSAGE_BYTES_MAX;
use refit_admin::api::CodeTaken;

#[tokio::test]
async fn the_bytes_of_a_library_are_taken_whatever_they_are_and_however_long() {
    let served = Served::unix().await;
    // More than any other body may be.
    let bytes = vec![0xff; 2 * MESSAGE_BYTES_MAX + 1];
    let post = |path: &str| {
        let request = Request::builder().method("POST").uri(path);
        let request = request.header("host", "localhost");
        request.body(Full::from(bytes.clone())).unwrap()
    };
    let seen = served.ask(post("/v1/code?from=%2Fa%20b%2Fkv.so")).await;
    assert_eq!(seen.status, 201, "{seen:?}");
    let taken: CodeTaken = seen.json();
    let expected = CodeTaken {
        // The double says where it came from.
        artifact: "/a b/kv.so".to_owned(),
        bytes: bytes.len() as u64,
    };
    assert_eq!(taken, expected);
    let seen = served.ask(post("/v1/code?to=kv")).await;
    seen.is_problem(400, "invalid-code-query");
    let seen = served.get("/v1/code").await;
    seen.is_problem(405, "method-not-allowed");
}
