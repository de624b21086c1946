//! The settings that a node is started with, flags over file over defaults, and the checks that need nothing of the machine:
//! a start makes them, `refit config check` and `refit doctor` do too.

use super::policy;
use super::run_error::RunError;
use crate::args::{PolicyArgs, RunArgs};
use crate::artifact::probe_command;
use crate::config::File;
use crate::failure::Failure;
use refit_node::{NodeConfig, StartError, check_keyset};
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

/// What flags say.
#[derive(Clone, Copy)]
pub(super) struct Flags<'a> {
    workers: Option<NonZeroU16>,
    block_interval: Option<Duration>,
    messages_per_block: Option<NonZeroU32>,
    policy: &'a PolicyArgs,
}

impl<'a> Flags<'a> {
    /// Those of `refit run`.
    pub(super) fn of(args: &'a RunArgs) -> Self {
        Self {
            workers: args.workers,
            block_interval: args.block_interval(),
            messages_per_block: args.messages_per_block,
            policy: &args.policy,
        }
    }

    /// These of upgrades, and nothing beside.
    pub(super) fn of_policy(policy: &'a PolicyArgs) -> Self {
        Self {
            workers: None,
            block_interval: None,
            messages_per_block: None,
            policy,
        }
    }
}

/// Sets what flags and file say.
pub(super) fn set(config: &mut NodeConfig, flags: Flags<'_>, file: &File) -> Result<(), Failure> {
    config.grants = file.grants();
    if let Some(workers) = flags.workers.or(file.node.workers) {
        config.workers = workers.get().into();
    }
    if let Some(interval) = flags.block_interval.or(file.node.block_interval) {
        config.block_interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    }
    if let Some(messages) = flags.messages_per_block.or(file.node.messages_per_block) {
        config.messages_per_block = usize::try_from(messages.get()).unwrap_or(usize::MAX);
    }
    policy::values(config, flags.policy, &file.node)
}

/// Whether a start takes what flags and file say.
pub(super) fn check(flags: Flags<'_>, file: &File) -> Result<(), Failure> {
    let mut config = NodeConfig::new(Vec::new(), probe_command());
    set(&mut config, flags, file)?;
    let checked = config.check();
    Ok(checked.map_err(|error| Box::new(RunError::Start(error)))?)
}

/// Whether a node begins with the keyset that the configuration names, if it names one.
pub(super) fn check_named_keyset(keyset: Option<&[u8]>) -> Result<(), Box<RunError>> {
    let checked = keyset.map_or(Ok(()), check_keyset);
    checked.map_err(|error| Box::new(RunError::Start(StartError::Trust(error))))
}
