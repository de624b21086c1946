//! The comparison, for each thing that an author may do to a published engine.

use crate::samples::{self, built, first, second, second_unnumbered};
use refit_abi::descriptor::Descriptor;
use refit_abi::schema::Type;
use refit_author::compare::{Finding, compare};
use refit_author::lock::SchemaLock;

fn lock(versions: &[(u32, Type)]) -> SchemaLock {
    let mut lock = SchemaLock::default();
    for (version, state) in versions {
        lock.publish("kv", samples::published(*version, state.clone()));
    }
    lock
}

/// The codes that a build gets.
fn codes(built: &Descriptor, lock: &SchemaLock) -> Vec<&'static str> {
    compare(built, lock).iter().map(Finding::code).collect()
}

/// The third version: the second under another number.
fn third() -> Type {
    renumbered(second(), 3)
}

fn renumbered(state: Type, number: u32) -> Type {
    match state {
        Type::Struct {
            name,
            fields,
            shape,
            ..
        } => Type::Struct {
            name,
            version: number,
            fields,
            shape,
        },
        other => other,
    }
}

#[test]
fn what_was_published_and_what_it_can_become_pass() {
    assert_eq!(codes(&built(first(), &[]), &lock(&[])), [""; 0]);
    let published = lock(&[(1, first())]);
    assert_eq!(codes(&built(first(), &[]), &published), [""; 0]);
    assert_eq!(codes(&built(second(), &[first()]), &published), [""; 0]);
    let both = lock(&[(1, first()), (2, second())]);
    assert_eq!(codes(&built(third(), &[first(), second()]), &both), [""; 0]);
}

#[test]
fn a_state_that_changed_under_its_number_gets_the_differences_and_the_stub() {
    let findings = compare(&built(second_unnumbered(), &[]), &lock(&[(1, first())]));
    assert_eq!(findings.len(), 1);
    let text = findings[0].text();
    for part in [
        "the state of `kv` changed and its version did not",
        "+ revision: u64",
        "- hits: u32",
        "#[state(version = 2)]",
        "#[migrate(from = crate::v1::Kv, drop(entries, hits))]",
        "#[migrate(with = entries_from_v1)]",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(findings[0].next("kv").contains("#[state(version = 2)]"));
}

#[test]
fn the_missing_step_goes_to_the_next_published_version_also_if_a_number_was_left_out() {
    let published = lock(&[(1, first()), (3, third())]);
    let head = renumbered(first(), 4);
    let findings = compare(&built(head, &[third()]), &published);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let text = findings[0].text();
    assert!(text.contains("#[state(version = 3)]"), "{text}");
}

#[test]
fn a_published_version_without_a_way_to_the_head_is_named() {
    let published = lock(&[(1, first())]);
    let findings = compare(&built(second(), &[]), &published);
    assert_eq!(findings[0].code(), "author-no-migration");
    assert!(findings[0].text().contains("version = 2"), "{findings:?}");

    let both = lock(&[(1, first()), (2, second())]);
    let findings = compare(&built(third(), &[second()]), &both);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].headline().contains("published version 1"));
    assert!(
        findings[0].text().contains("#[state(version = 2)]"),
        "the step that misses is the one to version 2"
    );
}

#[test]
fn an_edited_frozen_type_is_told_from_a_missing_step() {
    let edited = renumbered(second(), 1);
    let findings = compare(&built(second(), &[edited]), &lock(&[(1, first())]));
    assert_eq!(findings[0].code(), "author-frozen-type-edited");
    assert!(findings[0].text().contains("+ revision: u64"));
    assert!(findings[0].next("kv").contains("--restore"));
}

#[test]
fn a_frozen_type_that_lies_otherwise_in_memory_is_found() {
    let mut built = built(second(), &[first()]);
    let published = lock(&[(1, first())]);
    built.kinds[0].migrations[0].from_layout = second().layout_id("a-commit");
    assert_eq!(codes(&built, &published), ["author-frozen-type-moved"]);
    built.toolchain = "another".to_owned();
    assert_eq!(codes(&built, &published), [""; 0], "it cannot be compared");
    built.toolchain = "a-toolchain".to_owned();
    built.layout_epoch = "2".to_owned();
    assert_eq!(codes(&built, &published), [""; 0], "nor can it here");
}

#[test]
fn a_head_behind_what_was_published_and_a_kind_that_is_gone_are_found() {
    let both = lock(&[(1, first()), (2, second())]);
    assert_eq!(
        codes(&built(first(), &[]), &both),
        ["author-version-behind"]
    );
    let mut other = SchemaLock::default();
    other.publish("index", samples::published(1, first()));
    let findings = compare(&built(first(), &[]), &other);
    assert_eq!(findings[0].code(), "author-kind-gone");
    assert!(findings[0].next("kv").contains("--forget index"));
}
