//! The start of a node whose chain has begun: it goes on from the state that its data folder has.

use super::StartError;
use crate::blocks::chain;
use crate::blocks::intake::Intake;
use crate::code::armed::{self, Armed};
use crate::limits::{REPLAY_LOOK, RETIRE_WAIT_MAX, TAKEN_UP_NEAR_BLOCKS, TAKEN_UP_WAIT_MAX};
use crate::recovery::replaying::Heard;
use crate::recovery::{RecoveryError, rolled_back};
use crate::serve::handle::Node;
use crate::start::prepared::BehindLog;
use crate::upgrade::{Open, Staged};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use refit_abi::host::Explained;
use refit_abi::{Height, codes};
use refit_admin::ApplyOptions;
use refit_kernel::Executor;
use refit_ordering::{BlockRefused, Entry, PlanDigest};
use refit_store::Archive;

/// Goes on from a state: the driver executes the log again, and makes blocks of its own behind it.
pub(super) fn go_on(
    node: &Node,
    executor: Executor,
    heard: &Receiver<Heard>,
    behind: &BehindLog,
) -> Result<(), StartError> {
    let awaited = executor.awaited();
    node.duty.begin(executor);
    let _ = node.intake.send(Intake::Started(awaited));
    replay(node, awaited.height, heard, behind)
}

/// Waits until the log is executed again behind the state at the height `from`, and makes its upgrades again. Then the
/// configured libraries come in, if any are to.
pub(super) fn replay(
    node: &Node,
    from: Height,
    heard: &Receiver<Heard>,
    behind: &BehindLog,
) -> Result<(), StartError> {
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
            return Err(RecoveryError::Refused(refused).into());
        }
        if node.failed().is_some() {
            return Err(RecoveryError::Ended.into());
        }
    }
    tell_of_branch(node)?;
    // Before anybody may order one: the upgrade that is taken up is the one that is under way.
    let staged = not_decided(node)?;
    node.upgrades.close_left_open();
    // Under load its height could be over before it is armed again. Blocks that others decide do not wait for that.
    if let Some(staged) = staged.filter(|_| behind.is_solo) {
        until_armed(&staged);
    }
    if behind.has_code() {
        let height = node.latest.lock().height;
        node.upgrades.bring(&behind.configured, height)?;
    }
    // The source was held for an upgrade before the next block: from here on it decides blocks.
    let awaited = node.duty.ask(|it| it.awaited(), RETIRE_WAIT_MAX);
    let awaited = awaited.map_err(|_| RecoveryError::Ended)?;
    let _ = node.intake.send(Intake::Started(awaited));
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

/// An upgrade that was armed when the node ended, and that no block tells of, is taken up again; its staging, if its height
/// could come before that has ended. One that was made for another generation, or whose height is over, did not happen, and
/// is forgotten.
fn not_decided(node: &Node) -> Result<Option<Staged>, StartError> {
    let Some(archive) = node.store.archive() else {
        return Ok(None);
    };
    let (live, height) = {
        let latest = node.latest.lock();
        (latest.generation, latest.height)
    };
    let recorded = armed::all(archive).map_err(RecoveryError::from)?;
    let open = recorded.into_iter().filter(|it| it.armed.plan.base >= live);
    let is_to_come = |it: &armed::Recorded| {
        let plan = &it.armed.plan;
        plan.base == live && plan.at_height.is_none_or(|planned| planned >= height)
    };
    let (to_come, over): (Vec<_>, Vec<_>) = open.partition(is_to_come);
    for recorded in &over {
        let plan = &recorded.armed.plan;
        let (base, packages) = (plan.base, plan.packages().join(", "));
        tracing::warn!(
            %base,
            packages,
            "an upgrade was armed when the node ended, and its height is over without it: it did not happen; apply its \
             plan again"
        );
        let detail = "the node ended while it was armed, and its height is over without it";
        let why = Explained::new(codes::NODE_ENDED, detail, "apply its plan again");
        node.upgrades.did_not_happen(plan, why);
    }
    armed::forget(&over, archive).map_err(RecoveryError::from)?;
    // One is under way at a time.
    let Some(recorded) = to_come.into_iter().next() else {
        return Ok(None);
    };
    let at_height = recorded.armed.plan.at_height;
    let near = Height(height.0.saturating_add(TAKEN_UP_NEAR_BLOCKS));
    let staged = take_up(node, recorded.armed, height, archive)?;
    Ok(staged.filter(|_| at_height.is_none_or(|planned| planned <= near)))
}

/// Waits until an upgrade that was taken up is armed, or has ended.
fn until_armed(staged: &Staged) {
    // Nothing is ever sent: whoever has the other end drops it.
    if let Err(RecvTimeoutError::Timeout) = staged.recv_timeout(TAKEN_UP_WAIT_MAX) {
        tracing::warn!(
            "the upgrade that was armed when the node ended is not armed again in time: the node goes on without waiting \
             for it, and its height may be over before it is"
        );
    }
}

fn take_up(
    node: &Node,
    armed: Armed,
    height: Height,
    archive: &dyn Archive,
) -> Result<Option<Staged>, StartError> {
    // One with a height has its entry in a block before that; one for which the node stops has it in the block after.
    let is_announced = armed.plan.at_height.is_some() && !armed.is_offline();
    let is_announced = is_announced || (armed.is_offline() && armed.key.is_some());
    let entry = (!is_announced).then(|| Entry::Plan {
        key: None,
        plan: chain::entry(&armed.plan, &ApplyOptions::default()).to_bytes(),
    });
    let open = Open {
        plan: chain::digest(&armed.plan),
        armed,
        height,
        entry,
    };
    Ok(node
        .upgrades
        .take_up(open, archive)
        .map_err(RecoveryError::from)?)
}
