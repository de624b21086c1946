//! The text of a lock: read back as it was written, and refused when it was edited.

use crate::samples;
use refit_abi::host::Explain;
use refit_author::attributes::SerdeAttributes;
use refit_author::lock::{LockError, SchemaLock};
use refit_author::types::layoutless;
use std::path::Path;

fn lock() -> SchemaLock {
    let mut lock = SchemaLock::default();
    lock.publish("kv", samples::published(2, samples::second()));
    lock.publish("kv", samples::published(1, samples::first()));
    let mut described = samples::published(1, samples::many_shapes());
    described.interface.message.described = Some(layoutless(&samples::second()));
    described.interface.message.schema = samples::second().schema_id();
    described.message_serde = Some(SerdeAttributes::new());
    lock.publish("shapes", described);
    lock
}

#[test]
fn a_lock_reads_back_as_it_was_written() {
    let (lock, path) = (lock(), Path::new("schema.lock"));
    let text = lock.text().unwrap();
    assert_eq!(SchemaLock::parse(path, &text).unwrap(), lock);
    assert!(text.starts_with("# What this package has published"));
    assert!(
        !text.contains("offset") && !text.contains("shape\""),
        "{text}"
    );
    let versions: Vec<_> = lock.kinds[0].versions.iter().map(|v| v.version).collect();
    assert_eq!(versions, [1, 2], "in ascending order");
}

#[test]
fn an_edited_lock_is_found_by_its_hashes() {
    let path = Path::new("schema.lock");
    let edited = lock()
        .text()
        .unwrap()
        .replacen("\"entries\"", "\"other_entries\"", 1);
    let error = SchemaLock::parse(path, &edited).unwrap_err();
    assert!(
        matches!(error, LockError::Edited { version: 1, .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_lock_is_refused_with_a_reason() {
    let path = Path::new("schema.lock");
    let cases = [
        ("format = 1\n[[kind", "unreadable"),
        ("", "unreadable"),
        ("format = 1\nother = 2", "unreadable"),
        ("format = 9", "format"),
    ];
    for (text, code) in cases {
        let error = SchemaLock::parse(path, text).unwrap_err();
        assert_eq!(error.code(), format!("author-lock-{code}"), "{text}");
    }
    for (text, says) in [
        ("format = 1\n[[kind", "line 2: "),
        (
            "format = 1\n<<<<<<< ours\na = 1\n",
            "line 2: a merge left both sides",
        ),
    ] {
        let error = SchemaLock::parse(path, text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(
        SchemaLock::parse(path, "format = 1").unwrap(),
        SchemaLock::default()
    );
}
