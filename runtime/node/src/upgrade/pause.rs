//! The pause, as the upgrade's own thread sees it: it gives the armed upgrade to the driver, waits for what becomes of
//! it, raises the alarm if the pause does not end, and puts the crews and the code in their places after it.

use super::arm::Ready;
use super::attempt::Attempt;
use super::leaving::Leaving;
use super::refused::ended;
use crate::blocks::chain;
use crate::blocks::intake::Intake;
use crate::code::libraries::retire;
use crate::micros::micros;
use crate::pause::waiting::Becomes;
use crate::pause::watchdog::{self, Pause, StuckPause};
use crate::pause::{LetGo, Point, Resumed, Waiting, Watches};
use crossbeam_channel::{Receiver, Sender, bounded};
use refit_abi::codes;
use refit_admin::Outcome;
use refit_admin::api::{QuarantineEntry, QuarantineState, UpgradeState};
use refit_kernel::crew::{Crew, TookOver};
use refit_upgrade::{Armed, PlannedKind, PlannedModule, Verdict};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The channels on which the upgrade's own thread learns its outcome.
pub(super) struct Ends {
    pause: Arc<Pause>,
    /// The gate is open again.
    resumed: Receiver<Resumed>,
    /// Why it was let go before its pause.
    let_go: Receiver<LetGo>,
    /// The block after it begins.
    pub(super) next_block: Receiver<Instant>,
}

/// The way of an upgrade to its update point and back.
struct Way {
    /// For the driver.
    waiting: Waiting,
    /// For the upgrade's own thread.
    ends: Ends,
}

impl Attempt {
    /// From the armed upgrade to the retired old code, or new code if it was aborted.
    pub(super) fn pause(mut self, ready: Ready) {
        let Ready {
            armed,
            crew,
            reserve,
        } = ready;
        let stage_us = micros(self.started.elapsed());
        let Way { waiting, ends } = self.waiting(&armed, &crew);
        let waits = Instant::now();
        let comes = crate::trust::of_plan(&self.plan);
        self.upgrades.trust.comes(self.plan.base, comes);
        let sent = self
            .upgrades
            .intake
            .send(Intake::Upgrade(Box::new(waiting)));
        // After it is on its way: what is sent or decided once the report says `Armed` comes behind it. It may have
        // committed by then; this thread says so later.
        self.update(|report| {
            report.state = UpgradeState::Armed;
            report.stage_us = stage_us;
            report.phases.clone_from(&self.steps.done);
        });
        self.rules.staged = None;
        if let Some(height) = self.plan.at_height {
            tracing::info!(id = self.id, %height, "upgrade armed: it waits for the end of that block");
        }
        let resumed = sent.ok().and_then(|()| {
            let limit = self.upgrades.policy.pause_limit;
            let alarm = |lasted| self.alarm(&armed, &ends.pause, lasted);
            watchdog::wait(&ends.pause, limit, &ends.resumed, alarm)
        });
        // Memory that the pause did not need goes back to the system.
        drop(reserve);
        let Some(resumed) = resumed else {
            // The retirement of the new code counts the handles on it.
            drop(armed);
            if ends.pause.has_begun() {
                return self.lost();
            }
            // Parked until now, it has entered no code: nothing of the new modules is held by it.
            crew.join();
            return match ends.let_go.try_recv() {
                Ok(why) => self.refuse(why.into()),
                Err(_) => self.not_made(ended()),
            };
        };
        self.note(armed, &crew, &resumed);
        self.report(&resumed, waits);
        self.log(&resumed);
        if is_committed(&resumed) {
            self.note_success();
        }
        // After the report has its reason, which a stuck pause replaces.
        self.note_failure(&resumed, ends.pause.is_stuck());
        self.go_on(crew, &resumed, &ends);
    }

    /// Makes the way to the update point.
    fn waiting(&self, armed: &Arc<Armed>, crew: &Crew) -> Way {
        let upgrades = &self.upgrades;
        let becomes = Becomes {
            plan: chain::digest(&self.plan),
            manifest: {
                let state = upgrades.state.lock();
                chain::manifest(armed.table(), &state.libraries, &self.loaded).hash()
            },
            probation_blocks: self.rules.probation_blocks,
        };
        let (to_driver, for_driver) = bounded(1);
        let (to_us, for_us) = bounded(1);
        let watches = Watches {
            watch: upgrades.watch.clone(),
            watched: upgrades.watched.clone(),
        };
        // The driver hears first: clients wait for its next block, and nobody for the report.
        let point = Point::new(armed.clone(), watches, vec![to_driver, to_us]);
        let pause = point.pause();
        let (let_go, why) = bounded(1);
        let (next_block, next) = bounded(1);
        let waiting = Waiting {
            point: Box::new(point),
            baton: crew.baton(),
            at_height: self.plan.at_height,
            becomes,
            entry: self.rules.entry.clone(),
            resumed: for_driver,
            next_block,
            let_go,
            recall: self.rules.recall.clone(),
        };
        let ends = Ends {
            pause,
            resumed: for_us,
            let_go: why,
            next_block: next,
        };
        Way { waiting, ends }
    }

