//! [`Exit`]: how a command ends, by what scripts and CI do next.

use super::find;
use std::process::ExitCode;

/// The exit code of a command. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// The command did what it was asked.
    Done = 0,
    /// The command, its files or its configuration are wrong. (The argument parser uses the same number.)
    Usage = 2,
    /// The node refused the request.
    Refused = 3,
    /// It is so already.
    NothingToDo = 4,
    /// Not now: the same may succeed in a moment.
    Busy = 5,
    /// A library broke a rule of its form, or failed its probe.
    ArtifactRefused = 20,
    /// A library is for another ABI, compiler or target.
    AbiIncompatible = 21,
    /// The plan breaks a rule, or its linter found an error that was not allowed.
    PlanRefused = 22,
    /// A key, a keyset or a release is not taken: who signed it, or what was signed.
    Untrusted = 23,
    /// An upgrade or a start failed in the engine's code; what ran before goes on.
    TransitionFailed = 30,
    /// No node answers, or not in time.
    NoAnswer = 40,
    /// Engine source did not build, or breaks what was published.
    BuildFailed = 50,
    /// An engine changed more than its versions say.
    BumpMissing = 51,
    /// The node was ended while an engine had not returned, or a client was not answered.
    Cut = 60,
    /// `refit doctor` found a warning or a fault.
    Found = 61,
    /// A defect, or a machine that does not play along.
    Internal = 70,
    /// A signal ended the command before what it waited for came.
    Interrupted = 130,
}

impl Exit {
    /// All of them, by their numbers.
    pub const ALL: [Self; 17] = [
        Self::Done,
        Self::Usage,
        Self::Refused,
        Self::NothingToDo,
        Self::Busy,
        Self::ArtifactRefused,
        Self::AbiIncompatible,
        Self::PlanRefused,
        Self::Untrusted,
        Self::TransitionFailed,
        Self::NoAnswer,
        Self::BuildFailed,
        Self::BumpMissing,
        Self::Cut,
        Self::Found,
        Self::Internal,
        Self::Interrupted,
    ];

    /// The exit for a code, if the code is known.
    pub fn of(code: &str) -> Option<Self> {
        find(code).map(|known| known.exit)
    }

    /// The number that the process ends with.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The meaning of the number, in a few words.
    pub fn means(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => "the command, its files or its configuration are wrong",
            Self::Refused => "the node refused the request",
            Self::NothingToDo => "nothing to do: it is already so",
            Self::Busy => "busy: try again in a moment",
            Self::ArtifactRefused => "an engine library was refused (its form, or its probe)",
            Self::AbiIncompatible => "an engine library is for another ABI, compiler or target",
            Self::PlanRefused => "the plan was refused (by a rule of plans, or its linter)",
            Self::Untrusted => "a keyset or a release was not taken (who signed it, or what it is)",
            Self::TransitionFailed => "an upgrade or an engine's restart failed; what ran goes on",
            Self::NoAnswer => "no node answers, or not in time",
            Self::BuildFailed => "engine source did not build, or breaks what was published",
            Self::BumpMissing => "an engine changed more than its versions say",
            Self::Cut => "the node was ended while an engine did not return",
            Self::Found => "`refit doctor` found a warning or a fault",
            Self::Internal => "internal error",
            Self::Interrupted => "interrupted by a signal; the node's work goes on",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}
