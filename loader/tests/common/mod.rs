//! Real modules for the loader's tests: the fixture engines, and variants of them.
#![allow(dead_code, reason = "each test program uses a part of it")]

use refit_abi::host::Module;
use refit_abi::raw::Codec;
use refit_build::{Builder, EngineSource, Profile};
use refit_loader::{Loader, ProbeCommand};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// A loader whose probe is this package's own program.
pub(crate) fn loader() -> Loader {
    let probe = ProbeCommand::new(env!("CARGO_BIN_EXE_refit-probe"));
    Loader::new(probe.deadline(Duration::from_secs(30))).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Builds the counter with changes; `name` names the variant and its place between runs.
pub(crate) fn build(name: &str, edit: impl Fn(&mut String, &mut String)) -> PathBuf {
    build_of("probe-engine", name, edit)
}

/// Builds a fixture with changes to its manifest and to its root file.
fn build_of(fixture: &str, name: &str, edit: impl Fn(&mut String, &mut String)) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = root.join("variants").join(name);
    let fixture = repository().join("tests/fixtures").join(fixture);
    let read = EngineSource::read(&fixture).unwrap();
    let read = read.with_contract(&repository().join("abi")).unwrap();
    let text = |file| read.text(file).unwrap().to_owned();
    let (mut manifest, mut library) = (text("Cargo.toml"), text("src/lib.rs"));
    edit(&mut manifest, &mut library);
    let edited = read.with_file("Cargo.toml", &manifest);
    let edited = edited.with_file("src/lib.rs", &library);
    edited.write(&source).unwrap();
    let builder = Builder::new(root.join("refit-build")).with_store(root.join("refit-store"));
    let builder = builder.with_lock(repository().join("Cargo.lock"));
    builder.build(&source, Profile::Dev).unwrap().library
}

/// The counter as it is.
pub(crate) fn counter() -> PathBuf {
    build("counter", |_, _| ())
}

/// The engine that leaves behind whatever a message names.
pub(crate) fn hostile() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| build_of("hostile", "hostile", |_, _| ()));
    built.clone()
}

/// Tells the hostile engine what to do, on this thread.
pub(crate) fn tell_here(module: &Module, word: &str, text: &str) -> u64 {
    let kind = module.kind("hostile").unwrap();
    let instance = kind.decode(&[0, 0]).unwrap();
    let (mut answer, query) = (Vec::new(), serde_json::to_vec(&(word, text)).unwrap());
    let asked = kind.query(&instance, Codec::Json, &query, &mut answer);
    kind.discard(instance).unwrap();
    asked.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

/// Tells the hostile engine what to do, on a thread that is joined, as a crew does.
pub(crate) fn tell(module: &Module, word: &str, text: &str) -> u64 {
    let (module, word, text) = (module.clone(), word.to_owned(), text.to_owned());
    let crew = std::thread::spawn(move || tell_here(&module, &word, &text));
    crew.join().unwrap()
}
