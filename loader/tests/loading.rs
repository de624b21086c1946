//! Real modules, loaded, called, retired; and those that must not be.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod common;

use common::{build, counter, loader};
use refit_abi::host::Explain;
use refit_abi::host::Module;
use refit_abi::raw::Codec;
use refit_loader::sys::{keys, maps};
use refit_loader::{Candidate, Loader, OpenError, PinReason, ProbeCommand, Retired};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// These tests share the process: they run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The fixture with Rust code that runs when it is mapped.
fn with_constructor(name: &str, body: &str) -> PathBuf {
    build(name, |_, library| {
        library.push_str(&format!(
            "extern \"C\" fn at_load() {{ {body} }}\n\
             #[used]\n#[unsafe(link_section = \".init_array\")]\n\
             static AT_LOAD: extern \"C\" fn() = at_load;\n"
        ));
    })
}

/// The answer of a counter at 41, asked on a thread that is joined, as a crew does.
fn ask(module: &Module) -> String {
    let module = module.clone();
    let asked = std::thread::spawn(move || {
        let kind = module.kind("counter").unwrap();
        let instance = kind.decode(&[41]).unwrap();
        let mut answer = Vec::new();
        kind.query(&instance, Codec::Json, b"null", &mut answer)
            .unwrap();
        kind.discard(instance).unwrap();
        String::from_utf8(answer).unwrap()
    });
    asked.join().unwrap()
}

fn mapped(name: &str) -> usize {
    maps::read()
        .unwrap()
        .iter()
        .filter(|mapping| mapping.path.contains(name))
        .count()
}

#[test]
fn a_module_is_loaded_described_called_and_gone() {
    let _alone = alone();
    let loader = loader();
    let loaded = loader.load_file(&counter()).unwrap();
    let descriptor = loaded.module().descriptor();
    assert_eq!(
        (
            descriptor.package.as_str(),
            descriptor.kinds[0].kind.as_str()
        ),
        ("probe-engine", "counter")
    );
    assert_eq!(loaded.verdict().descriptor(), descriptor);
    assert_eq!(descriptor.build_id.len(), 32, "the builder stamped it");
    assert_eq!(ask(loaded.module()), "42");
    let name = loaded.name().to_owned();
    assert!(mapped(&name) > 0);
    assert_eq!((loader.mapped(), loader.pinned().len()), (1, 0));
    assert!(loaded.retire().is_unmapped());
    assert_eq!((mapped(&name), loader.mapped()), (0, 0));
}

/// Bytes of the file of this name that are mapped to be executed, and how many of them the process has in its tables.
fn code(name: &str) -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut is_code, mut size, mut there) = (false, 0, 0);
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let (first, second) = (fields.next().unwrap(), fields.next().unwrap_or_default());
        let kib = || second.parse::<u64>().unwrap() << 10;
        match first {
            "Size:" if is_code => size += kib(),
            "Rss:" if is_code => there += kib(),
            // The first line of a mapping begins with its addresses.
            range if !range.ends_with(':') => {
                is_code = second.contains('x') && line.contains(name);
            }
            _ => {}
        }
    }
    (size, there)
}

#[test]
fn the_code_of_a_module_is_at_hand_before_anything_calls_it() {
    let _alone = alone();
    let loader = loader();
    let loaded = loader.load_file(&counter()).unwrap();
    let (size, there) = code(loaded.name());
    assert!(
        size > 64 << 10,
        "more than the system maps around one fault: {size}"
    );
    // Linux does so from 5.14 on.
    assert_eq!(there, size);
    assert!(loaded.retire().is_unmapped());
}

