//! Publishing: what changes in a lock.

use super::attributes::{Declarations, SerdeAttributes, noted_in};
use super::compare::{Fault, Finding, compare};
use super::impact::{self, Baseline};
use super::lock::{Interface, Published, SchemaLock};
use refit_abi::descriptor::{Descriptor, KindDescriptor};
use std::path::PathBuf;

/// Why nothing was frozen.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FreezeError {
    #[error("{} is there already and is not what would be frozen", path.display())]
    #[diagnostic(
        code(author::file_in_the_way),
        help(
            "move it away; or, if it holds this very version's types, delete it and freeze again"
        )
    )]
    InTheWay { path: PathBuf },
    #[error("{} is there already: what an earlier restore set aside", path.display())]
    #[diagnostic(
        code(author::set_aside_before),
        help(
            "move it away, or delete it if nothing of it is needed, and restore again; nothing was written"
        )
    )]
    SetAside { path: PathBuf },
    #[error("`{kind}` was never published from {}", folder.display())]
    #[diagnostic(code(author::unknown_kind), help("name a kind that schema.lock has"))]
    UnknownKind { kind: String, folder: PathBuf },
    #[error("`{module}` is no frozen module of {}", folder.display())]
    #[diagnostic(
        code(author::unknown_module),
        help("name a module that schema.lock has, such as v1")
    )]
    UnknownModule { module: String, folder: PathBuf },
    #[error("{} has no schema.lock to restore from", folder.display())]
    #[diagnostic(
        code(author::nothing_published),
        help("take it back from version control, or publish with `refit engine freeze` first")
    )]
    NothingPublished { folder: PathBuf },
}

/// What freezing did to one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    pub kind: String,
    pub version: u32,
    pub module: String,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// This version is published now.
    Published,
    /// The state is as published; messages or queries are others than were noted.
    Interface,
    /// Nothing.
    None,
}

/// Publishes the heads of `built` in `lock`, unless they break what was published before.
pub fn publish(
    built: &Descriptor,
    declared: &Declarations,
    lock: &mut SchemaLock,
) -> Result<Vec<Frozen>, Vec<Finding>> {
    let findings = compare(built, lock);
    // Only what concerns a version that is published now: a layout says nothing of the head.
    let stops = |finding: &Finding| !matches!(finding.fault, Fault::FrozenLayout { .. });
    if findings.iter().any(stops) {
        return Err(findings);
    }
    if let Some(undeclared) = undeclared(built, declared, lock) {
        return Err(vec![undeclared]);
    }
    let kinds = built.kinds.iter();
    Ok(kinds
        .map(|kind| publish_kind(built, kind, declared, lock))
        .collect())
}

fn publish_kind(
    built: &Descriptor,
    kind: &KindDescriptor,
    declared: &Declarations,
    lock: &mut SchemaLock,
) -> Frozen {
    let known = lock
        .kind(&kind.kind)
        .and_then(|locked| locked.version(kind.version));
    let module = known.map_or_else(|| module_name(built, kind), |known| known.module.clone());
    let (message, names) = (
        &kind.interface.message,
        declared.attributes(&kind.interface.message),
    );
    let is_other = |known: &Published| {
        known.interface != Interface::of(kind) || noted_in(known.message_serde(), message) != names
    };
    let change = match known {
        None => Change::Published,
        Some(known) if is_other(known) => Change::Interface,
        Some(_) => Change::None,
    };
    let published = match (change, known) {
        (Change::None, _) => None,
        (Change::Interface, Some(known)) => Some(known.with_interface(built, kind, names)),
        _ => {
            let names = named_in(kind, declared);
            Some(Published::of(built, kind, module.clone(), names))
        }
    };
    if let Some(published) = published {
        lock.publish(&kind.kind, published);
    }
    Frozen {
        kind: kind.kind.clone(),
        version: kind.version,
        module,
        change,
    }
}

/// A change whose bump is not declared: noted in the lock, nothing would ask for it any more.
fn undeclared(built: &Descriptor, declared: &Declarations, lock: &SchemaLock) -> Option<Finding> {
    let impact = impact::compare(&Baseline::published(lock)?, built, declared);
    if impact.declared {
        return None;
    }
    let mut changes = impact.changes.into_iter();
    let change = changes.find(|change| change.needs == impact.needs)?;
    Some(Finding {
        kind: change.kind,
        fault: Fault::Undeclared {
            package: impact.package,
            from: impact.from_version,
            to: impact.to_version,
            needs: impact.needs,
        },
    })
}

/// The attributes of the types that are frozen for `kind`.
fn named_in(kind: &KindDescriptor, declared: &Declarations) -> SerdeAttributes {
    let mut found = declared.attributes(&kind.state);
    found.extend(declared.attributes(&kind.interface.message));
    found
}

/// A kind's name as the start of a module's: no `-`, and no digit first.
fn stem(kind: &str) -> String {
    let stem = kind.replace('-', "_");
    match stem.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("kind_{stem}"),
        false => stem,
    }
}

/// `v1` where the package has one kind, `kind_v1` where it has several.
fn module_name(built: &Descriptor, kind: &KindDescriptor) -> String {
    if built.kinds.len() == 1 {
        return format!("v{}", kind.version);
    }
    let stem = stem(&kind.kind);
    let same = |other: &&KindDescriptor| self::stem(&other.kind) == stem;
    let mut same = built.kinds.iter().filter(same);
    // `a-b` and `a_b` are two kinds and one name of Rust: the later ones are numbered.
    match same.position(|other| other.kind == kind.kind) {
        None | Some(0) => format!("{stem}_v{}", kind.version),
        Some(earlier) => format!("{stem}_{}_v{}", earlier + 1, kind.version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frozen::modules;
    use crate::lock_file;
    use crate::samples::{built, described, first, second, second_unnumbered};
    use refit_abi::schema::Type;
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
        assert_eq!(findings[0].code(), "state_changed");
        let findings =
            publish(&built(second(), &[]), &Declarations::default(), &mut lock).unwrap_err();
        assert_eq!(findings[0].code(), "no_migration");
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
        assert_eq!(findings[0].code(), "bump_missing");
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
            assert_eq!(findings[0].code(), "bump_missing", "{too_low}");
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
        let mut lock = lock_file::parse(Path::new("schema.lock"), &text).unwrap();
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
        let mut lock = lock_file::parse(Path::new("schema.lock"), &lock.text().unwrap()).unwrap();
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
}
