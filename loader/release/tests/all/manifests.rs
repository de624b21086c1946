//! Manifests: bounds, orders, names.

use crate::support::{artifact, manifest, module};
use refit_abi::Height;
use refit_abi::descriptor::{Ability, CapabilityDescriptor};
use refit_abi::schema::SchemaId;
use refit_release::manifest::{
    Binary, Manifest, ManifestError, Place, ReadError, Source, UnsignedError, Window,
};
use refit_release::{FileId, SourceRoot};

/// What is said of a manifest that was changed so.
fn refused(change: impl FnOnce(&mut Manifest)) -> ManifestError {
    let mut manifest = manifest();
    change(&mut manifest);
    match manifest.unsigned() {
        Err(UnsignedError::Read(ReadError::Manifest(error))) => error,
        other => panic!("{other:?}"),
    }
}

fn taken(change: impl FnOnce(&mut Manifest)) {
    let mut manifest = manifest();
    change(&mut manifest);
    manifest.unsigned().unwrap();
}

fn source(place: Place) -> Source {
    Source {
        root: SourceRoot::of(b"source"),
        places: vec![place],
    }
}

#[test]
fn names_are_short_plain_and_turn_no_terminal() {
    taken(|manifest| manifest.about = String::new());
    for text in [
        "",
        "a\nb",
        "a\u{1b}[2J",
        "\u{202e}txt.exe",
        &"n".repeat(129),
    ] {
        let error = refused(|manifest| manifest.name = text.to_owned());
        assert!(matches!(error, ManifestError::Text { .. }), "{text:?}");
        assert!(
            !error.to_string().contains(['\u{1b}', '\u{202e}']),
            "{error}"
        );
        let error = refused(|manifest| manifest.modules[0].version = text.to_owned());
        assert!(matches!(error, ManifestError::Text { .. }), "{text:?}");
    }
    let error = refused(|manifest| manifest.about = "\u{7}".to_owned());
    assert!(matches!(error, ManifestError::Text { .. }));
}

#[test]
fn lists_are_in_order_each_entry_once() {
    taken(|manifest| manifest.modules = vec![module("accounts"), module("kv")]);
    for modules in [["kv", "accounts"], ["kv", "kv"]] {
        let error = refused(|manifest| manifest.modules = modules.map(module).to_vec());
        assert_eq!(error, ManifestError::Order { what: "modules" });
    }
    let error =
        refused(|manifest| manifest.modules[0].artifacts = vec![artifact("b"), artifact("a")]);
    assert_eq!(error, ManifestError::Order { what: "files" });
    let from = || vec![SchemaId([2; 16]), SchemaId([1; 16])];
    let error = refused(|manifest| manifest.modules[0].kinds[0].from = from());
    assert!(matches!(error, ManifestError::Order { .. }));
    let may = |kind: &str| CapabilityDescriptor {
        ability: Ability::Message,
        kind: kind.to_owned(),
    };
    taken(|manifest| manifest.modules[0].kinds[0].capabilities = vec![may("a"), may("b")]);
    let error =
        refused(|manifest| manifest.modules[0].kinds[0].capabilities = vec![may("a"), may("a")]);
    assert!(matches!(error, ManifestError::Order { .. }));
}

#[test]
fn a_kind_comes_once_and_by_a_name_that_is_one() {
    let error = refused(|manifest| {
        let mut other = module("other");
        other.kinds[0].kind = "kv".to_owned();
        manifest.modules.push(other);
    });
    assert_eq!(
        error,
        ManifestError::KindTwice {
            kind: "kv".to_owned()
        }
    );
    let error = refused(|manifest| manifest.modules[0].kinds[0].kind = "../kv".to_owned());
    assert!(matches!(error, ManifestError::Kind { .. }));
    let error = refused(|manifest| manifest.expected_differences = vec!["accounts".to_owned()]);
    assert!(matches!(error, ManifestError::NoSuchKind { .. }));
}

#[test]
fn there_is_something_in_it_and_not_too_much() {
    assert_eq!(
        refused(|manifest| manifest.modules.clear()),
        ManifestError::None { what: "modules" }
    );
    assert_eq!(
        refused(|manifest| manifest.modules[0].kinds.clear()),
        ManifestError::None { what: "kinds" }
    );
    let error = refused(|manifest| manifest.modules[0].artifacts.clear());
    assert!(matches!(error, ManifestError::Nothing { .. }));
    let many = (0..300)
        .map(|number| module(&format!("k{number:03}")))
        .collect();
    let error = refused(|manifest| manifest.modules = many);
    assert!(matches!(
        error,
        ManifestError::TooMany {
            what: "modules",
            found: 300,
            most: 256
        }
    ));
    for bytes in [0, u64::MAX] {
        let error = refused(|manifest| manifest.modules[0].artifacts[0].bytes = bytes);
        assert!(matches!(error, ManifestError::FileBytes { .. }));
    }
    let error = refused(|manifest| {
        manifest.window = Window {
            from: Height(2),
            until: Height(1),
        }
    });
    assert_eq!(error, ManifestError::Window);
    assert_eq!(
        refused(|manifest| manifest.format = 9),
        ManifestError::Format { found: 9 }
    );
}

#[test]
fn a_source_lies_in_its_tree_and_is_had_somewhere() {
    let git = |commit: &str| Place::Git {
        commit: commit.to_owned(),
        remotes: vec!["https://example.org/kv".to_owned()],
    };
    let blob = Place::Blob {
        file: FileId::of(b"blob"),
        bytes: 9,
    };
    let path = Place::Path {
        path: "../kv".to_owned(),
    };
    for place in [
        Place::Inline,
        blob,
        path,
        git(&"a".repeat(40)),
        git(&"0".repeat(64)),
    ] {
        taken(|manifest| {
            manifest.source = Some(source(place));
            manifest.modules[0].artifacts.clear();
            manifest.modules[0].folder = "engines/kv".to_owned();
        });
    }
    for commit in ["", "main", &"A".repeat(40), &"a".repeat(41)] {
        let error = refused(|manifest| manifest.source = Some(source(git(commit))));
        assert!(matches!(error, ManifestError::Text { .. }), "{commit}");
    }
    for folder in ["/etc", "../kv", "a/../b", "a//b"] {
        let error = refused(|manifest| {
            manifest.source = Some(source(Place::Inline));
            manifest.modules[0].folder = folder.to_owned();
        });
        assert!(matches!(error, ManifestError::Folder { .. }), "{folder}");
    }
    let error = refused(|manifest| manifest.modules[0].folder = "kv".to_owned());
    assert!(
        matches!(error, ManifestError::Folder { .. }),
        "there is no tree"
    );
    let error = refused(|manifest| {
        manifest.source = Some(Source {
            root: SourceRoot::of(b"s"),
            places: Vec::new(),
        });
    });
    assert!(matches!(error, ManifestError::None { .. }));
}

#[test]
fn every_file_that_may_come_with_it_is_named() {
    let mut manifest = manifest();
    manifest.native = vec![Binary {
        name: "libz.so".to_owned(),
        version: "1.3".to_owned(),
        artifacts: vec![artifact("native")],
    }];
    manifest.host = Some(Binary {
        name: "refit".to_owned(),
        version: "0.2".to_owned(),
        artifacts: vec![artifact("host")],
    });
    manifest.unsigned().unwrap();
    let files: Vec<_> = manifest.files().map(|file| &*file.target).collect();
    assert_eq!(files, ["x86_64-unknown-linux-gnu", "native", "host"]);
    manifest.host.as_mut().unwrap().artifacts.clear();
    assert!(manifest.unsigned().is_err());
}