#[test]
fn an_engine_that_only_counts_reaches_nothing_outside_and_threads_and_handlers_are_named() {
    let _alone = alone();
    let outside = |path: &Path| {
        let inspected = Candidate::read(path).unwrap().inspect().unwrap();
        let outside = &inspected.inspection().outside;
        outside
            .iter()
            .map(|import| import.symbol.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(outside(&counter()), [""; 0]);
    let named = outside(&common::hostile());
    for symbol in ["clock_nanosleep", "pthread_create", "signal", "thrd_create"] {
        assert!(named.iter().any(|named| named == symbol), "{named:?}");
    }
}

#[test]
fn two_versions_live_side_by_side_and_each_runs_its_own_code() {
    let _alone = alone();
    let loader = loader();
    let second = build("counter-2", |_, library| {
        *library = library.replace("STEP: u64 = 1", "STEP: u64 = 2");
    });
    let (old, new) = (
        loader.load_file(&counter()).unwrap(),
        loader.load_file(&second).unwrap(),
    );
    assert_eq!(
        (ask(old.module()), ask(new.module())),
        ("42".to_owned(), "43".to_owned())
    );
    assert!(old.retire().is_unmapped());
    assert_eq!(ask(new.module()), "43");
    assert!(new.retire().is_unmapped());
}

#[test]
fn the_same_bytes_can_be_loaded_twice_at_once() {
    let _alone = alone();
    let loader = loader();
    let (one, two) = (
        loader.load_file(&counter()).unwrap(),
        loader.load_file(&counter()).unwrap(),
    );
    assert_eq!(one.artifact(), two.artifact());
    assert_ne!(one.name(), two.name());
    assert_ne!(one.module().code_address(), two.module().code_address());
    assert!(one.retire().is_unmapped());
    assert_eq!(ask(two.module()), "42");
    assert!(two.retire().is_unmapped());
}

#[test]
fn a_private_copy_serves_where_memory_files_are_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let loader = loader();
    let inspected = Candidate::read(&counter()).unwrap().inspect().unwrap();
    let staged = refit_loader::StagedArtifact::stage_copy(inspected, folder.path()).unwrap();
    let loaded = loader.load(loader.probe(staged).unwrap()).unwrap();
    assert_eq!(ask(loaded.module()), "42");
    assert!(mapped(folder.path().to_str().unwrap()) > 0);
    assert!(loaded.retire().is_unmapped());
    assert_eq!(mapped(folder.path().to_str().unwrap()), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_handle_that_is_held_pins_until_it_is_dropped() {
    let _alone = alone();
    let loader = loader();
    let loaded = loader.load_file(&counter()).unwrap();
    let handle = loaded.module().clone();
    assert_eq!(
        loaded.retire(),
        Retired::Pinned {
            reason: PinReason::InUse
        }
    );
    assert_eq!(ask(&handle), "42", "its code is still there");
    assert_eq!(
        (loader.mapped(), loader.pinned()[0].reason.code()),
        (1, "pinned-in-use")
    );
    assert_eq!(loader.sweep(), 0);
    drop(handle);
    assert_eq!(loader.sweep(), 1);
    assert_eq!((loader.mapped(), loader.pinned().len()), (0, 0));
}

#[test]
fn a_module_that_is_dropped_is_retired_too() {
    let _alone = alone();
    let loader = loader();
    drop(loader.load_file(&counter()).unwrap());
    assert_eq!((loader.mapped(), loader.pinned().len()), (0, 0));
}

#[test]
fn a_thread_that_the_module_started_pins_it_and_its_end_frees_it() {
    let _alone = alone();
    let loader = loader();
    let stop = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stop");
    let _ = std::fs::remove_file(&stop);
    let path = with_constructor(
        "threaded",
        &format!(
            "std::thread::spawn(|| while !std::path::Path::new({stop:?}).exists() {{ \
             std::thread::sleep(std::time::Duration::from_millis(5)) }});"
        ),
    );
    let loaded = loader.load_file(&path).unwrap();
    let name = loaded.name().to_owned();
    let Retired::Pinned {
        reason: PinReason::Threads(threads),
    } = loaded.retire()
    else {
        panic!("a thread of it lives");
    };
    assert_eq!((threads.tids.len(), threads.starting), (1, 0));
    assert!(mapped(&name) > 0);
    assert!(
        loader.pinned()[0]
            .reason
            .to_string()
            .starts_with("1 of its own threads")
    );

    std::fs::write(&stop, "").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while loader.sweep() == 0 {
        assert!(Instant::now() < deadline, "{:?}", loader.pinned());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((mapped(&name), loader.mapped()), (0, 0));
}

#[test]
fn a_thread_local_value_of_a_living_thread_pins_and_goes_with_a_later_close() {
    let _alone = alone();
    let loader = loader();
    let path = build("thread-local", |_, library| {
        *library = library.replace(
            "let _ = std::thread::current();",
            "thread_local!(static HELD: Vec<u8> = vec![1]);\nHELD.with(|held| assert_eq!(held.len(), 1));",
        );
    });
    let loaded = loader.load_file(&path).unwrap();
    let name = loaded.name().to_owned();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let module = loaded.module().clone();
    let (entered, has_entered) = std::sync::mpsc::channel();
    let careless = std::thread::spawn(move || {
        let kind = module.kind("counter").unwrap();
        let instance = kind.decode(&[41]).unwrap();
        kind.query(&instance, Codec::Json, b"null", &mut Vec::new())
            .unwrap();
        kind.discard(instance).unwrap();
        drop((kind, module));
        entered.send(()).unwrap();
        let _ = ended.recv();
    });
    has_entered.recv().unwrap();
    let Retired::Pinned {
        reason: PinReason::StillMapped { mappings },
    } = loaded.retire()
    else {
        panic!("the careless thread holds a value of it");
    };
    assert!(mappings > 0 && mapped(&name) == mappings);
    drop(end);
    careless.join().unwrap();
    assert!(loader.load_file(&counter()).unwrap().retire().is_unmapped());
    assert_eq!(
        (mapped(&name), loader.mapped()),
        (0, 0),
        "it went with the next close"
    );
}

#[test]
fn thread_local_keys_are_taken_back() {
    let _alone = alone();
    let loader = loader();
    let loaded = loader.load_file(&counter()).unwrap();
    let base = refit_loader::sys::address::base_of(loaded.module().code_address()).unwrap();
    ask(loaded.module());
    assert_eq!(keys::of(base).len(), 1, "its standard library took one");
    assert_eq!(loaded.retire(), Retired::Unmapped { keys: 1 });
    assert_eq!(keys::of(base).len(), 0);
}

fn refused(loader: &Loader, path: &Path) -> (String, String) {
    let error = loader.load_file(path).unwrap_err();
    assert!(matches!(error, OpenError::Probe(_)), "{error:?}");
    assert_eq!((loader.mapped(), loader.pinned().len()), (0, 0));
    assert!(!error.next().is_empty());
    (error.code().to_owned(), error.to_string())
}

#[test]
fn what_crashes_hangs_or_ends_at_load_does_so_in_the_probe() {
    let _alone = alone();
    let loader = loader();
    let crashing = with_constructor(
        "crashing",
        "eprintln!(\"going down\"); std::process::abort()",
    );
    let (code, text) = refused(&loader, &crashing);
    assert_eq!(code, "probe-crashed");
    assert!(
        text.contains("signal 6") && text.contains("going down"),
        "{text}"
    );

    let ending = with_constructor("ending", "std::process::exit(0)");
    assert_eq!(refused(&loader, &ending).0, "probe-ended");

    let hanging = with_constructor("hanging", "loop { std::thread::park() }");
    let probe = ProbeCommand::new(env!("CARGO_BIN_EXE_refit-probe"));
    let short = Loader::new(probe.deadline(Duration::from_millis(500))).unwrap();
    assert_eq!(refused(&short, &hanging).0, "probe-hung");
}

#[test]
fn a_module_that_writes_to_standard_output_does_not_disturb_the_report() {
    let _alone = alone();
    let noisy = with_constructor("noisy", "println!(\"{{}}\")");
    loader().probe_file(&noisy).unwrap();
}

#[test]
fn a_module_whose_panics_would_end_the_node_is_refused() {
    let _alone = alone();
    let aborting = build("aborting", |manifest, _| {
        manifest.push_str("\n[profile.dev]\npanic = \"abort\"\n");
    });
    let (code, text) = refused(&loader(), &aborting);
    assert_eq!(code, "panic-abort", "{text}");
}

/// A C library with the root symbol, so that it passes inspection.
fn c_library(folder: &Path, source: &str) -> PathBuf {
    let (input, output) = (folder.join("a.c"), folder.join("a.so"));
    std::fs::write(&input, source).unwrap();
    let mut cc = Command::new("cc");
    let status = cc
        .args(["-w", "-shared", "-fPIC", "-o"])
        .args([&output, &input])
        .status();
    assert!(status.unwrap().success());
    output
}

#[test]
fn a_library_that_only_pretends_is_refused_by_the_probe() {
    let _alone = alone();
    let root = "char root[4096] __asm__(\"_1as_0lib_1header_0root_bmodule_bloader\") = \"no\";\n\
                void malloc(void), calloc(void), realloc(void), free(void), posix_memalign(void);\n\
                void (*uses[])(void) = { malloc, calloc, realloc, free, posix_memalign };\n";
    let folder = tempfile::tempdir().unwrap();
    let pretender = c_library(folder.path(), root);
    assert_eq!(refused(&loader(), &pretender).0, "layout-refused");
    let incomplete = format!("{root}void missing(void); void f(void) {{ missing(); }}\n");
    let (code, text) = refused(&loader(), &c_library(folder.path(), &incomplete));
    assert_eq!(code, "missing-symbol");
    assert!(text.contains("`missing`"), "{text}");
}

#[test]
fn a_program_that_repeats_what_a_probe_said_is_not_believed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (script, report) = (folder.path().join("probe.sh"), folder.path().join("report"));
    // The first time it asks a real probe and keeps the report, then it repeats that.
    let text = format!(
        "test -e {report} || {probe} \"$1\" | cat > {report}\ncat {report}\n",
        report = report.display(),
        probe = env!("CARGO_BIN_EXE_refit-probe"),
    );
    std::fs::write(&script, text).unwrap();
    let ask = || {
        let command = ProbeCommand::new("/bin/sh").argument(&script);
        let loader = Loader::new(command.deadline(Duration::from_secs(30))).unwrap();
        loader.probe_file(&counter())
    };
    ask().unwrap();
    assert_eq!(ask().unwrap_err().code(), "wrong-probe");
}

#[test]
fn a_file_that_is_no_module_never_reaches_the_probe() {
    let _alone = alone();
    let loader = Loader::new(ProbeCommand::new("/no/such/probe")).unwrap();
    assert_eq!(
        loader.load_file(Path::new("/bin/true")).unwrap_err().code(),
        "not-a-shared-library"
    );
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    assert_eq!(loader.load_file(&manifest).unwrap_err().code(), "not-elf");
    let error = loader.load_file(&counter()).unwrap_err();
    assert_eq!(error.code(), "probe-not-started");
}
