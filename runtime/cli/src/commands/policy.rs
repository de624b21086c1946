//! What a node's operator wants of upgrades: flags over file over defaults; and the restart of a node
//! whose pause does not end.

use super::run::RunError;
use crate::args::PolicyArgs;
use crate::artifact::{THIS_PROGRAM, rehearsal_command};
use crate::config::{ConfigError, NodeSection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;
use refit_node::{NodeConfig, Quarantine, StuckPause};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Name of the quarantine list inside the data folder.
const QUARANTINE_NAME: &str = "quarantine.json";

/// Sets what `args` and the file say of upgrades.
pub(super) fn set(
    config: &mut NodeConfig,
    args: &PolicyArgs,
    file: &NodeSection,
    data_dir: &Path,
) -> Result<(), Failure> {
    let rehearse = !args.no_rehearsal && file.rehearsal.unwrap_or(true);
    let mut rehearsal = rehearsal_command();
    let from_file = file.rehearsal_wait_ms.map(Duration::from_millis);
    if let Some(wait) = args.rehearsal_wait.or(from_file) {
        rehearsal = rehearsal.deadline(wait);
    }
    if let Some(mib) = args.rehearsal_memory.or(file.rehearsal_memory_mib) {
        rehearsal = rehearsal.memory(u64::from(mib.get()) << 20);
    }
    config.rehearsal = rehearse.then_some(rehearsal);
    let from_file = file.max_pause_ms.map(Duration::from_millis);
    config.max_pause = args.max_pause.or(from_file);
    if config.max_pause.is_some() && !rehearse {
        return Err(ConfigError::BoundWithoutRehearsal.into());
    }
    let from_file = file.pause_limit_ms.map(Duration::from_millis);
    if let Some(limit) = args.pause_limit.or(from_file) {
        config.pause_limit = limit;
    }
    config.quarantine = Quarantine::open(data_dir.join(QUARANTINE_NAME))
        .map_err(|error| Box::new(RunError::Quarantine(error)))?;
    config.on_stuck = Some(Arc::new(restart));
    Ok(())
}

/// Starts this very program again in this process's place, with the same arguments: no thread of the
/// pause is left then. Does not return.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of this process does not return: nothing can be put away"
)]
fn restart(stuck: &StuckPause) {
    show::talk(format_args!(
        "the pause after block {} does not end: the node restarts with the code it was started with; \
         its store is in memory, so its engines start afresh",
        stuck.height
    ));
    let mut words = std::env::args_os();
    let mut command = Command::new(THIS_PROGRAM);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    let error = command.args(words).exec();
    show::talk(format_args!("the restart failed: {error}"));
    // Whoever supervises the node starts it again.
    std::process::exit(Exit::Internal as i32)
}
