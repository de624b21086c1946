//! Releases and keysets on their way in: bytes, however many, and nothing else.

use crate::support::{Served, request};
use http_body_util::Full;
use hyper::Request;
use refit_admin::api::{Imported, KeysetInForce, OfferedRelease, ReleasesPruned};
use refit_admin::{Bytes, KEYSET_BYTES_MAX};

fn upload(path: &str, bytes: Vec<u8>) -> Request<Full<Bytes>> {
    let mut upload = request("POST", path, "");
    let media = "application/octet-stream".parse().unwrap();
    upload.headers_mut().insert("content-type", media);
    upload.map(|_| Full::new(Bytes::from(bytes)))
}

#[tokio::test]
async fn a_release_larger_than_any_message_is_taken_piece_by_piece() {
    let served = Served::unix().await;
    let bytes = vec![7; 24 << 20];
    let seen = served.ask(upload("/v1/releases", bytes)).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let imported: Imported = serde_json::from_str(&seen.text).unwrap();
    let Imported::Release(release) = imported else {
        panic!("{}", seen.text);
    };
    assert_eq!(release.bytes, 24 << 20);
}

#[tokio::test]
async fn what_is_no_bytes_and_ids_that_are_none_are_refused() {
    let served = Served::unix().await;
    for path in ["/v1/releases", "/v1/keyset"] {
        let seen = served.post(path, "{}").await;
        seen.is_problem(415, "unsupported-media-type");
    }
    let long = vec![0; KEYSET_BYTES_MAX + 1];
    let seen = served.ask(upload("/v1/keyset", long)).await;
    seen.is_problem(413, "body-too-large");
    for id in ["x", "%2e%2e", &"g".repeat(64)] {
        let seen = served.get(&format!("/v1/releases/{id}")).await;
        seen.is_problem(400, "release-unknown");
    }
    served
        .get("/v1/keyset")
        .await
        .is_problem(404, "keyset-missing");
}

#[tokio::test]
async fn a_keyset_is_installed_and_a_release_is_offered_and_pruned() {
    let served = Served::unix().await;
    let seen = served.ask(upload("/v1/keyset", vec![1, 2, 3])).await;
    let keyset: KeysetInForce = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(keyset.version, 3);
    let id = "AB".repeat(32);
    let seen = served.get(&format!("/v1/releases/{id}")).await;
    let offered: OfferedRelease = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(offered.release.id, id.to_lowercase());
    let seen = served.post("/v1/releases/prune", "").await;
    let pruned: ReleasesPruned = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(pruned.releases.len(), 1);
}
