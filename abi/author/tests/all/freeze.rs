//! Publishing: what a lock has afterwards, and what is refused.

use crate::samples::{built, described, first, second, second_unnumbered};
use refit_abi::descriptor::Descriptor;
use refit_abi::schema::Type;
use refit_author::attributes::Declarations;
use refit_author::freeze::{Change, publish};
use refit_author::frozen::modules;
use refit_author::lock::SchemaLock;
use std::path::Path;

#[test]
fn a_version_is_published_once() {
    let mut lock = SchemaLock::default();
    let done = publish(&built(first(), &[]), &Declarations::default(), &mut lock).unwrap();
    assert_eq!(
        (done[0].change, done[0].module.as_str()),
        (Change::Published, "v1")
    );
    let published = lock.clone();
    let again = publish(&built(first(), &[]), &Declarations::default(), &mut lock).unwrap();
    assert_eq!(again[0].change, Change::None);
    assert_eq!(lock, published);
}

#[test]
fn another_state_under_a_published_number_is_refused() {
    let mut lock = SchemaLock::default();
    publish(&built(first(), &[]), &Declarations::default(), &mut lock).unwrap();
    let published = lock.clone();
    let findings = publish(
        &built(second_unnumbered(), &[]),
        &Declarations::default(),
        &mut lock,
    )
    .unwrap_err();
    assert_eq!(findings[0].code(), "author-state-changed");
    let findings = publish(&built(second(), &[]), &Declarations::default(), &mut lock).unwrap_err();
    assert_eq!(findings[0].code(), "author-no-migration");
    assert_eq!(lock, published, "nothing was changed");
    publish(
        &built(second(), &[first()]),
        &Declarations::default(),
        &mut lock,
    )
    .unwrap();
    assert_eq!(modules(&lock, "kv").unwrap().len(), 2);
}

#[test]
fn another_interface_is_noted() {
    let mut lock = SchemaLock::default();
    publish(&built(first(), &[]), &Declarations::default(), &mut lock).unwrap();
    let mut changed = built(first(), &[]);
    changed.kinds[0].message = second().schema_id();
    changed.kinds[0].interface.message = second();
    let findings = publish(&changed, &Declarations::default(), &mut lock).unwrap_err();
    assert_eq!(findings[0].code(), "author-bump-missing");
    changed.package_version = "2.0.0".to_owned();
    let done = publish(&changed, &Declarations::default(), &mut lock).unwrap();
    assert_eq!(done[0].change, Change::Interface);
}

#[test]
fn another_version_is_published_once_the_packages_version_says_so() {
    let none = Declarations::default();
    let mut lock = SchemaLock::default();
    publish(&built(first(), &[]), &none, &mut lock).unwrap();
    let published = lock.clone();
    let mut next = built(second(), &[first()]);
    for too_low in ["1.0.0", "1.0.1"] {
        next.package_version = too_low.to_owned();
        let findings = publish(&next, &none, &mut lock).unwrap_err();
        assert_eq!(findings[0].code(), "author-bump-missing", "{too_low}");
        assert_eq!(lock, published, "nothing was changed");
    }
    next.package_version = "1.1.0".to_owned();
    let done = publish(&next, &none, &mut lock).unwrap();
    assert_eq!(done[0].change, Change::Published);
}

/// `state`, with `message` as what it takes.
fn with_message(state: Type, from: &[Type], message: &Type, package: &str) -> Descriptor {
    let mut built = built(state, from);
    built.package_version = package.to_owned();
    built.kinds[0].message = message.schema_id();
    built.kinds[0].interface.message = message.clone();
    built
}

