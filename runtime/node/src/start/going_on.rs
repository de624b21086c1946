//! The start of a node whose chain has begun: it goes on from the state that its data folder has.

use super::StartError;
use crate::blocks::intake::Intake;
use crate::code::armed;
use crate::limits::REPLAY_LOOK;
use crate::recovery::replaying::Heard;
use crate::recovery::{RecoveryError, attempts, rolled_back};
use crate::serve::handle::Node;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use refit_abi::Height;
use refit_kernel::Executor;
use refit_ordering::{BlockRefused, PlanDigest};

/// Goes on from a state: the driver executes the log again, and makes blocks of its own behind it.
pub(super) fn go_on(
    node: &Node,
    executor: Executor,
    heard: &Receiver<Heard>,
) -> Result<(), StartError> {
    let awaited = executor.awaited();
    node.duty.begin(executor);
    let _ = node.intake.send(Intake::Started(awaited));
    replay(node, awaited.height, heard)
}

/// Waits until the log is executed again behind the state at the height `from`, and makes its upgrades again.
pub(super) fn replay(node: &Node, from: Height, heard: &Receiver<Heard>) -> Result<(), StartError> {
    loop {
        match heard.recv_timeout(REPLAY_LOOK) {
            Ok(Heard::Done) => break,
            Ok(Heard::Upgrade { plan, height }) => again(node, &plan, height)?,
            Ok(Heard::StaysBelow { height, starts }) => {
                node.standing
                    .halts(BlockRefused::EndsNode { height, starts });
                node.latest.lock().starting = false;
                return Ok(());
            }
            Ok(Heard::Unreadable { height, why }) => {
                return Err(RecoveryError::Block { height, why }.into());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(RecoveryError::Ended.into()),
        }
        if let Some(refused) = node.halted() {
            return Err(RecoveryError::Refused(refused.clone()).into());
        }
        if node.failed().is_some() {
            return Err(RecoveryError::Ended.into());
        }
    }
    not_decided(node)?;
    tell_of_branch(node)?;
    if let Some(archive) = node.store.archive() {
        attempts::end(archive).map_err(RecoveryError::from)?;
    }
    node.latest.lock().starting = false;
    let height = node.latest.lock().height;
    tracing::info!(checkpoint = %from, %height, "the node goes on where it ended");
    Ok(())
}

/// Makes the upgrade again that a block names.
fn again(node: &Node, plan: &PlanDigest, height: Height) -> Result<(), StartError> {
    let archive = node.store.archive();
    let archive = archive.ok_or(RecoveryError::Ended)?;
    let fail = |why| RecoveryError::Upgrade { height, why };
    let armed = armed::find(plan, archive).map_err(RecoveryError::from)?;
    let armed = armed.ok_or_else(|| fail(format!("nothing is kept of its plan {plan}")))?;
    let made = node.upgrades.again(armed, height, archive);
    Ok(made.map_err(fail)?)
}

/// A roll-back that this start, or one before it, has carried out is told.
fn tell_of_branch(node: &Node) -> Result<(), StartError> {
    let Some(archive) = node.store.archive() else {
        return Ok(());
    };
    if let Some(point) = rolled_back::unreported(archive)? {
        node.upgrades
            .was_rolled_back(&point, node.probation.revised());
        rolled_back::reported(point, archive)?;
    }
    Ok(())
}

/// Upgrades that were armed when the node ended, and that no block tells of, did not happen.
fn not_decided(node: &Node) -> Result<(), StartError> {
    let Some(archive) = node.store.archive() else {
        return Ok(());
    };
    let live = node.latest.lock().generation;
    let recorded = armed::all(archive).map_err(RecoveryError::from)?;
    let open = recorded.into_iter().filter(|it| it.armed.plan.base >= live);
    let open: Vec<_> = open.collect();
    for recorded in &open {
        let plan = &recorded.armed.plan;
        let (base, packages) = (plan.base, plan.packages().join(", "));
        tracing::warn!(
            %base,
            packages,
            "an upgrade was armed when the node ended, and no block tells of it: it did not happen; apply its plan again"
        );
    }
    armed::forget(&open, archive).map_err(RecoveryError::from)?;
    Ok(())
}
