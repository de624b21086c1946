//! The commands: one file each. What was typed leads to them in [`crate::dispatch`].

mod announcing;
mod batch;
pub(crate) mod block_quarantine;
pub(crate) mod config_check;
pub(crate) mod doctor;
pub(crate) mod documents;
mod ends;
pub(crate) mod engine_build;
pub(crate) mod engine_capture;
pub(crate) mod engine_check;
pub(crate) mod engine_clean;
pub(crate) mod engine_freeze;
pub(crate) mod engine_inspect;
pub(crate) mod engine_new;
mod engine_order;
pub(crate) mod engine_restart;
pub(crate) mod engine_revive;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod input;
pub(crate) mod key_generate;
pub(crate) mod key_inspect;
pub(crate) mod keyset_create;
pub(crate) mod keyset_inspect;
pub(crate) mod keyset_install;
pub(crate) mod keyset_rotate;
pub(crate) mod keyset_sign;
mod listening;
mod log_rules;
mod outside;
pub(crate) mod parameters;
mod policy;
pub(crate) mod query;
pub(crate) mod rehearse;
pub(crate) mod release_attest;
pub(crate) mod release_build;
pub(crate) mod release_builder;
pub(crate) mod release_diff;
pub(crate) mod release_import;
pub(crate) mod release_pack;
pub(crate) mod release_prune;
pub(crate) mod release_revoke;
pub(crate) mod release_show;
pub(crate) mod release_sign;
pub(crate) mod release_source;
pub(crate) mod release_verify;
mod restart;
pub(crate) mod run;
mod run_error;
pub(crate) mod sandbox;
mod sandbox_links;
pub(crate) mod send;
mod settings;
pub(crate) mod snapshot_create;
pub(crate) mod snapshot_diff;
pub(crate) mod snapshot_inspect;
pub(crate) mod snapshot_migrate;
pub(crate) mod snapshot_restore;
pub(crate) mod snapshot_verify;
pub(crate) mod status;
mod supervisor;
mod threads;
pub(crate) mod upgrade_apply;
mod upgrade_before;
pub(crate) mod upgrade_bundle;
pub(crate) mod upgrade_cancel;
pub(crate) mod upgrade_confirm;
pub(crate) mod upgrade_end;
mod upgrade_follow;
pub(crate) mod upgrade_history;
pub(crate) mod upgrade_list;
pub(crate) mod upgrade_plan;
pub(crate) mod upgrade_quarantine;
pub(crate) mod upgrade_rehearse;
pub(crate) mod upgrade_release;
pub(crate) mod upgrade_rollback;
mod upgrade_served;
pub(crate) mod upgrade_status;
pub(crate) mod upgrade_wait;

use crate::failure::Failure;
use std::future::Future;

/// Runs a future on this thread: a command waits for one thing at a time.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    Ok(runtime.block_on(future))
}
