//! The exit codes, which scripts may rely on.

use std::process::ExitCode;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The command or its configuration is wrong. (The argument parser uses the same code.)
    Usage = 2,
    /// The node refused the request.
    Refused = 3,
    /// A library broke a rule of its form, or failed its probe.
    ArtifactRefused = 20,
    /// A library is for another ABI, compiler or target.
    AbiIncompatible = 21,
    /// The plan's linter found an error that was not allowed.
    PlanRefused = 22,
    /// A transition failed; the old generation goes on.
    TransitionFailed = 30,
    /// No node answers, or not in time.
    NoAnswer = 40,
    /// Engine source did not build, or breaks what was published.
    BuildFailed = 50,
    /// An engine changed more than its versions say.
    BumpMissing = 51,
    /// The node was ended while an engine had not returned, or a client was not answered.
    Cut = 60,
    /// A defect, or a machine that does not play along.
    Internal = 70,
    /// A signal ended the command before what it waited for came.
    Interrupted = 130,
}

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes:
   0  done
   2  the command or its configuration is wrong
   3  the node refused the request
  20  an engine library was refused (its form, or its probe)
  21  an engine library is for another ABI, compiler or target
  22  the plan's linter found an error; --allow CODE goes on in spite of it
  30  a transition failed; the old generation goes on
  40  no node answers, or not in time
  50  engine source did not build, or breaks what was published
  51  an engine changed more than its versions say
  60  the node was ended while an engine did not return
  70  internal error
 130  interrupted by a signal; what the node was told to do goes on

Flags go over environment variables, these over the configuration file.";

/// The loader's words for a library that was built for something else than this node.
const ABI_CODES: [&str; 7] = [
    "wrong-class",
    "wrong-machine",
    "wrong-system",
    "wrong-abi-epoch",
    "wrong-compiler",
    "wrong-target",
    "layout-refused",
];

impl Exit {
    /// The exit for an upgrade that was refused while its code was staged or probed.
    pub(crate) fn of_artifact(code: &str) -> Self {
        if ABI_CODES.contains(&code) {
            Self::AbiIncompatible
        } else {
            Self::ArtifactRefused
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
