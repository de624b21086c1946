//! `refit engine new NAME`

use crate::args::NewArgs;
use crate::failure::Failure;
use crate::failure::Reported;
use crate::{files, show};
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_author::template::{self, Contract, Name, NameError};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The contract's folder in the checkout that this program was built from.
const ABI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi");

/// Why no package was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewError {
    #[error("no engine can have this name")]
    Name(#[from] NameError),
    #[error("{} is there and not empty", folder.display())]
    NotEmpty { folder: PathBuf },
    #[error("{} is a file", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is not the contract's package refit-abi", folder.display())]
    NoCheckout { folder: PathBuf },
}

impl Explain for NewError {
    fn code(&self) -> &str {
        match self {
            Self::Name(_) => codes::AUTHOR_BAD_NAME,
            Self::NotEmpty { .. } => codes::AUTHOR_FOLDER_NOT_EMPTY,
            Self::NotAFolder { .. } => codes::AUTHOR_NOT_A_FOLDER,
            Self::NoCheckout { .. } => codes::AUTHOR_NO_CHECKOUT,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Name(_) => {
                "use 1 to 15 of a-z, 0-9, `-` and `_`, a letter first, such as `hello` or `price-index`"
            }
            Self::NotEmpty { .. } => "name another folder with --path; nothing was written",
            Self::NotAFolder { .. } => "name a folder with --path; nothing was written",
            Self::NoCheckout { .. } => {
                "give the folder of a checkout of Refit with --refit PATH, or its repository with --git URL; nothing was written"
            }
        })
    }
}

impl Reported for NewError {}

pub(crate) fn run(args: &NewArgs) -> Result<(), Failure> {
    let name = Name::parse(&args.name).map_err(NewError::from)?;
    let folder = args
        .path
        .clone()
        .unwrap_or_else(|| args.name.clone().into());
    match &args.git {
        Some(url) => {
            let rev = args.rev.as_deref();
            write(&name, &folder, Contract::Git { url, rev })?;
        }
        None => {
            let abi = abi(args.refit.as_deref())?;
            write(&name, &folder, Contract::Folder { abi: &abi })?;
            take_lock(&abi, &folder)?;
        }
    }
    show::data(&format!("{}\n", folder.display()))?;
    let shown = folder.display();
    show::next(format_args!(
        "cargo test --manifest-path {shown}/Cargo.toml"
    ));
    show::next(format_args!("refit engine build {shown}"));
    Ok(())
}

fn write(name: &Name, folder: &Path, contract: Contract<'_>) -> Result<(), Failure> {
    refuse_full(folder)?;
    for (path, text) in template::files(name, contract)? {
        files::write_text(&folder.join(path), &text)?;
    }
    Ok(())
}

/// Begins with the versions of dependencies with which the checkout is tested.
fn take_lock(abi: &Path, folder: &Path) -> Result<(), Failure> {
    if let Some(lock) = abi.parent().map(|checkout| checkout.join("Cargo.lock"))
        && lock.is_file()
    {
        files::copy(&lock, &folder.join("Cargo.lock"))?;
        fit_lock(folder);
    }
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
