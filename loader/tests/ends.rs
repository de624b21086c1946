//! Tests how the end of a process is reported: what an engine forked ends unseen, and one line comes out unbroken
//! whatever other threads do meanwhile.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]
#![expect(unsafe_code, reason = "a function is given to `atexit`")]

mod common;

use common::{hostile, loader, tell};
use refit_loader::sys::crash;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Set in the process that a test starts of this very program.
const INSIDE: &str = "REFIT_TEST_INSIDE";

/// The start of the line about an engine's end.
const LINE: &str = "an engine ends the process: ";

/// The size of a pipe, in bytes.
const PIPE_BYTES: usize = 64 << 10;

/// Starts this program again, for this test alone. `None` in that process.
fn again(test: &str) -> Option<Child> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    hostile();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(INSIDE, "1").stdin(Stdio::null());
    let started = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Some(started.unwrap())
}

#[test]
fn a_process_that_an_engine_forked_ends_without_a_word_and_without_the_nodes_end() {
    extern "C" fn at_exit() {
        println!("the end of a process");
    }
    if let Some(child) =
        again("a_process_that_an_engine_forked_ends_without_a_word_and_without_the_nodes_end")
    {
        let output = child.wait_with_output().unwrap();
        let [said, errors] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{said}{errors}");
        assert!(!errors.contains(LINE), "{errors}");
        assert_eq!(said.matches("the end of a process").count(), 1, "{said}");
        return;
    }
    crash::install().unwrap();
    // SAFETY: a function of this program, which lives as long as the process.
    assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
    let loader = loader();
    let loaded = loader.load_file(&hostile()).unwrap();
    let exited = tell(loaded.module(), "fork-exit", "") as i32;
    assert_eq!(
        (libc::WIFEXITED(exited), libc::WEXITSTATUS(exited)),
        (true, 7)
    );
    let aborted = tell(loaded.module(), "fork-abort", "") as i32;
    assert_eq!(
        (libc::WIFSIGNALED(aborted), libc::WTERMSIG(aborted)),
        (true, libc::SIGABRT)
    );
    assert!(loaded.retire().is_unmapped());
}

#[test]
fn a_second_thread_that_goes_wrong_does_not_cut_the_line_of_the_first() {
    if let Some(mut child) =
        again("a_second_thread_that_goes_wrong_does_not_cut_the_line_of_the_first")
    {
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        while said.next().unwrap().unwrap() != "both go wrong now" {}
        // The line waits for a standard error that is full.
        std::thread::sleep(Duration::from_millis(120));
        let mut errors = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert!(!child.wait().unwrap().success());
        let (_, line) = errors.split_once(LINE).unwrap();
        assert!(
            line.contains("SIGSEGV") && line.contains("call=query\n"),
            "{line}"
        );
        assert_eq!(errors.matches("ends the process").count(), 1);
        return;
    }
    crash::install().unwrap();
    let loader = loader();
    let loaded = loader.load_file(&hostile()).unwrap();
    std::io::stderr().write_all(&[b'#'; PIPE_BYTES]).unwrap();
    println!("\nboth go wrong now");
    std::thread::scope(|scope| {
        scope.spawn(|| tell(loaded.module(), "fault", ""));
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(40));
            tell(loaded.module(), "abort", "");
        });
    });
}
