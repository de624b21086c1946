//! The thread that acts on what the driver sees while a generation is on probation: a panic; and its end, at which the
//! states are checked before the generation is permanent.

use super::handle::Node;
use super::probation::TakenBack;
use crate::limits::STATE_WAIT_MAX;
use crate::probation::{Alarm, OnPanic, OnProbation};
use crate::recovery::Tried;
use crossbeam_channel::Receiver;
use refit_abi::{EngineId, Height, codes};
use refit_admin::api::{Class, PoisonStatus};
use refit_kernel::{Executor, Silence, StateError};
use refit_ordering::BlockRefused;
use std::collections::BTreeSet;
use std::io;
use std::sync::Weak;

/// Why a generation may have to be taken back.
struct Trouble {
    engine: EngineId,
    height: Height,
    code: &'static str,
    /// What happened, in words that go on a sentence.
    what: String,
}

impl Node {
    /// After a start: engines that panicked on probation before it, and about which nothing was decided.
    pub(crate) fn alarm_again(&self) {
        if !self.probation.is_on() {
            return;
        }
        let (Ok(status), Some(on)) = (self.look(), self.probation.now()) else {
            return;
        };
        // Of messages that the generation itself has handled.
        let of_it = |poison: &&PoisonStatus| poison.height > on.after && poison.sender.is_some();
        for poison in status.poisoned.iter().filter(of_it) {
            let Ok(engine) = poison.engine.parse() else {
                continue;
            };
            let height = poison.height;
            self.probation
                .alarm(self.trials.on_panic == OnPanic::RollBack);
            // Those that find no room say no more than those before them.
            let _ = self.alarms.try_send(Alarm::Panicked { engine, height });
        }
    }

    fn alarmed(&self, alarm: Alarm) {
        if !self.probation.is_on() || self.probation.is_ordered() {
            return;
        }
        match alarm {
            Alarm::Panicked { engine, height } => {
                self.acts_on(&Trouble {
                    engine,
                    height,
                    code: codes::PROBATION_PANIC,
                    what: format!("engine `{engine}` panicked in block {height}"),
                });
                self.probation.alarm(false);
            }
            // Whoever decides about the halt ends it.
            Alarm::IsOver { .. } if self.standing.halted().is_some() => {
                self.probation.not_checked();
            }
            Alarm::IsOver { height } => self.ends_probation(height),
        }
    }

    /// Does what the policy says.
    fn acts_on(&self, trouble: &Trouble) {
        match self.trials.on_panic {
            OnPanic::Poison => {}
            OnPanic::Halt => {
                let _alone = self.probation.decide();
                // An operator was faster.
                if !self.probation.is_on() || self.probation.is_ordered() {
                    return;
                }
                self.metrics.set_undecided(true);
                self.standing.halts(BlockRefused::OnProbation {
                    height: trouble.height,
                    engine: trouble.engine,
                    what: trouble.what.clone(),
                });
            }
            OnPanic::RollBack => self.take_back_for(trouble),
        }
    }

    fn take_back_for(&self, trouble: &Trouble) {
        let Trouble {
            engine,
            height,
            what,
            ..
        } = trouble;
        // An operator's trial goes first, and is waited for.
        let one = self.trials.trying.lock();
        let tried = match self.tried(0, &one) {
            Ok(tried) => tried,
            Err(refusal) => {
                let why = &refusal.why.detail;
                tracing::error!(%engine, %height, "{what} on probation, and the node is not rolled back: {why}");
                return;
            }
        };
        if is_no_better(&tried, *engine) {
            tracing::warn!(
                %engine, %height,
                "{what} on probation; it comes to the same under the code of before, so the generation is not taken back"
            );
            return;
        }
        let why = TakenBack {
            code: trouble.code,
            detail: format!("{what}, and not under the code of before"),
        };
        if let Err(refusal) = self.take_back(0, &why) {
            let why = &refusal.why.detail;
            tracing::error!(%engine, %height, "the node is not rolled back: {why}");
        }
    }

    /// Makes the generation permanent, if all states that its code has made pass their checks.
    fn ends_probation(&self, height: Height) {
        let Some(on) = self.probation.now() else {
            return;
        };
        match self.unsound(&on) {
            Ok(Ok(())) => self.is_permanent(height),
            // The next block has it tried again.
            Err(_silent) => self.probation.not_checked(),
            Ok(Err(StateError { engine, error })) => {
                let what =
                    format!("the state of engine `{engine}` does not pass its check: {error}");
                if !self.is_unsound(&on, &what) {
                    return;
                }
                tracing::error!(%engine, %height, "{what}; the generation does not become permanent by itself");
                self.acts_on(&Trouble {
                    engine,
                    height,
                    code: codes::PROBATION_CHECK,
                    what,
                });
            }
        }
    }

    /// A state of this generation does not pass; false if an operator has decided about it meanwhile.
    fn is_unsound(&self, on: &OnProbation, why: &str) -> bool {
        let _alone = self.probation.decide();
        let is_open = self.probation.now().as_ref() == Some(on) && !self.probation.is_ordered();
        if is_open {
            self.probation.is_unsound(why.to_owned());
            self.metrics.set_undecided(true);
        }
        is_open
    }

    /// Has the checks run of the kinds whose code came in.
    fn unsound(&self, on: &OnProbation) -> Result<Result<(), StateError>, Silence> {
        let id = self.upgrades.that_committed(on.base.next(), on.after);
        let report = self.upgrades.report(id);
        let came: Option<BTreeSet<String>> = report.map(|report| {
            let kinds = report.engines.into_iter();
            let came = kinds.filter(|kind| kind.class != Class::Carry);
            came.map(|kind| kind.kind).collect()
        });
        let check = move |executor: &mut Executor| {
            let table = executor.table();
            executor.check_states(|index| {
                let kind = table.get(index).map(|entry| &entry.kind.descriptor().kind);
                // Of an upgrade that is not remembered all are.
                came.as_ref()
                    .is_none_or(|came| kind.is_some_and(|kind| came.contains(kind)))
            })
        };
        self.duty.ask(check, STATE_WAIT_MAX)
    }

    fn is_permanent(&self, height: Height) {
        let _alone = self.probation.decide();
        let Some(archive) = self.store.archive() else {
            return;
        };
        if self.probation.is_ordered() {
            return;
        }
        match self.probation.confirm(archive) {
            Ok(Some(over)) => {
                self.wake();
                let generation = over.base.next();
                tracing::info!(%generation, %height, "the generation is permanent: the way back is forward now");
            }
            // An operator was faster.
            Ok(None) => {}
            Err(fault) => {
                tracing::error!("the generation is on probation still: {fault}");
                self.probation.not_checked();
            }
        }
    }
}

/// Whether the code of before does not keep the engine whole either.
fn is_no_better(tried: &Tried, engine: EngineId) -> bool {
    let engine = engine.to_string();
    tried.poisoned.contains(&engine) || tried.unsound.contains(&engine)
}

/// Starts the thread. It ends when its driver does.
///
/// # Errors
/// When the system starts no more threads.
pub(crate) fn watch(node: Weak<Node>, alarms: Receiver<Alarm>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("refit-probation".to_owned());
    let watch = move || {
        for alarm in alarms {
            let Some(node) = node.upgrade() else {
                return;
            };
            node.alarmed(alarm);
        }
    };
    thread.spawn(watch).map(drop)
}
