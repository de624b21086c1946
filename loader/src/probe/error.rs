//! [`ProbeError`]: why a node must not load a module.

use crate::helper::{UNHELPED_NEXT, is_unhelped};
use refit_abi::build::{ABI_EPOCH, TARGET};
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

/// Why a module was not found fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The probe did not start.
    #[error("cannot start the probe {}: {source}", program.display())]
    NotStarted {
        /// The path of the probe's program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The probe could not be listened to.
    #[error("cannot read the probe's output: {source}")]
    Unheard {
        /// The system's error.
        source: io::Error,
    },
    /// The module crashed the probe.
    #[error("the module crashed the probe with signal {signal}{}", said(output))]
    Crashed {
        /// The number of the signal.
        signal: i32,
        /// The end of what it wrote to standard error.
        output: String,
    },
    /// The module ended the probe before it could report.
    #[error(
        "the probe ended with exit code {exit_code} and no report{}",
        said(output)
    )]
    Ended {
        /// The exit code.
        exit_code: i32,
        /// The end of what it wrote to standard error.
        output: String,
    },
    /// The probe did not end in time and was killed.
    #[error(
        "the module kept the probe busy for {seconds} s; it was killed{}",
        said(output)
    )]
    Hung {
        /// The time that it was given, in seconds.
        seconds: f32,
        /// The end of what it wrote to standard error.
        output: String,
    },
    /// The probe printed something else than a report.
    #[error("the probe's report is not understood: {reason}")]
    NotUnderstood {
        /// The decoder's message.
        reason: String,
    },
    /// The probe is of another build of Refit.
    #[error(
        "the probe program is not this node's: it has another interface, or did not answer as a probe does"
    )]
    WrongProbe,
    /// The probe could not bound itself.
    #[error("the probe could not prepare itself: {reason}")]
    Unable {
        /// The system's error.
        reason: String,
    },
    /// The dynamic linker refused the file.
    #[error("the module cannot be mapped: {reason}")]
    NotMappable {
        /// The dynamic linker's message.
        reason: String,
    },
    /// It asks for a symbol that nothing gives.
    #[error("the module asks for `{symbol}`, which neither it nor a library of the node has")]
    MissingSymbol {
        /// The first such symbol.
        symbol: String,
    },
    /// The types of the contract differ.
    #[error("the module's types differ from this node's: {reason}")]
    LayoutRefused {
        /// The first differences.
        reason: String,
    },
    /// It could not describe itself.
    #[error("the module could not describe itself: {reason}")]
    Undescribed {
        /// The module's message.
        reason: String,
    },
    /// Built against another contract.
    #[error("the module has abi epoch {found}, this node has {ABI_EPOCH}")]
    WrongEpoch {
        /// The module's epoch.
        found: u32,
    },
    /// Built for another target.
    #[error("the module is for target {found}, this node is {TARGET}")]
    WrongTarget {
        /// The module's target.
        found: String,
    },
    /// Built by another compiler.
    #[error("the module was compiled by rustc {found}, this node by {expected}")]
    WrongCompiler {
        /// The module's toolchain.
        found: String,
        /// The node's toolchain.
        expected: &'static str,
    },
    /// Its panics would end the node.
    #[error("the module was built with panic = \"{found}\": its panics would end the node")]
    PanicAborts {
        /// The strategy that it was built with, such as `abort`.
        found: String,
    },
    /// It exports nothing.
    #[error("the module exports no engine kinds")]
    NoKinds,
}

/// The module's output, for the end of a message.
fn said(output: &str) -> String {
    let output = output.trim();
    if output.is_empty() {
        String::new()
    } else {
        format!("; it wrote: {output}")
    }
}

/// The message of glibc about a file on a device from which nothing may be executed.
const NOT_EXECUTABLE: &str = "failed to map segment from shared object";

/// The next step if a process did not start: its helper has ended, its program may be at fault, or the machine has no room.
pub fn start_hint(source: &io::Error) -> &'static str {
    if is_unhelped(source) {
        return UNHELPED_NEXT;
    }
    match source.raw_os_error() {
        Some(libc::EAGAIN) => {
            "raise the limit of processes (ulimit -u), or end some, and try again"
        }
        Some(libc::EMFILE | libc::ENFILE) => {
            "raise the limit of open files (ulimit -n), and try again"
        }
        Some(libc::ENOMEM) => "free memory on the machine, and try again",
        _ => "install the node's program whole, and do not replace it while it runs",
    }
}

impl ProbeError {
    /// Whether the same module may pass when tried again: the fault was the machine's.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::NotStarted { .. } | Self::Unheard { .. } | Self::Unable { .. }
        )
    }
}

