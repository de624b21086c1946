//! [`Toolchain`]: which cargo and rustc build, started in a clean environment.

use crate::error::BuildError;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Variables of an outer cargo, or of a user's habits, that would lead a build astray.
const UNWANTED: [&str; 14] = [
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
    "MAKEFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "TARGET",
];

/// cargo, and what `rustc -vV` said in the source's folder.
#[derive(Debug)]
pub(crate) struct Toolchain {
    cargo: OsString,
    /// The compiler's description of itself.
    pub(crate) compiler: String,
}

impl Toolchain {
    /// Finds the toolchain that builds in `folder`.
    pub(crate) fn find(folder: &Path) -> Result<Self, BuildError> {
        let program = |variable, default: &str| {
            std::env::var_os(variable)
                .filter(|name| !name.is_empty())
                .unwrap_or(default.into())
        };
        let cargo = program("CARGO", "cargo");
        ask(&cargo, "--version", folder).ok_or(BuildError::CargoMissing)?;
        let compiler = ask(&program("RUSTC", "rustc"), "-vV", folder);
        Ok(Self {
            cargo,
            compiler: compiler.ok_or(BuildError::CompilerMissing)?,
        })
    }

    /// A cargo command to be run in `folder`.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .env("CARGO_TERM_COLOR", "never");
        UNWANTED.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    }
}

/// The first output of a program; `None` if it is not there or fails.
fn ask(program: &OsString, argument: &str, folder: &Path) -> Option<String> {
    let output: io::Result<_> = Command::new(program)
        .arg(argument)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
