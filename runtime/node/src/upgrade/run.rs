//! The life of one upgrade, on its own thread.

use super::orders::Orders;
use super::point::{Point, Resumed};
use super::rehearse::rehearse;
use super::stage::{Refused, Staging, refused, refused_plan};
use super::waiting::Waiting;
use super::watchdog;
use super::{State, Upgrades};
use crate::intake::Intake;
use crate::libraries::retire;
use crate::limits::RETIRE_WAIT_MAX;
use parking_lot::MutexGuard;
use refit_admin::Outcome;
use refit_admin::api::{self, PhaseTime, QuarantineEntry, QuarantineState, Reason, UpgradeState};
use refit_kernel::crew::Crew;
use refit_kernel::{Executor, GenerationTable};
use refit_loader::{LoadedModule, Loader, PinReason};
use refit_upgrade::{Armed, Live, Phase, Plan, PlanError, Verdict};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at whether the old code can go.
const RETIRE_POLL: Duration = Duration::from_millis(1);

/// Longest wait for a handle that a look at the node held when old code was retired.
const HANDLE_WAIT_MAX: Duration = Duration::from_secs(1);

/// Takes the upgrade from its plan to its end.
pub(super) fn run(upgrades: &Upgrades, id: u64, (plan, orders): (&Plan, &Orders), live: &Live) {
    let start = Instant::now();
    let mut staging = Staging::new(&upgrades.loader, &*upgrades.watch);
    let staged = prepare(upgrades, id, &mut staging, (plan, orders), live);
    let (loaded, phases) = (staging.loaded, staging.phases);
    let crew = staged.and_then(|armed| Ok((armed, next_crew(upgrades, live)?)));
    match crew {
        Ok((armed, crew)) => swap(upgrades, id, plan, (armed, crew, loaded), phases, start),
        Err(refused) => refuse(upgrades, id, refused, loaded, phases),
    }
    upgrades.metrics.set_libraries(
        upgrades.loader.mapped() as u64,
        upgrades.loader.pinned().len() as u64,
    );
}

/// All that comes before the pause.
fn prepare(
    upgrades: &Upgrades,
    id: u64,
    staging: &mut Staging<'_>,
    (plan, orders): (&Plan, &Orders),
    live: &Live,
) -> Result<Arc<Armed>, Refused> {
    orders.can_be_met()?;
    let table = call(upgrades, |executor| executor.table()).ok_or_else(ended)?;
    let probed = staging.probe(plan, (live, table.grants()))?;
    match &orders.rehearsal {
        Some(command) => {
            let place = upgrades.place()?;
            let start = Instant::now();
            let rehearsed = rehearse(upgrades, command, &probed, &plan.directives)?;
            drop(place);
            let predicted_us = rehearsed.passed.pause_us;
            upgrades.update(id, |report| {
                report.predicted_us = Some(predicted_us);
                report.digest = Some(rehearsed.passed.digest);
            });
            orders.accept(predicted_us)?;
            staging.reached(Phase::Rehearsed, api::Phase::Rehearsed, start)?;
        }
        None => tracing::info!(id, "the upgrade is not rehearsed"),
    }
    staging.load(probed, &table, &plan.directives)
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
    plan: &Plan,
    (armed, crew, loaded): (Arc<Armed>, Crew, Vec<LoadedModule>),
    phases: Vec<PhaseTime>,
    start: Instant,
) {
    let stage_us = micros(start.elapsed());
    upgrades.update(id, |report| {
        report.state = UpgradeState::Armed;
        report.stage_us = stage_us;
        report.phases.clone_from(&phases);
    });
    let (to_driver, for_driver) = crossbeam_channel::bounded(1);
    let (to_us, for_us) = crossbeam_channel::bounded(1);
    let listeners = vec![to_driver, to_us];
    let point = Point::new(armed.clone(), upgrades.watch.clone(), listeners);
    let pause = point.pause();
    let waiting = Waiting::new(Box::new(point), crew.baton(), plan.at_height, for_driver);
    let waits = Instant::now();
    let sent = upgrades.intake.send(Intake::Upgrade(Box::new(waiting)));
    let resumed = sent
        .ok()
        .and_then(|()| watchdog::wait(upgrades, plan, (&armed, &pause), &for_us));
    let Some(resumed) = resumed else {
        drop(armed);
        crew.join();
        let refused = too_late(upgrades, plan).unwrap_or_else(ended);
        return refuse(upgrades, id, refused, loaded, phases);
    };
    for line in armed.take_lines() {
        tracing::info!(engine = %line.engine, "in its transition: {}", line.line);
    }
    drop(armed);
    let committed = matches!(resumed.verdict, Some(Verdict::Committed(_)));
    settle_report(upgrades, id, &resumed, waits);
    note_failure(upgrades, id, plan, &resumed, pause.is_stuck());
    let mut state = upgrades.state.lock();
    let old_crew = state.crew.replace(crew);
    if committed {
        state.libraries.add(loaded);
        journal(upgrades, &state, id);
        drop(state);
        retire_old(upgrades, id, old_crew);
    } else {
        journal(upgrades, &state, id);
        drop(state);
        join(old_crew);
        let pinned = retire(loaded);
        finish(upgrades, id, Instant::now(), pinned);
    }
}

