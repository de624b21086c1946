//! Armed: the new code is mapped, everything that can be prepared is, and the next crew waits.

use super::attempt::Attempt;
use super::leaving;
use super::refused::{UpgradeRefused, refused, refused_by};
use crate::limits::RESERVE_WAIT_MAX;
use crate::watch::CREW_NAME;
use refit_abi::codes;
use refit_admin::api;
use refit_kernel::GenerationTable;
use refit_kernel::crew::{Crew, Reserve};
use refit_loader::ProbedArtifact;
use refit_upgrade::{Armed, Phase};
use std::sync::Arc;
use std::time::Instant;

/// An armed upgrade with all that its pause needs.
pub(super) struct Ready {
    pub(super) armed: Arc<Armed>,
    /// Takes over after the pause.
    pub(super) crew: Crew,
    /// Dropped after the pause.
    pub(super) reserve: Reserve,
}

impl Attempt {
    /// From probed modules to an armed upgrade.
    pub(super) fn arm(
        &mut self,
        probed: Vec<ProbedArtifact>,
        table: &Arc<GenerationTable>,
    ) -> Result<Arc<Armed>, UpgradeRefused> {
        let start = Instant::now();
        for artifact in probed {
            let refused = |error: refit_loader::LoadError| refused_by(api::Phase::Armed, &error);
            let loaded = self.upgrades.loader.load(artifact).map_err(refused)?;
            // One by one: if a later module fails, those before it are retired with the refusal.
            self.loaded.push(loaded);
        }
        let armed = self.armed(table)?;
        self.steps.reached(Phase::Armed, start)?;
        Ok(armed)
    }

    /// Arms on a thread of its own: it calls into the new modules, and every thread that does must
    /// end before they can be unmapped.
    fn armed(&self, table: &Arc<GenerationTable>) -> Result<Arc<Armed>, UpgradeRefused> {
        let plan = self.plan.clone();
        let modules: Vec<_> = self
            .loaded
            .iter()
            .map(|loaded| loaded.module().clone())
            .collect();
        let table = table.clone();
        let thread = std::thread::Builder::new().name("refit-arm".to_owned());
        let armed = thread
            .spawn(move || Armed::new(&plan, &table, &modules))
            .map_err(|error| {
                refused(
                    api::Phase::Armed,
                    codes::NO_THREADS,
                    &error,
                    "raise the limit of processes",
                )
            })?
            .join();
        match armed {
            Ok(Ok(armed)) => Ok(Arc::new(armed)),
            Ok(Err(error)) => Err(refused_by(api::Phase::Armed, &error)),
            Err(_) => Err(refused(
                api::Phase::Armed,
                codes::ARMING_PANICKED,
                &"the node's own code panicked",
                "the node goes on; please report it with the log",
            )),
        }
    }

    /// Parks the next crew, and takes the memory that the rehearsal needed, in bytes.
    pub(super) fn make_ready(
        &self,
        armed: Arc<Armed>,
        memory_bytes: u64,
    ) -> Result<Ready, UpgradeRefused> {
        // Before the memory, which would be taken for nothing if no crew can be started.
        let crew = self.next_crew()?;
        let reserve = self.reserve(&armed, memory_bytes);
        Ok(Ready {
            armed,
            crew,
            reserve,
        })
    }

    fn next_crew(&self) -> Result<Crew, UpgradeRefused> {
        leaving::has_room(&self.upgrades)?;
        let name = format!("{CREW_NAME}{}", self.live.generation.next());
        self.upgrades.duty.next(&name).map_err(|error| {
            refused(
                api::Phase::Armed,
                codes::NO_THREADS,
                &format!("the system starts no more threads: {error}"),
                "raise the limit of processes and apply the plan again",
            )
        })
    }

    /// Memory for the new states, so that the pause need not take it from the system. An upgrade that waits for its
    /// height holds it meanwhile.
    fn reserve(&self, armed: &Armed, bytes: u64) -> Reserve {
        if !armed.copies() {
            return Reserve::default();
        }
        self.upgrades.duty.reserve(bytes, RESERVE_WAIT_MAX)
    }
}
