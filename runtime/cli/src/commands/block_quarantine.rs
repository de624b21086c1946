//! `refit block quarantine HEIGHT`: takes the last block out of the log of a node that does not run.

use super::sandbox::refuse_links_offline;
use crate::args::{BlockQuarantineArgs, CommonArgs};
use crate::config;
use crate::failure::{Failure, Reported};
use crate::show;
use refit_abi::Height;
use refit_node::{AsideMessage, FolderError, FolderLock, Holder, SetAsideError, set_aside};
use std::path::{Path, PathBuf};

impl Reported for FolderError {}
impl Reported for SetAsideError {}

pub(crate) fn run(common: &CommonArgs, args: &BlockQuarantineArgs) -> Result<(), Failure> {
    let file = config::load(common)?;
    let data_dir = config::data_dir(common, &file);
    refuse_links_offline(&file, &data_dir)?;
    let _lock = lock(&data_dir)?;
    let height = Height(args.height);
    let messages = set_aside(&data_dir.join("store"), height)?;
    let count = match messages.len() {
        1 => "1 message: it has".to_owned(),
        count => format!("{count} messages: none has"),
    };
    let count = count.replace("it has", "it has not");
    show::talk(format_args!(
        "block {height} is out of the log, with {count} happened"
    ));
    show::data(&messages.iter().map(line).collect::<String>())?;
    show::next(format_args!("refit run"));
    Ok(())
}

/// Takes a data folder for this command: no node may run on it meanwhile.
pub(super) fn lock(data_dir: &Path) -> Result<FolderLock, FolderError> {
    let holder = Holder::this(PathBuf::new());
    FolderLock::take(data_dir, &holder)
}

/// A message of the block: its engine, and the client's number for it.
fn line(message: &AsideMessage) -> String {
    let number = message.sequence;
    let number = number.map_or_else(|| "without a key".to_owned(), |it| it.to_string());
    format!("{}  {number}\n", message.engine)
}
