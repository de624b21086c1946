//! A node's policy on upgrades and on calls that do not return: flags over file over defaults.

use super::restart::Restart;
use super::run_error::RunError;
use crate::args::{PolicyArgs, WatchArgs};
use crate::artifact::{rehearsal_command, trial_command};
use crate::config::{ConfigError, NodeSection};
use crate::failure::Failure;
use refit_loader::helper::Helper;
use refit_node::{NodeConfig, Quarantine, STOP_LIMIT, StuckList, StuckPause};
use refit_release::{PublicKey, Quorum};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Name of the quarantine list inside the data folder.
const QUARANTINE_NAME: &str = "quarantine.json";

/// Name of the list of what did not return, inside the data folder.
const STUCK_NAME: &str = "stuck.json";

/// What lies under the flags, and where the node keeps its lists.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a NodeSection,
    pub(super) data_dir: &'a Path,
}

/// Who carries out what a policy asks for.
pub(super) struct Hands {
    pub(super) restart: Restart,
    /// Starts children for a confined node.
    pub(super) helper: Option<Arc<Helper>>,
}

/// Sets what `args` and the file say of calls that do not return.
pub(super) fn watch(config: &mut NodeConfig, args: &WatchArgs, place: Place<'_>) {
    let Place { file, data_dir } = place;
    if let Some(limit) = args.call_limit.or(file.call_limit) {
        config.call_limit = limit;
    }
    let path = data_dir.join(STUCK_NAME);
    config.stuck_list = StuckList::open(path.clone()).unwrap_or_else(|error| {
        // Nothing is refused for what it says.
        tracing::warn!(path = %path.display(), %error, "cannot read which calls an earlier run did not return from");
        StuckList::in_memory()
    });
}

/// How long the node may take to end.
pub(super) fn stop_limit(args: &WatchArgs, file: &NodeSection) -> Duration {
    let typed = args.stop_limit.or(file.stop_limit);
    typed.unwrap_or(STOP_LIMIT)
}

/// Whether upgrades are rehearsed.
fn rehearses(args: &PolicyArgs, file: &NodeSection) -> bool {
    !args.no_rehearsal && file.rehearsal.unwrap_or(true)
}

/// A longest pause is held against a rehearsal's: without one, each upgrade would be refused.
fn bound_is_rehearsed(args: &PolicyArgs, file: &NodeSection) -> Result<(), ConfigError> {
    match args.max_pause.or(file.max_pause) {
        Some(_) if !rehearses(args, file) => Err(ConfigError::BoundWithoutRehearsal),
        _ => Ok(()),
    }
}

/// The builders who are asked, if any are.
fn builders(file: &NodeSection) -> Result<Option<Quorum>, ConfigError> {
    if file.builders.is_empty() {
        return match file.attestations {
            None => Ok(None),
            Some(_) => Err(ConfigError::NoBuilders),
        };
    }
    let key = |(place, text): (usize, &String)| {
        let place = place + 1;
        let key = text.parse::<PublicKey>();
        key.map_err(|source| ConfigError::Builder { place, source })
    };
    let keys = file.builders.iter().enumerate().map(key);
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let all = u8::try_from(keys.len()).unwrap_or(u8::MAX);
    let threshold = file.attestations.unwrap_or(all);
    let quorum = Quorum::of(threshold, keys);
    Ok(Some(
        quorum.map_err(|source| ConfigError::Builders { source })?,
    ))
}

/// Sets the values that `args` and the file give for upgrades.
pub(super) fn values(
    config: &mut NodeConfig,
    args: &PolicyArgs,
    file: &NodeSection,
) -> Result<(), Failure> {
    config.refuses_new_capabilities = !file.new_capabilities.unwrap_or(true);
    config.max_pause = args.max_pause.or(file.max_pause);
    bound_is_rehearsed(args, file)?;
    config.max_downtime = args.max_downtime.or(file.max_downtime);
    if let Some(limit) = args.pause_limit.or(file.pause_limit) {
        config.pause_limit = limit;
    }
    if let Some(blocks) = args.probation_blocks.or(file.probation_blocks) {
        config.probation_blocks = blocks;
    }
    if let Some(choice) = args.probation_panic.or(file.probation_panic) {
        config.on_panic = Some(choice.into());
    }
    if let Some(choice) = args.probation_replies.or(file.probation_replies) {
        config.replies = choice.into();
    }
    config.builders = builders(file)?;
    Ok(())
}

/// Has the node rehearse and try upgrades, keep its lists, and be started again as `args` and the file say.
pub(super) fn set(
    config: &mut NodeConfig,
    args: &PolicyArgs,
    place: Place<'_>,
    hands: Hands,
) -> Result<(), Failure> {
    let Place { file, data_dir } = place;
    let Hands { restart, helper } = hands;
    let mut rehearsal = rehearsal_command().by(helper.clone());
    if let Some(wait) = args.rehearsal_wait.or(file.rehearsal_wait) {
        rehearsal = rehearsal.deadline(wait);
    }
    if let Some(bytes) = args.rehearsal_memory.or(file.rehearsal_memory) {
        rehearsal = rehearsal.memory(bytes);
    }
    config.rehearsal = rehearses(args, file).then_some(rehearsal);
    config.trial = Some(trial_command().by(helper));
    config.quarantine = Quarantine::open(data_dir.join(QUARANTINE_NAME))
        .map_err(|error| Box::new(RunError::Quarantine(error)))?;
    let rolls_back = restart.clone();
    config.on_roll_back = Some(Arc::new(move || rolls_back.roll_back()));
    let stops = restart.clone();
    config.on_offline = Some(Arc::new(move || stops.for_upgrade()));
    config.on_stuck = Some(Arc::new(move |stuck: &StuckPause| restart.go(stuck)));
    Ok(())
}
