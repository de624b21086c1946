//! `refit engine new NAME`

use crate::args::NewArgs;
use crate::failure::Failure;
use crate::package::error::AuthorError;
use crate::{files, show};
use refit_author::template::{self, Name, NameError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The contract's folder in the checkout that this program was built from.
const ABI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi");

/// Why no package was written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum NewError {
    #[error("no engine can have this name")]
    #[diagnostic(
        code(author::bad_name),
        help(
            "use 1 to 15 of a-z, 0-9, `-` and `_`, a letter first, such as `hello` or `price-index`"
        )
    )]
    Name(#[from] NameError),
    #[error("{} is there and not empty", folder.display())]
    #[diagnostic(
        code(author::folder_not_empty),
        help("name another folder with --path; nothing was written")
    )]
    NotEmpty { folder: PathBuf },
    #[error("{} is a file", path.display())]
    #[diagnostic(
        code(author::not_a_folder),
        help("name a folder with --path; nothing was written")
    )]
    NotAFolder { path: PathBuf },
    #[error("{} is not the contract's package refit-abi", folder.display())]
    #[diagnostic(
        code(author::no_checkout),
        help("give the folder of a checkout of Refit with --refit PATH; nothing was written")
    )]
    NoCheckout { folder: PathBuf },
}

pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let name = Name::parse(&args.name).map_err(|error| AuthorError::from(NewError::from(error)))?;
    let folder = args
        .path
        .clone()
        .unwrap_or_else(|| args.name.clone().into());
    let abi = abi(args.refit.as_deref()).map_err(AuthorError::from)?;
    refuse_full(&folder).map_err(AuthorError::from)?;
    let texts = template::files(&name, &abi).map_err(AuthorError::from)?;
    for (path, text) in texts {
        files::write_text(&folder.join(path), &text)?;
    }
    if let Some(lock) = abi.parent().map(|checkout| checkout.join("Cargo.lock"))
        && lock.is_file()
    {
        files::copy(&lock, &folder.join("Cargo.lock"))?;
        fit_lock(&folder);
    }
    show::data(&format!("{}\n", folder.display()))?;
    let shown = folder.display();
    show::next(format_args!(
        "cargo test --manifest-path {shown}/Cargo.toml"
    ));
    show::next(format_args!("refit engine build {shown}"));
    Ok(())
}

/// The folder of refit-abi.
fn abi(checkout: Option<&Path>) -> Result<PathBuf, NewError> {
    let folder = checkout.map_or_else(|| PathBuf::from(ABI), |checkout| checkout.join("abi"));
    let found = folder.canonicalize().ok().filter(|folder| {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml"));
        manifest.is_ok_and(|text| text.contains("name = \"refit-abi\""))
    });
    found.ok_or(NewError::NoCheckout { folder })
}

fn refuse_full(folder: &Path) -> Result<(), NewError> {
    if folder.is_file() {
        let path = folder.to_owned();
        return Err(NewError::NotAFolder { path });
    }
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        // One that cannot be read is in the way; one that is not there yet is not.
        Err(_) => !folder.exists(),
    };
    if is_empty {
        return Ok(());
    }
    Err(NewError::NotEmpty {
        folder: folder.to_owned(),
    })
}

/// Has cargo take out of the checkout's lock what the package does not need, and put the package
/// in; every version stays. Without cargo the first `cargo test` does it.
fn fit_lock(folder: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let update = |offline: bool| {
        let mut command = Command::new(&cargo);
        command
            .args(["update", "--workspace", "--quiet"])
            .args(offline.then_some("--offline"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !update(true) && !update(false) {
        show::talk(
            "cargo did not fit Cargo.lock to the new package; `cargo test` in its folder does",
        );
    }
}
