//! The probe's child process: maps one module, checks it, prints one line, ends.

use super::InterfaceId;
use super::challenge::Challenge;
use super::report::{Outcome, Report};
use crate::artifact::{ARTIFACT_BYTES_MAX, ArtifactId};
use crate::header::{header, text, whole};
use crate::sys::{crash, limits, voice};
use abi_stable::library::LibHeader;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use refit_abi::build::ABI_EPOCH;
use refit_abi::export::EngineModuleRef;
use refit_abi::host::{Module, ModuleError};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// The whole of a probe's `main`: maps the module at `path`, checks it and prints the report that
/// the loader waits for. All that the module writes to standard output goes to standard error.
///
/// It runs the module's constructors and compares its types in this process, which is marred by it:
/// return the exit code from `main` and do nothing else.
pub fn child_main(path: &Path) -> ExitCode {
    let Ok(mut voice) = voice::set_aside() else {
        return ExitCode::FAILURE;
    };
    let mut answer = String::new();
    let outcome = limits::confine()
        .and_then(|()| crash::install())
        .map_err(|error| Outcome::Unable(error.to_string()))
        .and_then(|()| {
            answer = answered(path)?;
            examine(path)
        })
        .unwrap_or_else(|refusal| refusal);
    let report = Report {
        interface: InterfaceId::of_this_program(),
        answer,
        outcome,
    };
    let spoken = serde_json::to_vec(&report)
        .map_err(io::Error::from)
        .and_then(|line| voice.write_all(&line).and_then(|()| voice.flush()));
    if spoken.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The answer to the question that this process was asked, about the bytes at `path`.
fn answered(path: &Path) -> Result<String, Outcome> {
    let unable = |error: io::Error| Outcome::Unable(error.to_string());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unable)?;
    file.take(ARTIFACT_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(unable)?;
    Ok(Challenge::asked().answer(ArtifactId::of(&bytes)))
}

fn examine(path: &Path) -> Result<Outcome, Outcome> {
    // SAFETY: this is the process that may crash; it ends after the report.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| not_mappable(whole(&error)))?;
    // SAFETY: inspection found the root symbol; the library is never closed, see below.
    let header = unsafe { header(&library) }.map_err(Outcome::Layout)?;
    // Values that the check and the module leave behind point into it: it stays until the process ends.
    std::mem::forget(library);
    let root = header
        .init_root_module::<EngineModuleRef>()
        .map_err(|error| {
            let refusal = Outcome::Layout(text(&error));
            foreign_epoch(header).map_or(refusal, Outcome::Epoch)
        })?;
    // SAFETY: checked structurally just now, and never unmapped.
    let module = unsafe { Module::from_root(root, Box::new(())) }.map_err(|error| match error {
        ModuleError::Epoch { found } => Outcome::Epoch(found),
        other => Outcome::Undescribed(other.to_string()),
    })?;
    Ok(Outcome::Described(Box::new(module.descriptor().clone())))
}

/// Why the dynamic linker refused, by the words of glibc.
fn not_mappable(reason: String) -> Outcome {
    let symbol = reason
        .split_once("undefined symbol: ")
        .and_then(|(_, rest)| rest.split([',', ' ']).next())
        .filter(|symbol| !symbol.is_empty());
    match symbol {
        Some(symbol) => Outcome::Missing(symbol.to_owned()),
        None => Outcome::NotMappable(reason),
    }
}

/// The epoch of a module whose types differ, if it is one of Refit's and the epoch says why.
fn foreign_epoch(header: &'static LibHeader) -> Option<u32> {
    let layout = header.layout()?;
    if layout.name() != "EngineModule" || layout.item_info().package() != "refit-abi" {
        return None;
    }
    // SAFETY: it is a root of Refit's of some epoch, and all of them begin with the epoch: this
    // reads no other field. Should it lie, this process may crash.
    let root = unsafe { header.unchecked_layout::<EngineModuleRef>() }.ok()?;
    Some(root.abi_epoch()).filter(|epoch| *epoch != ABI_EPOCH)
}