fn settle_report(upgrades: &Upgrades, id: u64, resumed: &Resumed, waits: Instant) {
    let times = resumed.times;
    let pause = times.resumed.duration_since(times.closing);
    let steps = [
        (
            api::Phase::Quiesced,
            times.quiesced.duration_since(times.closing),
        ),
        (
            api::Phase::Transitioned,
            times.transitioned.duration_since(times.quiesced),
        ),
        (
            api::Phase::Committed,
            times.committed.duration_since(times.transitioned),
        ),
        (
            api::Phase::Resumed,
            times.resumed.duration_since(times.committed),
        ),
    ];
    let outcome = match &resumed.verdict {
        Some(Verdict::Committed(_)) => Outcome::Committed,
        _ => Outcome::Aborted,
    };
    upgrades.metrics.count_upgrade(outcome, Some(pause));
    let mut state = upgrades.state.lock();
    if let Some(Verdict::Committed(generation)) = &resumed.verdict {
        state.registry.publish(*generation, resumed.height);
    }
    state.reports.update(id, |report| {
        report.height = Some(resumed.height);
        report.wait_us = micros(times.closing.saturating_duration_since(waits));
        report.pause_us = micros(pause);
        report.phases.extend(steps.map(|(phase, time)| PhaseTime {
            phase,
            us: micros(time),
        }));
        match &resumed.verdict {
            Some(Verdict::Committed(generation)) => {
                report.state = UpgradeState::Committed;
                report.to = *generation;
            }
            Some(Verdict::Aborted { phase, failure }) => {
                report.state = UpgradeState::Aborted;
                report
                    .phases
                    .retain(|step| step.phase != api::Phase::Committed);
                report.reason = Some(Reason {
                    code: failure.code().to_owned(),
                    detail: failure.to_string(),
                    next: failure.next().to_owned(),
                    phase: shown(*phase),
                    engine: failure.engine().map(|engine| engine.to_string()),
                    key: failure.key().map(str::to_owned),
                });
            }
            None => report.state = UpgradeState::Aborted,
        }
    });
}

/// An upgrade that was aborted by its own failure is on record; one whose pause was stuck is in
/// quarantine already, and its report says so.
fn note_failure(upgrades: &Upgrades, id: u64, plan: &Plan, resumed: &Resumed, stuck: bool) {
    let Some(Verdict::Aborted { failure, .. }) = &resumed.verdict else {
        return;
    };
    if stuck {
        upgrades.update(id, |report| {
            if let Some(reason) = &mut report.reason {
                reason.code = "pause-stuck".to_owned();
                reason.next = "the code is in quarantine; mend the migration".to_owned();
            }
        });
    } else if failure.engine().is_some() {
        let entry = QuarantineEntry {
            artifacts: watchdog::artifacts(plan),
            height: resumed.height.0,
            state: QuarantineState::Failed,
            code: failure.code().to_owned(),
            reason: failure.to_string(),
        };
        watchdog::record(upgrades, entry);
    }
}

/// Joins the crew that could have entered the old code, waits until no state of its making is left,
/// then unmaps it.
fn retire_old(upgrades: &Upgrades, id: u64, old_crew: Option<Crew>) {
    let start = Instant::now();
    join(old_crew);
    let mut table: Option<Arc<GenerationTable>> = None;
    while start.elapsed() < RETIRE_WAIT_MAX {
        match call(upgrades, |executor| {
            (!executor.is_sweeping()).then(|| executor.table())
        }) {
            Some(Some(settled)) => {
                table = Some(settled);
                break;
            }
            Some(None) => std::thread::sleep(RETIRE_POLL),
            None => break,
        }
    }
    let pinned = match table {
        Some(table) => {
            let pinned = upgrades.state.lock().libraries.retire_unused(&table);
            swept(&upgrades.loader, pinned)
        }
        None => vec!["the states are still being settled; the old code is kept".to_owned()],
    };
    finish(upgrades, id, start, pinned);
}

