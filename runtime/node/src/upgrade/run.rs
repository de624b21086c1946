//! The life of one upgrade, on its own thread.

use super::Upgrades;
use super::alarm;
use super::cancel::cancelled;
use super::leaving::{self, Leaving};
use super::orders::Orders;
use super::outcome;
use super::rehearse::rehearse;
use super::retiring;
use super::stage::{Refused, Staging, refused, refused_plan};
use super::without;
use crate::blocks::chain;
use crate::blocks::intake::Intake;
use crate::code::libraries::retire;
use crate::known::failed::{Failed, said};
use crate::limits::{RESERVE_WAIT_MAX, RETIRE_WAIT_MAX};
use crate::micros::micros;
use crate::pause::waiting::Becomes;
use crate::pause::{LetGo, Point, Waiting, Watches, watchdog};
use crate::watch::CREW_NAME;
use refit_admin::Outcome;
use refit_admin::api::{self, PhaseTime, UpgradeState};
use refit_kernel::crew::{Crew, Reserve};
use refit_loader::LoadedModule;
use refit_upgrade::{Armed, Live, Phase, Plan, PlanError, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Takes the upgrade from its plan to its end. Should that panic, the report still comes to an end; if the
/// swap may have begun, the node ends too, because nobody knows any more what runs.
pub(super) fn guarded(upgrades: &Upgrades, id: u64, work: (&Plan, &Orders), live: &Live) {
    let panic = match catch_unwind(AssertUnwindSafe(|| run(upgrades, id, work, live))) {
        Ok(()) => return,
        Err(panic) => panic,
    };
    let said = said(&*panic);
    let was = upgrades.report(id).map(|report| report.state);
    tracing::error!(id, ?was, "the upgrade's thread panicked: {said}");
    let detail = format!("the node's own code panicked: {said}");
    if was == Some(UpgradeState::Staging) {
        upgrades.metrics.count_upgrade(Outcome::Refused, None);
        upgrades
            .state
            .lock()
            .reports
            .refuse(id, "upgrade-panicked", &detail);
        return;
    }
    upgrades.standing.fails(Failed::Upgrade { id, said });
    upgrades.state.lock().reports.lose(id, &detail);
    let _ = upgrades.intake.send(Intake::Stop);
}

/// Takes the upgrade from its plan to its end.
fn run(upgrades: &Upgrades, id: u64, (plan, orders): (&Plan, &Orders), live: &Live) {
    let start = Instant::now();
    let mut staging = Staging::new(&upgrades.loader, &*upgrades.watch, &orders.recall);
    let staged = prepare(upgrades, id, &mut staging, (plan, orders), live);
    let (loaded, phases) = (staging.loaded, staging.phases);
    let crew = staged.and_then(|(armed, memory_bytes)| {
        let crew = next_crew(upgrades, live)?;
        Ok((reserve(upgrades, &armed, memory_bytes), armed, crew))
    });
    match crew {
        Ok((reserve, armed, crew)) => {
            let comes = (armed, crew, loaded, reserve);
            swap(upgrades, id, (plan, orders), comes, phases, start);
        }
        Err(refused) => refuse(upgrades, id, refused, loaded, phases),
    }
    upgrades.metrics.set_libraries(
        upgrades.loader.mapped() as u64,
        upgrades.loader.pinned().len() as u64,
    );
}

/// Memory for the new states, so that the pause need not take it from the system; `bytes` is what the rehearsal
/// needed. An upgrade that waits for its height holds it meanwhile.
fn reserve(upgrades: &Upgrades, armed: &Armed, bytes: u64) -> Reserve {
    if !armed.copies() {
        return Reserve::default();
    }
    upgrades.duty.reserve(bytes, RESERVE_WAIT_MAX)
}

/// All that comes before the pause: the armed upgrade, and the memory in bytes that its rehearsal needed.
fn prepare(
    upgrades: &Upgrades,
    id: u64,
    staging: &mut Staging<'_>,
    (plan, orders): (&Plan, &Orders),
    live: &Live,
) -> Result<(Arc<Armed>, u64), Refused> {
    orders.can_be_met()?;
    let mut memory_bytes = 0;
    let table = upgrades.duty.ask(|it| it.table(), RETIRE_WAIT_MAX);
    let table = table.map_err(|_| ended())?;
    let probed = staging.probe(plan, (live, table.grants()))?;
    match &orders.rehearsal {
        Some(command) => {
            let place = upgrades.place(&orders.recall)?;
            let start = Instant::now();
            let new = (probed.as_slice(), &plan.directives);
            let rehearsed = rehearse(upgrades, command, new, &orders.recall)?;
            drop(place);
            let predicted_us = rehearsed.passed.pause_us;
            memory_bytes = rehearsed.passed.memory_bytes;
            upgrades.update(id, |report| {
                report.predicted_us = Some(predicted_us);
                report.digest = Some(rehearsed.passed.digest);
                report.copy_us = Some(micros(rehearsed.copied));
            });
            orders.accept(predicted_us)?;
            staging.reached(Phase::Rehearsed, api::Phase::Rehearsed, start)?;
        }
        None => tracing::info!(id, "the upgrade is not rehearsed"),
    }
    let armed = staging.load(probed, &table, &plan.directives)?;
    Ok((armed, memory_bytes))
}

fn refuse(
    upgrades: &Upgrades,
    id: u64,
    refused: Refused,
    loaded: Vec<LoadedModule>,
    phases: Vec<PhaseTime>,
) {
    let pinned = retire(loaded);
    tracing::warn!(
        id,
        code = refused.0.code,
        "upgrade refused: {}",
        refused.0.detail
    );
    upgrades.metrics.count_upgrade(Outcome::Refused, None);
    upgrades.update(id, |report| {
        report.state = UpgradeState::Refused;
        report.reason = Some(*refused.0);
        report.phases = phases;
        report.retired = pinned.is_empty();
        report.pinned = pinned;
    });
}

/// From the armed upgrade to the retired old code, or new code if it was aborted.
fn swap(
    upgrades: &Upgrades,
    id: u64,
    (plan, orders): (&Plan, &Orders),
    (armed, mut crew, loaded, reserve): (Arc<Armed>, Crew, Vec<LoadedModule>, Reserve),
    phases: Vec<PhaseTime>,
    start: Instant,
) {
    let stage_us = micros(start.elapsed());
    upgrades.update(id, |report| {
        report.state = UpgradeState::Armed;
        report.stage_us = stage_us;
        report.phases.clone_from(&phases);
    });
    let digest = chain::digest(plan);
    let becomes = Becomes {
        plan: digest,
        manifest: {
            let state = upgrades.state.lock();
            chain::manifest(armed.table(), &state.libraries, &loaded).hash()
        },
    };
    let (to_driver, for_driver) = crossbeam_channel::bounded(1);
    let (to_us, for_us) = crossbeam_channel::bounded(1);
    let listeners = vec![to_driver, to_us];
    let watches = Watches {
        watch: upgrades.watch.clone(),
        watched: upgrades.watched.clone(),
    };
    let point = Point::new(armed.clone(), watches, listeners);
    let pause = point.pause();
    let (let_go, why) = crossbeam_channel::bounded(1);
    let (next_block, next) = crossbeam_channel::bounded(1);
    let waiting = Waiting {
        point: Box::new(point),
        baton: crew.baton(),
        at_height: plan.at_height,
        becomes,
        entry: orders.entry.clone(),
        resumed: for_driver,
        next_block,
        let_go,
        recall: orders.recall.clone(),
    };
    let waits = Instant::now();
    let sent = upgrades.intake.send(Intake::Upgrade(Box::new(waiting)));
    let limit = upgrades.policy.pause_limit;
    let alarm = |lasted| alarm::alarm(upgrades, plan, &armed, &pause, lasted);
    let resumed = sent.ok();
    let resumed = resumed.and_then(|()| watchdog::wait(&pause, limit, &for_us, alarm));
    // What the pause did not need goes back to the system.
    drop(reserve);
    let Some(resumed) = resumed else {
        drop(armed);
        if pause.has_begun() {
            return lost(upgrades, id);
        }
        crew.join();
        let refused = why.try_recv().map_or_else(|_| ended(), let_go_refusal);
        return refuse(upgrades, id, refused, loaded, phases);
    };
    for line in armed.take_lines() {
        tracing::info!(engine = %line.engine, "in its transition: {}", line.line);
    }
    let committed = matches!(resumed.verdict, Some(Verdict::Committed(_)));
    upgrades.watched.on_duty(crew.records());
    if committed {
        upgrades.watched.runs(armed.table());
    }
    let timers_dropped = armed.timers_dropped();
    drop(armed);
    upgrades.update(id, |report| report.timers_dropped = timers_dropped);
    outcome::report(upgrades, id, &resumed, waits);
    outcome::log(id, &resumed);
    if committed {
        outcome::note_success(upgrades, plan);
    }
    outcome::note_failure(upgrades, id, plan, &resumed, pause.is_stuck());
    let mut state = upgrades.state.lock();
    let takes_over = crew.on_duty();
    let leaving = Leaving {
        crew: upgrades.duty.relieve(crew),
        takes_over,
    };
    if committed {
        state.libraries.add(loaded);
        outcome::journal(upgrades, &state, id);
        drop(state);
        let start = Instant::now();
        let took_over = leaving.join(upgrades);
        without::report(upgrades, id, &resumed, (&next, took_over));
        retiring::retire_old(upgrades, id, start);
    } else {
        outcome::journal(upgrades, &state, id);
        drop(state);
        let took_over = leaving.join(upgrades);
        without::report(upgrades, id, &resumed, (&next, took_over));
        let pinned = retire(loaded);
        retiring::finish(upgrades, id, Instant::now(), pinned);
    }
}

/// The crew has panicked in the pause: the node fails, and what its threads have entered stays mapped for as long as
/// the process lives. (Modules that are dropped while there is a hold do.)
fn lost(upgrades: &Upgrades, id: u64) {
    drop(upgrades.loader.hold());
    upgrades.metrics.count_upgrade(Outcome::Refused, None);
    let detail = "the crew panicked in the pause, and the node has failed";
    upgrades.state.lock().reports.lose(id, detail);
}

fn next_crew(upgrades: &Upgrades, live: &Live) -> Result<Crew, Refused> {
    leaving::has_room(upgrades)?;
    let name = format!("{CREW_NAME}{}", live.generation.next());
    upgrades.duty.next(&name).map_err(|error| {
        refused(
            api::Phase::Armed,
            "no-threads",
            &format!("the system starts no more threads: {error}"),
            "raise the limit of processes and apply the plan again",
        )
    })
}

/// The refusal of an upgrade that the driver did not bring to its update point.
fn let_go_refusal(why: LetGo) -> Refused {
    match why {
        LetGo::TooLate { planned, now } => {
            refused_plan(api::Phase::Armed, &PlanError::Past { planned, now })
        }
        LetGo::TakenBack => cancelled(api::Phase::Armed),
        LetGo::Aborted { height, code } => refused(
            api::Phase::Armed,
            code,
            &format!("block {height} says that the upgrade was aborted where that block was made"),
            "the old generation goes on, as it does there; plan again when the cause is mended",
        ),
    }
}

fn ended() -> Refused {
    refused(
        api::Phase::Armed,
        "node-ended",
        &"the node is stopping",
        "start it again: refit run",
    )
}

impl Upgrades {
    pub(super) fn update(&self, id: u64, change: impl FnOnce(&mut api::UpgradeReport)) {
        self.state.lock().reports.update(id, change);
    }
}