impl Explain for ProbeError {
    fn code(&self) -> &str {
        match self {
            Self::NotStarted { source, .. } | Self::Unheard { source } if is_unhelped(source) => {
                codes::NO_HELPER
            }
            Self::NotStarted { .. } => codes::PROBE_NOT_STARTED,
            Self::Unheard { .. } => codes::PROBE_UNHEARD,
            Self::Crashed { .. } => codes::PROBE_CRASHED,
            Self::Ended { .. } => codes::PROBE_ENDED,
            Self::Hung { .. } => codes::PROBE_HUNG,
            Self::NotUnderstood { .. } => codes::PROBE_NOT_UNDERSTOOD,
            Self::WrongProbe => codes::WRONG_PROBE,
            Self::Unable { .. } => codes::PROBE_UNABLE,
            Self::NotMappable { .. } => codes::NOT_MAPPABLE,
            Self::MissingSymbol { .. } => codes::MISSING_SYMBOL,
            Self::LayoutRefused { .. } => codes::LAYOUT_REFUSED,
            Self::Undescribed { .. } => codes::UNDESCRIBED,
            Self::WrongEpoch { .. } => codes::WRONG_ABI_EPOCH,
            Self::WrongTarget { .. } => codes::WRONG_TARGET,
            Self::WrongCompiler { .. } => codes::WRONG_COMPILER,
            Self::PanicAborts { .. } => codes::PANIC_ABORT,
            Self::NoKinds => codes::NO_KINDS,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unheard { source } if is_unhelped(source) => UNHELPED_NEXT,
            Self::NotStarted { source, .. } => start_hint(source),
            Self::WrongProbe => {
                "install the node's program whole, and do not replace it while it runs"
            }
            Self::Unheard { .. } | Self::Unable { .. } => {
                "check the process and memory limits of the node, then try again"
            }
            Self::Crashed { .. } | Self::Ended { .. } | Self::Hung { .. } => {
                "remove what the engine or its dependencies do at load: constructors, static initialisers, threads"
            }
            Self::NotUnderstood { .. } => {
                "let nothing in the engine write to standard output at load, then try again"
            }
            Self::NotMappable { reason } if reason.contains(NOT_EXECUTABLE) => {
                "name a folder for copies that is not mounted with `noexec`, with TMPDIR, and start again"
            }
            Self::NotMappable { .. } | Self::MissingSymbol { .. } => {
                "link what is missing statically; `refit engine inspect` lists what the module needs"
            }
            Self::LayoutRefused { .. } | Self::WrongEpoch { .. } => {
                "build the engine against this node's refit-abi with `refit engine build`"
            }
            Self::Undescribed { .. } => {
                "correct the engine's source where the message says, and build it with `refit engine build`"
            }
            Self::WrongTarget { .. } | Self::WrongCompiler { .. } => {
                "build the engine on this node with `refit engine build`, with the node's own toolchain"
            }
            Self::PanicAborts { .. } => "remove panic = \"abort\" from the engine's profile",
            Self::NoKinds => "name the engines in export_engines!(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_of(code: i32) -> String {
        let source = io::Error::from_raw_os_error(code);
        let program = PathBuf::from("/usr/bin/refit");
        ProbeError::NotStarted { program, source }
            .next()
            .into_owned()
    }

    #[test]
    fn a_machine_without_room_is_not_a_program_that_is_not_whole() {
        assert!(next_of(libc::EAGAIN).contains("ulimit -u"));
        assert!(next_of(libc::EMFILE).contains("ulimit -n"));
        assert!(next_of(libc::ENOMEM).contains("memory"));
        assert!(next_of(libc::ENOENT).contains("install the node's program"));
    }

    #[test]
    fn a_probe_of_which_nobody_knows_the_end_asks_for_no_other_limits() {
        let source = || io::Error::from(io::ErrorKind::BrokenPipe);
        let program = PathBuf::from("/usr/bin/refit");
        for error in [
            ProbeError::Unheard { source: source() },
            ProbeError::NotStarted {
                program,
                source: source(),
            },
        ] {
            assert_eq!((error.code(), &*error.next()), ("no-helper", UNHELPED_NEXT));
        }
    }

    #[test]
    fn a_folder_from_which_nothing_is_executed_is_not_a_library_that_is_missing() {
        let next = |reason: &str| {
            let reason = reason.to_owned();
            ProbeError::NotMappable { reason }.next().into_owned()
        };
        let said = "x.so: failed to map segment from shared object: Operation not permitted";
        assert!(next(said).contains("noexec"));
        assert!(next("libz.so.1: cannot open shared object file").contains("statically"));
    }
}