/// What stays mapped of what was `pinned`: a status request holds the table for a moment, and what only
/// that keeps goes as soon as it is done.
fn swept(loader: &Loader, pinned: Vec<String>) -> Vec<String> {
    if pinned.is_empty() {
        return pinned;
    }
    let start = Instant::now();
    let is_held = || {
        let reasons = loader.pinned().into_iter().map(|library| library.reason);
        reasons.into_iter().any(|reason| reason == PinReason::InUse)
    };
    while is_held() && start.elapsed() < HANDLE_WAIT_MAX {
        std::thread::sleep(RETIRE_POLL);
        loader.sweep();
    }
    let still = loader.pinned();
    let is_still = |told: &String| still.iter().any(|library| told.starts_with(&library.name));
    pinned.into_iter().filter(is_still).collect()
}

fn finish(upgrades: &Upgrades, id: u64, start: Instant, pinned: Vec<String>) {
    // The upgrade has ended either way: a watch has no say.
    let _ = upgrades.watch.lock().reached(Phase::Retired);
    for reason in &pinned {
        tracing::warn!(id, "a library stays mapped: {reason}");
    }
    let mut state = upgrades.state.lock();
    let old = state
        .reports
        .get(id)
        .filter(|report| report.state == UpgradeState::Committed);
    if let Some(report) = old {
        state.registry.retire(report.from, pinned.first().cloned());
    }
    state.reports.update(id, |report| {
        let us = micros(start.elapsed());
        report.phases.push(PhaseTime {
            phase: api::Phase::Retired,
            us,
        });
        report.retired = pinned.is_empty();
        report.pinned = pinned;
    });
}

/// Writes what became of the upgrade into the journal.
fn journal(upgrades: &Upgrades, state: &MutexGuard<'_, State>, id: u64) {
    let record = state
        .reports
        .get(id)
        .map(|report| serde_json::to_vec(&report));
    if let Some(Ok(bytes)) = record
        && let Err(error) = upgrades.store.journal_append(&bytes)
    {
        tracing::error!(id, %error, "the journal refuses the upgrade's record");
    }
}

fn next_crew(upgrades: &Upgrades, live: &Live) -> Result<Crew, Refused> {
    let name = format!("refit-g{}", live.generation.next());
    Crew::spawn(&name, upgrades.workers, upgrades.next_commands.clone()).map_err(|error| {
        refused(
            api::Phase::Armed,
            "no-threads",
            &format!("the system starts no more threads: {error}"),
            "raise the limit of processes and apply the plan again",
        )
    })
}

fn join(crew: Option<Crew>) {
    if let Some(crew) = crew {
        crew.join();
    }
}

/// Asks the crew on duty something; `None` if there is none any more.
pub(super) fn call<T: Send + 'static>(
    upgrades: &Upgrades,
    ask: impl FnOnce(&mut Executor) -> T + Send + 'static,
) -> Option<T> {
    crate::status::ask(&upgrades.commands, ask, RETIRE_WAIT_MAX)
}

/// The refusal of a plan whose height passed while its code was staged.
fn too_late(upgrades: &Upgrades, plan: &Plan) -> Option<Refused> {
    let (planned, now) = (
        plan.at_height?,
        call(upgrades, |executor| executor.height())?,
    );
    let error = PlanError::Past { planned, now };
    (planned < now).then(|| refused_plan(api::Phase::Armed, &error))
}

fn ended() -> Refused {
    refused(
        api::Phase::Armed,
        "node-ended",
        &"the node is stopping",
        "start it again: refit run",
    )
}

fn shown(phase: Phase) -> api::Phase {
    match phase {
        Phase::Staged => api::Phase::Staged,
        Phase::Probed => api::Phase::Probed,
        Phase::Rehearsed => api::Phase::Rehearsed,
        Phase::Armed => api::Phase::Armed,
        Phase::Quiesced => api::Phase::Quiesced,
        Phase::Transitioned => api::Phase::Transitioned,
        Phase::Committed => api::Phase::Committed,
        Phase::Resumed => api::Phase::Resumed,
        Phase::Retired => api::Phase::Retired,
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Upgrades {
    fn update(&self, id: u64, change: impl FnOnce(&mut api::UpgradeReport)) {
        self.state.lock().reports.update(id, change);
    }
}
