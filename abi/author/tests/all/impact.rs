//! Changes, and the bumps that they need.

use crate::samples::{built, first, published, second, second_unnumbered};
use refit_abi::descriptor::{Descriptor, OlderMessageDescriptor};
use refit_abi::schema::Type;
use refit_author::attributes::Declarations;
use refit_author::impact::{Baseline, Bump, Impact};
use refit_author::lock::{LockedKind, Part, SchemaLock};

fn base() -> Baseline {
    Baseline::of(&built(first(), &[]), None)
}

/// [`refit_author::impact::compare`] with no source.
fn compare(base: &Baseline, built: &Descriptor) -> Impact {
    refit_author::impact::compare(base, built, &Declarations::default())
}

/// The module as it is, released under another version.
fn released(mut built: Descriptor, version: &str) -> Descriptor {
    built.package_version = version.to_owned();
    built
}

#[test]
fn code_alone_needs_nothing() {
    let impact = compare(&base(), &built(first(), &[]));
    assert_eq!((impact.needs, impact.declared), (Bump::Patch, true));
    assert!(impact.changes.is_empty() && impact.missing.is_empty());
}

#[test]
fn a_state_with_its_step_needs_a_minor_and_one_without_is_missing_it() {
    let impact = compare(&base(), &released(built(second(), &[first()]), "1.1.0"));
    assert_eq!((impact.needs, impact.declared), (Bump::Minor, true));
    assert!(impact.missing.is_empty(), "{:?}", impact.missing);
    let differences = &impact.changes[0].differences;
    assert!(differences.contains(&"+ revision: u64".to_owned()));

    let impact = compare(&base(), &released(built(second(), &[first()]), "1.0.1"));
    assert!(!impact.declared);

    let impact = compare(&base(), &released(built(second_unnumbered(), &[]), "9.0.0"));
    assert!(impact.missing[0].contains("version = 2"), "{impact:?}");
    let impact = compare(&base(), &released(built(second(), &[]), "9.0.0"));
    assert!(
        impact.missing[0].contains("from version 1 to 2"),
        "{impact:?}"
    );
}

#[test]
fn a_changed_interface_breaks_those_who_use_it() {
    let mut changed = released(built(first(), &[]), "1.9.0");
    changed.kinds[0].reply = second().schema_id();
    let impact = compare(&base(), &changed);
    assert_eq!((impact.needs, impact.declared), (Bump::Major, false));
    assert_eq!(impact.changes[0].part, "reply");
    assert!(compare(&base(), &released(changed, "2.0.0")).declared);
}

#[test]
fn what_concerns_a_part_as_a_whole_names_the_part() {
    let scalar = |name: &str| Type::Scalar {
        name: name.to_owned(),
        shape: refit_abi::schema::Shape::default(),
    };
    let mut changed = built(first(), &[]);
    changed.kinds[0].interface.reply = scalar("u64");
    changed.kinds[0].reply = scalar("u64").schema_id();
    let impact = compare(&base(), &changed);
    assert_eq!(impact.changes[0].differences, ["~ (the reply): () → u64"]);
}

#[test]
fn a_kind_may_come_and_breaks_when_it_goes() {
    let mut two = released(built(first(), &[]), "1.1.0");
    let mut other = two.kinds[0].clone();
    other.kind = "index".to_owned();
    two.kinds.push(other);
    assert_eq!(compare(&base(), &two).needs, Bump::Minor);
    let impact = compare(&Baseline::of(&two, None), &built(first(), &[]));
    assert_eq!(impact.needs, Bump::Major);
}

/// A lock of two versions, each with a message of its own, and a build that has a third one and converts `kept`.
fn three_messages(kept: &[Type]) -> Impact {
    let messages = [first(), second()];
    let versions = (1..).zip(&messages).map(|(version, message)| {
        let mut published = published(version, first());
        published.interface.message = Part {
            schema: message.schema_id(),
            described: Some(message.clone()),
        };
        published
    });
    let lock = SchemaLock {
        kinds: vec![LockedKind {
            kind: "kv".to_owned(),
            versions: versions.collect(),
        }],
    };
    let mut built = released(built(second(), &[first()]), "9.0.0");
    built.kinds[0].older_messages = kept
        .iter()
        .map(|kept| OlderMessageDescriptor {
            schema: kept.schema_id(),
            words: Default::default(),
        })
        .collect();
    compare(&Baseline::published(&lock).unwrap(), &built)
}

#[test]
fn a_conversion_of_messages_that_is_lost_two_versions_later_is_told() {
    assert!(three_messages(&[second(), first()]).notes.is_empty());
    let notes = three_messages(&[second()]).notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("version 1's messages are not"),
        "{notes:?}"
    );
    assert!(notes[0].contains("--dead-letters kv"), "{notes:?}");
}

#[test]
fn a_library_as_the_baseline_says_itself_which_messages_it_converts() {
    let mut before = built(first(), &[]);
    before.kinds[0].older_messages = vec![OlderMessageDescriptor {
        schema: second().schema_id(),
        words: Default::default(),
    }];
    let impact = compare(&Baseline::of(&before, None), &built(first(), &[]));
    assert_eq!(impact.notes.len(), 1, "{impact:?}");
}
