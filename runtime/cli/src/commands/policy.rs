//! What a node's operator wants of upgrades, and of what does not return: flags over file over defaults.

use super::restart::Restart;
use super::run::RunError;
use crate::args::{PolicyArgs, WatchArgs};
use crate::artifact::rehearsal_command;
use crate::config::{ConfigError, NodeSection};
use crate::failure::Failure;
use refit_node::{NodeConfig, Quarantine, STOP_LIMIT, StuckList, StuckPause};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Name of the quarantine list inside the data folder.
const QUARANTINE_NAME: &str = "quarantine.json";

/// Name of the list of what did not return, inside the data folder.
const STUCK_NAME: &str = "stuck.json";

/// Sets what `args` and the file say of calls that do not return.
pub(super) fn watch(
    config: &mut NodeConfig,
    args: &WatchArgs,
    (file, data_dir): (&NodeSection, &Path),
) {
    let from_file = file.call_limit_ms.map(Duration::from_millis);
    if let Some(limit) = args.call_limit.or(from_file) {
        config.call_limit = limit;
    }
    let path = data_dir.join(STUCK_NAME);
    config.stuck_list = StuckList::open(path.clone()).unwrap_or_else(|error| {
        // Nothing is refused for what it says.
        tracing::warn!(path = %path.display(), %error, "what did not return in an earlier life is not known");
        StuckList::in_memory()
    });
}

/// How long the node may take to end.
pub(super) fn stop_limit(args: &WatchArgs, file: &NodeSection) -> Duration {
    let from_file = file.stop_limit_ms.map(Duration::from_millis);
    args.stop_limit.or(from_file).unwrap_or(STOP_LIMIT)
}

/// Sets what `args` and the file say of upgrades.
pub(super) fn set(
    config: &mut NodeConfig,
    args: &PolicyArgs,
    file: &NodeSection,
    (data_dir, restart): (&Path, Restart),
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
    config.on_stuck = Some(Arc::new(move |stuck: &StuckPause| restart.go(stuck)));
    Ok(())
}
