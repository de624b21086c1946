//! The helper of a confined process: it starts what is on its list and nothing else, and no child outlives who holds it.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

use refit_loader::helper::{
    CHILDREN_MAX, Given, Helper, Kind, Kinds, Started, is_unhelped, path_of_file, serve,
};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// Says to this program that it is the helper, and for which folder.
const FOLDER: &str = "REFIT_TEST_HELPER";

/// Longest wait for what comes soon.
const SOON: Duration = Duration::from_secs(20);

/// What a child does if it is a rehearsal: what its input says to the shell.
const SHELL: [&str; 2] = ["-c", "eval \"$(cat)\""];

#[test]
fn this_is_the_helper_where_it_is_called_as_one() {
    let Some(data) = std::env::var_os(FOLDER) else {
        return;
    };
    let words = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<_>>();
    let kinds = Kinds {
        program: "/bin/sh".into(),
        name: "sh".into(),
        probe: words(&["-c", "cat $0; echo $REFIT_PROBE_QUESTION $OTHER"]),
        rehearsal: words(&SHELL),
        trial: words(&["-c", "echo $0 $TMPDIR"]),
        build: words(&["-c", "echo $0 $OTHER $HOME; eval \"$(cat)\""]),
        build_variables: vec![("HOME".into(), "a-home".into())],
        data: data.clone().into(),
        temporary: Path::new(&data).join("tmp"),
    };
    let socket = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    serve(socket, &kinds).unwrap();
}

fn helper(data: &Path) -> Helper {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "this_is_the_helper_where_it_is_called_as_one"])
        .env(FOLDER, data)
        .env("OTHER", "of the node")
        .stdout(std::process::Stdio::null());
    Helper::begin(command).unwrap()
}

#[test]
fn whoever_has_a_helper_sees_whether_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper(folder.path());
    assert!(helper.is_there());
    // The parent of what it starts is the helper itself.
    let _child = shell(&helper, "kill -9 $PPID");
    let deadline = Instant::now() + SOON;
    while helper.is_there() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn whoever_waits_for_a_child_is_told_that_its_helper_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper(folder.path());
    let mut child = shell(&helper, "kill -9 $PPID; sleep 60");
    let deadline = Instant::now() + SOON;
    let error = loop {
        match child.process.try_wait() {
            Err(error) => break error,
            Ok(ended) => assert!(ended.is_none(), "{ended:?}"),
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(is_unhelped(&error), "{error}");
    let refused = helper.start(&Kind::Rehearsal, &READS).unwrap_err();
    assert!(is_unhelped(&refused), "{refused}");
}

const READS: Given<'static> = Given {
    reads: true,
    files: &[],
};

/// A rehearsal whose input is a script.
fn shell(helper: &Helper, script: &str) -> Started {
    let mut started = helper.start(&Kind::Rehearsal, &READS).unwrap();
    let mut input = File::from(started.stdin.take().unwrap());
    input.write_all(script.as_bytes()).unwrap();
    started
}

fn read(output: OwnedFd) -> String {
    let mut text = String::new();
    File::from(output).read_to_string(&mut text).unwrap();
    text
}

fn ended(started: &mut Started) -> ExitStatus {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(status) = started.process.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_child_has_its_streams_and_its_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper(folder.path());
    let mut started = shell(&helper, "echo out; echo err >&2; exit 3");
    assert_eq!(ended(&mut started).code(), Some(3));
    assert_eq!(read(started.stdout), "out\n");
    assert_eq!(read(started.stderr), "err\n");
}

#[test]
fn a_child_has_the_files_that_go_along_and_no_variable_of_the_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let (helper, path) = (helper(folder.path()), folder.path().join("module"));
    std::fs::write(&path, "its bytes ").unwrap();
    let file = File::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    let question = "42".to_owned();
    let given = Given {
        reads: false,
        files: &[file.as_fd()],
    };
    let started = helper.start(&Kind::Probe { question }, &given).unwrap();
    assert_eq!(read(started.stdout), "its bytes 42\n");
    assert_eq!(path_of_file(0), Path::new("/proc/self/fd/512"));
}