#[test]
fn a_message_that_changed_since_it_was_frozen_is_declared_by_the_next_version() {
    let none = Declarations::default();
    let (before, after) = (message::<1>(), message::<2>());
    let mut lock = SchemaLock::default();
    publish(
        &with_message(first(), &[], &before, "1.0.0"),
        &none,
        &mut lock,
    )
    .unwrap();
    let v1 = modules(&lock, "kv").unwrap().remove(0);
    publish(
        &with_message(first(), &[], &after, "2.0.0"),
        &none,
        &mut lock,
    )
    .unwrap();
    let text = lock.text().unwrap();
    let mut lock = SchemaLock::parse(Path::new("schema.lock"), &text).unwrap();
    let written = modules(&lock, "kv").unwrap().remove(0);
    assert_eq!(written, v1, "what was frozen is restored as it was");
    let second = with_message(second(), &[first()], &after, "2.1.0");
    publish(&second, &none, &mut lock).unwrap();
    let v2 = modules(&lock, "kv").unwrap().remove(1);
    assert!(v2.text.contains("pub struct Message {"), "{}", v2.text);
    assert!(!v2.text.contains("super::v1::Message"), "{}", v2.text);
}

#[test]
fn another_name_for_json_is_an_interface_that_changed() {
    let declared = |attribute: &str| {
        let text = format!("{attribute} struct Message {{ a: u8, b: u8 }}");
        Declarations::of_sources([text.as_str()])
    };
    let (camel, plain) = (
        declared(r#"#[serde(rename_all = "camelCase")]"#),
        declared(""),
    );
    let built = |package| with_message(first(), &[], &message::<2>(), package);
    let mut lock = SchemaLock::default();
    publish(&built("1.0.0"), &camel, &mut lock).unwrap();
    let v1 = modules(&lock, "kv").unwrap();
    let findings = publish(&built("1.1.0"), &plain, &mut lock).unwrap_err();
    assert!(findings[0].headline().contains("major"), "{findings:?}");
    let done = publish(&built("2.0.0"), &plain, &mut lock).unwrap();
    assert_eq!(done[0].change, Change::Interface);
    let mut lock = SchemaLock::parse(Path::new("schema.lock"), &lock.text().unwrap()).unwrap();
    assert_eq!(modules(&lock, "kv").unwrap(), v1, "what was frozen stays");
    let again = publish(&built("2.0.0"), &plain, &mut lock).unwrap();
    assert_eq!(again[0].change, Change::None);
    assert!(publish(&built("2.0.0"), &camel, &mut lock).is_err());
}

/// A message, in two forms.
fn message<const FIELDS: usize>() -> Type {
    #[derive(refit_abi::State, refit_abi::Serialize, refit_abi::Deserialize)]
    struct Message {
        a: u8,
        b: u8,
    }
    let mut message = described::<Message>();
    if let Type::Struct { fields, .. } = &mut message {
        fields.truncate(FIELDS);
    }
    message
}

#[test]
fn kinds_of_one_package_have_modules_of_their_own() {
    let mut two = built(first(), &[]);
    let mut other = two.kinds[0].clone();
    other.kind = "kv-index".to_owned();
    two.kinds.push(other.clone());
    other.kind = "kv_index".to_owned();
    two.kinds.push(other.clone());
    other.kind = "3d".to_owned();
    two.kinds.push(other);
    let done = publish(&two, &Declarations::default(), &mut SchemaLock::default()).unwrap();
    let modules: Vec<_> = done.iter().map(|frozen| frozen.module.as_str()).collect();
    assert_eq!(
        modules,
        ["kv_v1", "kv_index_v1", "kv_index_2_v1", "kind_3d_v1"]
    );
}

#[test]
fn a_kind_keeps_the_names_of_its_modules_when_another_comes() {
    let mut lock = SchemaLock::default();
    let none = Declarations::default();
    publish(&built(first(), &[]), &none, &mut lock).unwrap();
    let mut two = built(second(), &[first()]);
    let mut other = built(first(), &[]).kinds.remove(0);
    other.kind = "index".to_owned();
    two.kinds.push(other);
    let done = publish(&two, &none, &mut lock).unwrap();
    let modules: Vec<_> = done.iter().map(|frozen| frozen.module.as_str()).collect();
    assert_eq!(modules, ["v2", "index_v1"]);
}
