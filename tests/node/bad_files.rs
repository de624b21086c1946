//! Module files that must not come in: each is refused with a reason at the earliest phase that can
//! know, already when it is planned; and by the node itself if a plan names it all the same.

use crate::{assert_mapped, assert_serves, reason, store, workshop};
use refit_abi::Generation;
use refit_abi::build::{ABI_EPOCH, COMPILER_COMMIT};
use refit_admin::api::UpgradeState;
use refit_loader::ArtifactId;
use refit_tests::{Harness, Source};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The time limit of the probe for a node that meets a module which never comes back.
const SHORT_PROBE: Duration = Duration::from_secs(2);

/// The bytes of ELF's header that name the machine.
const E_MACHINE: std::ops::Range<usize> = 18..20;

/// ELF's number of a machine that no node runs on (SPARC).
const EM_SPARC: [u8; 2] = [2, 0];

/// The smallest engine, changed.
fn counter(variant: &str, change: impl FnOnce(Source) -> Source) -> PathBuf {
    workshop().library(variant, || change(Source::fixture("probe-engine")))
}

/// Puts bytes in a file of the node's folder.
fn file(node: &Harness, name: &str, bytes: &[u8]) -> PathBuf {
    let path = node.folder().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A C library in the node's folder.
fn c_library(node: &Harness, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
    let (input, output) = (node.folder().join("in.c"), node.folder().join(name));
    fs::write(&input, source).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"])
        .args([&output, &input])
        .args(arguments);
    assert!(cc.status().unwrap().success());
    output
}

/// Has the node apply a plan that was good but for the file, which is now the one at `path`.
fn assert_refused_by_node(node: &Harness, path: &Path, phase: &str, code: &str) {
    let good = node.own_copy(&workshop().kv_v2());
    let mut plan = node.plan(&[("kv", &good)], None).unwrap();
    plan.modules[0].path = path.to_str().unwrap().to_owned();
    if let Ok(bytes) = fs::read(path) {
        plan.modules[0].artifact = ArtifactId::of(&bytes).to_string();
    }
    let report = node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Refused, "{report:?}");
    assert_eq!(
        reason(&report),
        (code, phase.to_owned(), None),
        "{report:?}"
    );
    assert_eq!(node.generation(), Generation(1));
    assert_mapped(node, 1);
    assert_serves(node, "after");
}

/// The file at `path` is refused for `code`: when it is planned, and by the node in `phase`.
fn assert_refused(node: &Harness, path: &Path, phase: &str, code: &str) {
    let refused = node.plan(&[("kv", path)], None).unwrap_err();
    assert_eq!(refused.code, code, "{refused:?}");
    assert!(
        !refused.detail.is_empty() && !refused.next.is_empty(),
        "{refused:?}"
    );
    assert_refused_by_node(node, path, phase, code);
}

#[test]
fn a_file_that_is_no_library_for_this_machine_is_refused_when_staged() {
    let workshop = workshop();
    let node = store(&workshop);
    let text = file(&node, "text.so", b"#!/bin/sh\n");
    assert_refused(&node, &text, "staged", "not-elf");
    let good = fs::read(workshop.kv_v2()).unwrap();
    let cut = file(&node, "cut.so", &good[..good.len() / 2]);
    assert_refused(&node, &cut, "staged", "damaged-elf");
    let mut foreign = good;
    foreign[E_MACHINE].copy_from_slice(&EM_SPARC);
    let foreign = file(&node, "foreign.so", &foreign);
    assert_refused(&node, &foreign, "staged", "wrong-machine");
    assert_refused(
        &node,
        &node.folder().join("missing.so"),
        "staged",
        "module-unreadable",
    );
    assert_refused(&node, node.folder(), "staged", "module-not-a-file");
}

#[test]
fn a_library_that_could_not_be_unmapped_is_refused_when_staged() {
    let node = store(&workshop());
    let source = "__thread int hot __attribute__((tls_model(\"initial-exec\"))) = 1;\n\
                  int next(void) { return hot++; }\n";
    let path = c_library(&node, "static-tls.so", source, &[]);
    assert_refused(&node, &path, "staged", "static-tls");
    let path = c_library(&node, "nodelete.so", "int one = 1;\n", &["-Wl,-z,nodelete"]);
    assert_refused(&node, &path, "staged", "not-unloadable");
    let path = c_library(&node, "plain.so", "int one = 1;\n", &[]);
    assert_refused(&node, &path, "staged", "no-root-symbol");
}

