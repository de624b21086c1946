//! The child of a trial: a node that starts on a copy, carries the roll-back out that is decided there, says what it has
//! come to, and ends.

use crate::limits::{STATE_WAIT_MAX, TRIAL_CPU_S_MAX};
use crate::recovery::Tried;
use crate::serve::handle::Node;
use crate::start::config::{NodeConfig, NodeParts};
use refit_kernel::Executor;
use refit_loader::ProbeCommand;
use refit_loader::sys::{crash, limits, voice};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

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
        .and_then(|()| tried(folder, probe));
    let said = match tried {
        Ok(tried) => serde_json::to_vec(&tried).unwrap_or_default(),
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

fn tried(folder: &Path, probe: ProbeCommand) -> Result<Tried, String> {
    let parts = NodeParts::on_disk(folder).map_err(|error| error.to_string())?;
    // What the copy has says all: it names no configuration.
    let mut config = NodeConfig::new(Vec::new(), probe);
    config.probation_blocks = 0;
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
