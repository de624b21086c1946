//! [`Tools`]: the compiler of this machine, as a folder that can be shown in a room.

use crate::error::{BuildError, io};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A toolchain: `bin/cargo`, `bin/rustc` and their libraries.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What `rustc -vV` says.
    pub(crate) compiler: String,
}

impl Tools {
    /// The one that a node has. It is asked for outside of any source: a tree does not choose who compiles it.
    pub(crate) fn find() -> Result<Self, BuildError> {
        let rustc = std::env::var_os("RUSTC").filter(|name| !name.is_empty());
        let rustc = rustc.unwrap_or_else(|| "rustc".into());
        let folder = ask(Path::new(&rustc), &["--print", "sysroot"]);
        let folder = PathBuf::from(folder.ok_or(BuildError::CompilerMissing)?.trim_end());
        let folder = folder.canonicalize().map_err(io("open", &folder))?;
        if !folder.join("bin/cargo").is_file() {
            return Err(BuildError::CargoMissing);
        }
        let compiler = ask(&folder.join("bin/rustc"), &["-vV"]);
        Ok(Self {
            folder,
            compiler: compiler.ok_or(BuildError::CompilerMissing)?,
        })
    }
}

/// What a program says; `None` if it is not there or fails.
fn ask(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