    /// The crew has panicked in the pause: the node fails, and what its threads have entered stays mapped for as long as
    /// the process lives. (Modules that are dropped while there is a hold do.)
    fn lost(self) {
        let upgrades = &self.upgrades;
        // A hold that is dropped, not released, is for ever.
        drop(upgrades.loader.hold());
        upgrades.metrics.count_upgrade(Outcome::Refused, None);
        let detail = "the crew panicked in the pause, and the node has failed";
        upgrades.state.lock().reports.lose(self.id, detail);
    }

    /// Notes the armed upgrade's results after its pause; no handle on the new code is left with it.
    fn note(&self, armed: Arc<Armed>, crew: &Crew, resumed: &Resumed) {
        for line in armed.take_lines() {
            tracing::info!(engine = %line.engine, "in its transition: {}", line.line);
        }
        self.upgrades.watched.on_duty(crew.records());
        if is_committed(resumed) {
            self.upgrades.watched.runs(armed.table());
        }
        let timers_dropped = armed.timers_dropped();
        drop(armed);
        self.update(|report| report.timers_dropped = timers_dropped);
    }

    /// The next crew is on duty; the one before is joined, and the code that is not live goes.
    fn go_on(mut self, mut crew: Crew, resumed: &Resumed, ends: &Ends) {
        let mut state = self.upgrades.state.lock();
        let takes_over = crew.on_duty();
        let leaving = Leaving {
            crew: self.upgrades.duty.relieve(crew),
            takes_over,
        };
        let loaded = std::mem::take(&mut self.loaded);
        if is_committed(resumed) {
            state.libraries.add(loaded);
            for module in &self.plan.modules {
                let (artifact, file) = (module.artifact.clone(), module.path.clone());
                state.libraries.came_from(artifact, file);
            }
            let (told, untold) = bounded(0);
            state.untold = Some(untold);
            // `leave` waits for the old crew to end: not under the lock that status requests take.
            drop(state);
            let start = Instant::now();
            // Behind the block that says so: without it the upgrade did not happen, whatever a journal says.
            if self.leave(leaving, resumed, ends) {
                self.note_release();
                self.journal();
            }
            drop::<Sender<()>>(told);
            self.retire_old(start);
        } else {
            drop(state);
            self.forget_record();
            self.leave(leaving, resumed, ends);
            self.journal();
            let pinned = retire(loaded);
            self.finish(Instant::now(), pinned);
        }
    }

    /// Whether the block after it is in the log.
    fn leave(&self, leaving: Leaving, resumed: &Resumed, ends: &Ends) -> bool {
        let took_over: Option<TookOver> = leaving.join(&self.upgrades);
        self.report_without_block(resumed, &ends.next_block, took_over)
    }

    /// The pause is stuck: puts its code into quarantine, and calls the owner of the node.
    fn alarm(&self, armed: &Armed, pause: &Pause, lasted: Duration) {
        let engines = armed.under_way().engines();
        let engines: Vec<_> = engines.iter().map(ToString::to_string).collect();
        let height = pause.height();
        let artifacts = self.culprits(armed);
        let who = match engines.as_slice() {
            [] => "an unknown engine".to_owned(),
            engines => format!("engine {}", engines.join(", ")),
        };
        let reason = format!(
            "the transition of {who} did not return within {:.1} s",
            lasted.as_secs_f32()
        );
        tracing::error!(%height, "{reason}; the code goes into quarantine");
        let entry = QuarantineEntry {
            packages: self.packages(&artifacts),
            at_ms: self.upgrades.now_ms(),
            artifacts: artifacts.clone(),
            height: height.0,
            state: QuarantineState::Quarantined,
            code: codes::PAUSE_STUCK.to_owned(),
            reason,
        };
        let policy = &self.upgrades.policy;
        policy.quarantine.record(entry.clone());
        let stuck = StuckPause {
            height,
            artifacts,
            engines,
            lasted,
            // Read back from the disk: the owner may end the process on this word, and the next one must know the
            // code.
            is_recorded: policy.quarantine.is_recorded(&entry),
            entry,
        };
        match &policy.on_stuck {
            Some(call) => call(&stuck),
            None => {
                tracing::error!("nothing restarts this node: the pause lasts until it returns");
            }
        }
    }

    /// What each artifact of the plan is: its package and version.
    fn packages(&self, artifacts: &[String]) -> Vec<String> {
        let name = |artifact: &String| {
            let mut modules = self.plan.modules.iter();
            let module = modules.find(|module| module.artifact == *artifact);
            module.map(PlannedModule::name).unwrap_or_default()
        };
        artifacts.iter().map(name).collect()
    }

    /// BLAKE3 of the files whose code runs, of all that come in if it is not known which.
    fn culprits(&self, armed: &Armed) -> Vec<String> {
        let under_way: Vec<_> = armed.under_way().kinds();
        let runs = |planned: &PlannedKind| {
            let mut kinds = under_way.iter().filter_map(|kind| armed.table().get(*kind));
            kinds.any(|entry| entry.kind.descriptor().kind == planned.kind)
        };
        let modules = self.plan.modules.iter();
        let culprits: Vec<_> = modules
            .filter(|module| module.kinds.iter().any(runs))
            .map(|module| module.artifact.clone())
            .collect();
        match culprits.is_empty() {
            true => self.plan.artifacts(),
            false => culprits,
        }
    }
}

fn is_committed(resumed: &Resumed) -> bool {
    matches!(resumed.verdict, Some(Verdict::Committed(_)))
}