#[test]
fn a_module_of_another_contract_is_refused_when_probed() {
    let node = store(&workshop());
    let path = counter("other-epoch", |source| {
        source.replacing(
            "src/lib.rs",
            "refit_abi::export_engines!(Counter);",
            OTHER_EPOCH,
        )
    });
    let refused = node.plan(&[("kv", &path)], None).unwrap_err();
    let theirs = format!("abi epoch {}", ABI_EPOCH + 1);
    assert!(refused.detail.contains(&theirs), "{refused:?}");
    assert_refused(&node, &path, "probed", &refused.code);
}

#[test]
fn a_module_of_another_compiler_is_refused_when_probed() {
    let workshop = workshop();
    let node = store(&workshop);
    let mut bytes = fs::read(workshop.kv_v2()).unwrap();
    let commit = COMPILER_COMMIT.as_bytes();
    let places: Vec<_> = (0..bytes.len() - commit.len())
        .filter(|at| &bytes[*at..*at + commit.len()] == commit)
        .collect();
    assert!(
        !places.is_empty(),
        "a module holds the commit of its compiler"
    );
    for at in places {
        bytes[at..at + commit.len()].fill(b'0');
    }
    let path = file(&node, "other-compiler.so", &bytes);
    assert_refused(&node, &path, "probed", "wrong-compiler");
}

#[test]
fn a_module_whose_panics_would_end_the_node_is_refused_when_probed() {
    let node = store(&workshop());
    let path = counter("aborting", |source| {
        source.appending("Cargo.toml", "\n[profile.dev]\npanic = \"abort\"\n")
    });
    assert_refused(&node, &path, "probed", "panic-abort");
}

#[test]
fn a_module_that_crashes_when_it_is_mapped_does_so_in_the_probe() {
    let node = store(&workshop());
    let path = counter("crashing", |source| {
        source.with_constructor("std::process::abort()")
    });
    assert_refused(&node, &path, "probed", "probe-crashed");
}

#[test]
fn a_module_that_never_comes_back_is_given_up_in_the_probe() {
    let workshop = workshop();
    let node = Harness::start_with(&workshop, &[("kv", "kv", &workshop.kv_v1())], |config| {
        config.probe = config.probe.clone().deadline(SHORT_PROBE);
    });
    let path = counter("hanging", |source| {
        source.with_constructor("loop { std::thread::park() }")
    });
    assert_refused_by_node(&node, &path, "probed", "probe-hung");
}

/// The export that `export_engines!` writes, but with the epoch of a contract that is yet to come.
const OTHER_EPOCH: &str = r#"
use refit_abi::export::abi_stable::library::{
    CheckTypeLayout, LibHeader, RootModuleResult, __call_root_module_loader,
};
use refit_abi::export::abi_stable::{prefix_type::WithMetadata, std_types::RSlice};
use refit_abi::export::{EngineModule, EngineModuleRef, History};

struct NoHistory;
impl History for NoHistory {
    type Engine = Counter;
    fn steps() -> Vec<refit_abi::Step<Counter>> {
        Vec::new()
    }
    fn older_messages() -> Vec<refit_abi::message::OlderMessage<()>> {
        Vec::new()
    }
    fn ways_back() -> Vec<refit_abi::way_back::WayBack<Counter>> {
        Vec::new()
    }
    fn upgrade_handler() -> Option<refit_abi::export::UpgradeHandler<Counter>> {
        None
    }
    fn cloner() -> Option<refit_abi::export::Cloner<Counter>> {
        None
    }
}

unsafe extern "C" fn describe(_: refit_abi::raw::Sink) -> refit_abi::raw::CallStatus {
    refit_abi::raw::CallStatus::Ok
}

static KINDS: &[refit_abi::raw::TableRef<refit_abi::raw::KindVtable>] =
    &[refit_abi::export::kind::<NoHistory>()];

const ROOT: &WithMetadata<EngineModule> = &WithMetadata::new(EngineModule {
    abi_epoch: refit_abi::build::ABI_EPOCH + 1,
    describe,
    attach: refit_abi::voice::attach,
    kinds: RSlice::from_slice(KINDS),
    snapshot: None,
});

fn module() -> EngineModuleRef {
    EngineModuleRef(ROOT.static_as_prefix())
}

#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static REFIT_ROOT: LibHeader = {
    extern "C" fn root() -> RootModuleResult {
        __call_root_module_loader(module)
    }
    // SAFETY: `root` gives an `EngineModuleRef`, the type that is named.
    unsafe { LibHeader::from_constructor::<EngineModuleRef>(root, CheckTypeLayout::Yes) }
};
"#;
