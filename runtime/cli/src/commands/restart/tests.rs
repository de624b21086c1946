//! What goes along into the program that takes this one's place, and what keeps it from beginning.

use super::*;
use crate::args::{BuildsArgs, SandboxChoice};
use crate::commands::sandbox::{self, Needs};

fn code(folder: &Path, bytes: &[u8]) -> EngineCode {
    let path = folder.join("kv.so");
    std::fs::write(&path, bytes).unwrap();
    EngineCode {
        engine: "kv".to_owned(),
        artifact: ArtifactId::of(bytes),
        bytes: File::open(path),
    }
}

fn stuck(is_recorded: bool) -> StuckPause {
    StuckPause {
        height: refit_abi::Height(7),
        artifacts: Vec::new(),
        engines: Vec::new(),
        lasted: std::time::Duration::ZERO,
        entry: QuarantineEntry {
            artifacts: vec!["bad".to_owned()],
            packages: vec!["kv 3.0.1".to_owned()],
            at_ms: 1,
            height: 7,
            state: refit_admin::api::QuarantineState::Quarantined,
            code: "pause-stuck".to_owned(),
            reason: "a transition did not return".to_owned(),
        },
        is_recorded,
    }
}

#[test]
fn what_a_node_runs_with_is_handed_over_whatever_becomes_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let restart = Restart::default();
    restart.keep(vec![code(folder.path(), b"first")]);
    std::fs::remove_file(folder.path().join("kv.so")).unwrap();
    std::fs::write(folder.path().join("kv.so"), "second").unwrap();

    let handed = restart.handed(Some(&stuck(true))).unwrap();
    let library = &handed.libraries["kv"];
    assert_eq!(std::fs::read(&library.path).unwrap(), b"first");
    assert_eq!(library.artifact, ArtifactId::of(b"first").to_string());
    assert!(handed.quarantine.is_empty());

    let (file, said) = handed.lay(7).unwrap();
    // The next program finds it open, and owned by nobody.
    let _ = std::os::fd::IntoRawFd::into_raw_fd(file);
    assert_eq!(number_for(&said, 8), None);
    let before = Before(Some(Handed::take(number_for(&said, 7).unwrap()).unwrap()));
    assert!(before.check(&[code(folder.path(), b"first")]).is_ok());
    let other = before.check(&[code(folder.path(), b"other")]);
    assert!(matches!(other, Err(NotKept::Changed { .. })), "{other:?}");
}

#[test]
fn a_library_that_several_engines_have_is_handed_over_once() {
    let folder = tempfile::tempdir().unwrap();
    let restart = Restart::default();
    let second = EngineCode {
        engine: "second".to_owned(),
        ..code(folder.path(), b"first")
    };
    restart.keep(vec![code(folder.path(), b"first"), second]);
    let handed = restart.handed(Some(&stuck(true))).unwrap();
    let paths = handed.libraries.values().map(|library| &library.path);
    let paths: std::collections::BTreeSet<_> = paths.collect();
    assert_eq!((handed.libraries.len(), paths.len()), (2, 1));
}

#[test]
fn bytes_that_are_not_those_that_were_loaded_are_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let restart = Restart::default();
    restart.keep(vec![code(folder.path(), b"first")]);
    // The same file: what was opened has other bytes now.
    std::fs::write(folder.path().join("kv.so"), "second").unwrap();
    let handed = restart.handed(Some(&stuck(true)));
    assert!(matches!(handed, Err(NotKept::Changed { .. })), "{handed:?}");

    let restart = Restart::default();
    restart.keep(vec![EngineCode {
        bytes: Err(io::ErrorKind::StorageFull.into()),
        ..code(folder.path(), b"first")
    }]);
    let handed = restart.handed(Some(&stuck(true)));
    assert!(
        matches!(handed, Err(NotKept::Unreadable { .. })),
        "{handed:?}"
    );
}

#[test]
fn what_the_list_on_the_disk_does_not_say_is_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let restart = Restart::default();
    restart.keep(vec![code(folder.path(), b"first")]);
    let before = Before(Some(restart.handed(Some(&stuck(false))).unwrap()));
    let list = Quarantine::in_memory();
    before.remember(&list);
    assert!(list.forbids(["bad"].into_iter()).is_some());
}

#[test]
fn a_program_whose_helper_has_ended_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let restart = Restart::default();
    restart.keep(vec![code(folder.path(), b"first")]);
    let helper = Helper::begin(std::process::Command::new("true")).unwrap();
    helper.ended();
    restart.is_helped(Arc::new(helper));
    let handed = restart.handed(None);
    assert!(matches!(handed, Err(NotKept::HelperEnded)), "{handed:?}");
}

#[test]
fn what_is_required_is_not_left_out_because_the_program_before_had_none() {
    let before = Before(Some(Handed {
        libraries: BTreeMap::new(),
        quarantine: Vec::new(),
        outside: Outside::default(),
        helper: None,
    }));
    let needs = Needs {
        data_dir: Path::new("."),
        listens: &[],
        engines: &[],
        builds: &BuildsArgs {
            root: None,
            at_least: refit_sandbox::Level::L2,
        },
    };
    let entered = sandbox::enter(SandboxChoice::Require, &before, needs);
    assert!(entered.is_err());
    let entered = sandbox::enter(SandboxChoice::On, &before, needs);
    assert!(entered.is_ok_and(|it| it.says.starts_with("off")));
}
