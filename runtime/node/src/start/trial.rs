//! The child of a trial: a node that starts on a copy, carries the roll-back out that is decided there, says what it has
//! come to, and ends. Or the child that finds out which state an engine had before it was poisoned, on such a copy.

use super::beginning::Engines;
use crate::limits::{STATE_WAIT_MAX, TRIAL_CPU_S_MAX};
use crate::recovery::Tried;
use crate::recovery::last_good::{FoundState, WantedState, state_file};
use crate::serve::handle::Node;
use crate::start::config::{NodeConfig, NodeParts};
use refit_kernel::{EngineState, Executor, LastGood};
use refit_loader::ProbeCommand;
use refit_loader::sys::{crash, limits, voice};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The whole of a trial's `main`: starts a node on the copy in `folder`, and prints a line of JSON. It runs the code of
/// engines in this process, which is marred by it: return the exit code from `main` and do nothing else.
pub fn trial_main(folder: &Path, probe: ProbeCommand) -> ExitCode {
    let Ok(mut stdout) = voice::set_aside() else {
        return ExitCode::FAILURE;
    };
    let tried = limits::end_with_parent()
        .and_then(|()| limits::confine_copy(TRIAL_CPU_S_MAX))
        .and_then(|()| crash::install())
        .map_err(|error| error.to_string())
        .and_then(|()| said(folder, probe));
    let said = match tried {
        Ok(said) => said,
        Err(why) => {
            // Its parent shows the end of this.
            let _ = writeln!(std::io::stderr(), "{why}");
            return ExitCode::FAILURE;
        }
    };
    match stdout.write_all(&said).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What the child says, as JSON.
fn said(folder: &Path, probe: ProbeCommand) -> Result<Vec<u8>, String> {
    let parts = NodeParts::on_disk(folder).map_err(|error| error.to_string())?;
    // What the copy has says all: it names no configuration.
    let mut config = NodeConfig::new(Vec::new(), probe);
    config.probation_blocks = 0;
    let archive = parts.store.archive();
    let wanted = archive
        .map(|archive| WantedState::read(archive))
        .transpose();
    let said = match wanted.map_err(|fault| fault.to_string())?.flatten() {
        Some(wanted) => serde_json::to_vec(&found(&wanted, folder, config, parts)?),
        None => serde_json::to_vec(&tried(config, parts)?),
    };
    said.map_err(|error| error.to_string())
}

/// The state that is wanted, written beside the store.
fn found(
    wanted: &WantedState,
    folder: &Path,
    config: NodeConfig,
    parts: NodeParts,
) -> Result<FoundState, String> {
    let engine = wanted.engine;
    let last_good = Arc::new(LastGood::of(engine, wanted.height));
    let mut prepared = Node::prepare_with(config, parts).map_err(|error| error.to_string())?;
    match &mut prepared.engines {
        Engines::Kept(executor) => executor.look_for(last_good.clone()),
        Engines::Roots { .. } => return Err("the copy has no checkpoint".to_owned()),
    }
    let node = prepared.start().map_err(|error| error.to_string())?;
    if let Some(refused) = node.halted() {
        return Err(refused.to_string());
    }
    let status = node
        .duty
        .ask(move |it| it.status_of(engine), STATE_WAIT_MAX);
    let status = status.map_err(|silence| silence.to_string())?;
    let is_same = status.is_some_and(|status| match status.state {
        EngineState::Poisoned(poison) => wanted.is_of(&poison),
        EngineState::Live => false,
    });
    if !is_same {
        return Err("the blocks, executed again, do not poison the engine there".to_owned());
    }
    let state = last_good.take();
    let state = state.ok_or("the state before that message cannot be written")?;
    node.stop();
    let written = File::create_new(state_file(folder)).and_then(|mut file| file.write_all(&state));
    written.map_err(|error| error.to_string())?;
    let bytes = state.len() as u64;
    Ok(FoundState { bytes })
}

fn tried(config: NodeConfig, parts: NodeParts) -> Result<Tried, String> {
    let node = Node::start_with(config, parts).map_err(|error| error.to_string())?;
    if let Some(refused) = node.halted() {
        return Err(refused.to_string());
    }
    let tried = node.upgrades.rolled_back();
    let (report, poisoned) = tried.ok_or("nothing was rolled back")?;
    let tried = Tried {
        report,
        // Whatever became of them later: an operator's restart mends no code.
        poisoned: poisoned.iter().map(ToString::to_string).collect(),
        unsound: unsound(&node)?,
    };
    node.stop();
    Ok(tried)
}

/// The engine whose state does not pass its check, if one does not.
fn unsound(node: &Node) -> Result<Vec<String>, String> {
    let check = |executor: &mut Executor| executor.check_states(|_| true);
    let checked = node.duty.ask(check, STATE_WAIT_MAX);
    let checked = checked.map_err(|silence| silence.to_string())?;
    Ok(checked
        .err()
        .iter()
        .map(|wrong| wrong.engine.to_string())
        .collect())
}
