//! Real builds of a small engine: what is compiled, what is reused, what is refused and why.

use refit_abi::host::Explain;
use refit_build::{Builder, Built, Profile};
use std::fs;
use std::path::{Path, PathBuf};

/// Kept between runs, so that only the first one compiles the dependencies.
fn root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("refit-build")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn builder() -> Builder {
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refit-store");
    let builder = Builder::new(root()).with_store(store);
    builder.with_lock(repository().join("Cargo.lock"))
}

fn build(source: &Path) -> Result<Built, refit_build::BuildError> {
    builder().build(source, Profile::Dev)
}

/// A copy of the fixture at a new path, so that its target folder is new, with the manifest and the
/// source changed by `edit`.
fn source(edit: impl Fn(&mut String, &mut String)) -> tempfile::TempDir {
    let fixture = repository().join("tests/fixtures/probe-engine");
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = fs::read_to_string(fixture.join("Cargo.toml")).unwrap();
    manifest = manifest.replace("../../../abi", repository().join("abi").to_str().unwrap());
    let mut library = fs::read_to_string(fixture.join("src/lib.rs")).unwrap();
    edit(&mut manifest, &mut library);
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join("src/lib.rs"), library).unwrap();
    folder
}

/// Frees the target folder of a source that was built.
fn forget(source: &Path) {
    let path = source.canonicalize().unwrap();
    let name = &blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex()[..16];
    fs::remove_dir_all(root().join("targets").join(name)).unwrap();
    fs::remove_dir_all(root().join("overlays").join(name)).unwrap();
}

#[test]
fn a_new_source_compiles_itself_alone_and_gets_its_own_code() {
    let first = source(|_, _| ());
    build(first.path()).unwrap();
    let second = source(|_, library| *library = library.replace("STEP: u64 = 1", "STEP: u64 = 2"));
    let built = build(second.path()).unwrap();
    assert_eq!(
        built.compiled.len(),
        1,
        "only the engine itself: {:?}",
        built.compiled
    );
    assert!(
        built.compiled[0].starts_with("probe_engine"),
        "{:?}",
        built.compiled
    );

    let other = build(first.path()).unwrap();
    assert_eq!(
        other.compiled.len(),
        0,
        "nothing changed: {:?}",
        other.compiled
    );
    assert_ne!(other.artifact, built.artifact, "same name, other code");
    assert_ne!(other.build_id, built.build_id);
    assert_eq!(
        (built.package.as_str(), built.version.as_str()),
        ("probe-engine", "1.0.0")
    );

    let extra = "#[unsafe(no_mangle)]\npub extern \"C\" fn extra() {}\n";
    fs::write(first.path().join("src/extra.rs"), extra).unwrap();
    let bytes = fs::read(first.path().join("src/lib.rs")).unwrap();
    fs::write(
        first.path().join("src/lib.rs"),
        [&bytes[..], b"mod extra;\n"].concat(),
    )
    .unwrap();
    let changed = build(first.path()).unwrap();
    assert_ne!(changed.build_id, other.build_id);
    assert_eq!(changed.build_id.len(), 32);
    let library = fs::read(&changed.library).unwrap();
    assert_eq!(blake3::hash(&library).to_hex().as_str(), changed.artifact);
    let stamp = changed.build_id.as_bytes();
    assert!(
        library.windows(stamp.len()).any(|window| window == stamp),
        "the build id is inside"
    );
    forget(first.path());
    forget(second.path());
}

#[test]
fn nothing_is_written_into_the_source() {
    let folder = source(|_, _| ());
    build(folder.path()).unwrap();
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["Cargo.toml", "src"]);
    forget(folder.path());
}

#[test]
fn errors_of_the_compiler_are_shown_as_the_author_knows_the_file() {
    let folder = source(|_, library| library.push_str("fn broken() -> u8 { \"text\" }\n"));
    let error = build(folder.path()).unwrap_err();
    assert_eq!(error.code(), "does-not-compile");
    let text = error.to_string();
    assert!(
        text.contains("--> src/lib.rs") && text.contains("mismatched types"),
        "{text}"
    );
    assert!(!text.contains("Compiling"), "{text}");
    forget(folder.path());
}

#[test]
fn what_is_missing_is_named_with_what_to_add() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(build(folder.path()).unwrap_err().code(), "not-a-package");
    assert_eq!(
        build(&folder.path().join("nowhere")).unwrap_err().code(),
        "build-io"
    );

    let no_cdylib = source(|manifest, _| *manifest = manifest.replace("\"cdylib\", ", ""));
    let error = build(no_cdylib.path()).unwrap_err();
    assert_eq!(error.code(), "no-cdylib");
    assert!(error.next().contains("crate-type = [\"cdylib\", \"rlib\"]"));

    let no_feature = source(|manifest, _| {
        *manifest = manifest.replace("module = [\"refit-abi/module\"]", "");
    });
    let error = build(no_feature.path()).unwrap_err();
    assert_eq!(error.code(), "no-module-feature");
    assert!(error.next().contains("module = [\"refit-abi/module\"]"));

    let broken = source(|manifest, _| manifest.push_str("[nonsense"));
    assert_eq!(
        build(broken.path()).unwrap_err().code(),
        "manifest-unreadable"
    );
}

#[test]
fn a_lock_of_the_authors_own_is_obeyed() {
    let folder = source(|_, _| ());
    fs::write(folder.path().join("Cargo.lock"), "version = 4\n").unwrap();
    let error = build(folder.path()).unwrap_err();
    assert_eq!(error.code(), "cargo-failed", "{error}");
    assert!(error.to_string().contains("--locked"), "{error}");
    assert_eq!(
        fs::read_to_string(folder.path().join("Cargo.lock")).unwrap(),
        "version = 4\n"
    );
}

#[test]
fn a_member_of_a_workspace_is_built_in_place_with_the_workspaces_lock() {
    let workspace = repository();
    let before = fs::read(workspace.join("Cargo.lock")).unwrap();
    let built = builder()
        .build(&workspace.join("engines/kv"), Profile::Dev)
        .unwrap();
    let members = ["(abi)", "(macros)", "(kv)"];
    let foreign = |unit: &&String| !members.iter().any(|member| unit.ends_with(member));
    assert_eq!(
        built.compiled.iter().find(foreign),
        None,
        "the seed held the rest"
    );
    assert_eq!(built.package, "refit-kv");
    assert_eq!(fs::read(workspace.join("Cargo.lock")).unwrap(), before);
    assert!(!workspace.join("engines/kv/target").exists());
}