#[test]
fn a_trial_has_a_folder_inside_the_data_folder_and_no_other() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (helper, data) = (helper(folder.path()), folder.path());
    std::fs::create_dir(data.join("trial")).unwrap();
    symlink(other.path(), data.join("away")).unwrap();
    let start = |folder| helper.start(&Kind::Trial { folder }, &Given::default());
    let started = start(data.join("trial")).unwrap();
    let real = data.canonicalize().unwrap();
    let said = format!(
        "{} {}\n",
        real.join("trial").display(),
        data.join("tmp").display()
    );
    assert_eq!(read(started.stdout), said);
    for folder in [
        other.path().to_owned(),
        data.join("away"),
        data.join("trial/../.."),
        data.to_owned(),
    ] {
        let refused = start(folder).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    }
    let refused = start(data.join("none")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}

#[test]
fn a_build_has_a_folder_inside_the_data_folder_its_file_and_the_variables_of_a_compiler() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (helper, data) = (helper(folder.path()), folder.path());
    std::fs::create_dir(data.join("release")).unwrap();
    symlink(other.path(), data.join("away")).unwrap();
    let library = tempfile::NamedTempFile::new().unwrap();
    let given = Given {
        reads: true,
        files: &[library.as_file().as_fd()],
    };
    let start = |folder| helper.start(&Kind::Build { folder }, &given);
    let mut started = start(data.join("release")).unwrap();
    let script = format!("echo built > {}", path_of_file(0).display());
    let mut input = File::from(started.stdin.take().unwrap());
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let real = data.canonicalize().unwrap().join("release");
    assert_eq!(
        read(started.stdout.try_clone().unwrap()),
        format!("{} a-home\n", real.display())
    );
    assert!(ended(&mut started).success());
    assert_eq!(std::fs::read(library.path()).unwrap(), b"built\n");
    let refused = start(data.join("away")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
}

/// A child that is there for long, and its output.
fn lasting(helper: &Helper) -> (Started, File) {
    let started = shell(helper, "echo begun; exec sleep 600");
    let mut stdout = File::from(started.stdout.try_clone().unwrap());
    stdout.read_exact(&mut [0; 6]).unwrap();
    (started, stdout)
}

#[test]
fn a_child_ends_with_its_handle_and_with_the_node_that_has_the_helper() {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper(folder.path());
    let (first, mut first_stdout) = lasting(&helper);
    let (mut second, mut second_stdout) = lasting(&helper);
    drop(first);
    assert_eq!(first_stdout.read(&mut [0]).unwrap(), 0, "it is gone");
    assert!(second.process.try_wait().unwrap().is_none());
    drop(helper);
    assert_eq!(second_stdout.read(&mut [0]).unwrap(), 0, "it is gone");
}

#[test]
fn no_more_children_are_started_than_the_bound_says() {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper(folder.path());
    let started: Vec<_> = (0..CHILDREN_MAX)
        .map(|_| helper.start(&Kind::Rehearsal, &READS).unwrap())
        .collect();
    let refused = helper.start(&Kind::Rehearsal, &READS).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    drop(started);
    let mut again = shell(&helper, "exit 0");
    assert_eq!(ended(&mut again).code(), Some(0));
}

#[test]
fn a_child_of_the_nodes_own_goes_first_when_memory_is_short_and_no_other_process_does() {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper(folder.path());
    let mut own = Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let score = |process: u32| {
        let path = format!("/proc/{process}/oom_score_adj");
        std::fs::read_to_string(path).unwrap()
    };
    let before = score(std::process::id());
    helper.goes_first(std::process::id()).unwrap();
    helper.goes_first(own.id()).unwrap();
    let deadline = Instant::now() + SOON;
    while score(own.id()) != "1000\n" {
        assert!(Instant::now() < deadline, "it does not go first");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(score(std::process::id()), before);
    own.kill().unwrap();
    own.wait().unwrap();
}
