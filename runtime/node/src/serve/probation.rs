//! What an operator decides about a generation on probation: it stays, or it is taken back.

use super::handle::Node;
use crate::probation::OnProbation;
use crate::probation::order::RollBack;
use crate::recovery::way_back;
use refit_abi::codes;
use refit_admin::Refusal;
use refit_admin::api::{ProbationStatus, RollBackAccepted};
use refit_store::{Archive, Fault};

/// What operators do after a probation.
const FORWARD: &str = "the way back is forward now: make a plan with the code of before (refit upgrade plan KIND=PATH)";

impl Node {
    /// The probation of the live generation.
    pub(crate) fn probation_status(&self) -> Option<ProbationStatus> {
        self.probation.now().map(|on| self.shown_probation(&on))
    }

    fn shown_probation(&self, on: &OnProbation) -> ProbationStatus {
        ProbationStatus {
            upgrade: self.upgrades.that_committed(on.base.next(), on.after),
            generation: on.base.next(),
            after: on.after,
            until: on.until,
        }
    }

    /// The probation, if it is that of this upgrade, and where it is written down.
    pub(super) fn on_probation(&self, id: u64) -> Result<(OnProbation, &dyn Archive), Refusal> {
        let refuse =
            |detail: String| Err(Refusal::new(409, codes::NOT_ON_PROBATION, detail, FORWARD));
        // A node that executes its log again may find that it is on probation, or is not any more.
        self.accepts()?;
        let Some(archive) = self.store.archive() else {
            return refuse(
                "the node keeps its blocks in memory, and has no generation on probation"
                    .to_owned(),
            );
        };
        let Some(on) = self.probation.now() else {
            let generation = self.released.moment().generation;
            return refuse(format!("generation {generation} is permanent"));
        };
        let live = self.shown_probation(&on);
        match id == 0 || id == live.upgrade {
            true => Ok((on, archive)),
            false => refuse(format!(
                "upgrade {id} is not on probation; upgrade {} is",
                live.upgrade
            )),
        }
    }

    /// Makes the generation permanent.
    pub(crate) fn confirm(&self, id: u64) -> Result<ProbationStatus, Refusal> {
        let (on, archive) = self.on_probation(id)?;
        if self.probation.is_ordered() {
            return Err(rolls_back());
        }
        let shown = self.shown_probation(&on);
        let confirmed = self.probation.confirm(archive);
        confirmed.map_err(|fault| not_written(&fault))?;
        let (generation, after) = (shown.generation, shown.after);
        tracing::info!(%generation, %after, "the generation was confirmed: it is permanent");
        Ok(shown)
    }

    /// Decides that the generation is taken back, and has the node restart for it.
    pub(crate) fn take_back(&self, id: u64, why: &TakenBack) -> Result<RollBackAccepted, Refusal> {
        let (on, archive) = self.on_probation(id)?;
        if self.probation.is_ordered() {
            return Err(rolls_back());
        }
        way_back::check(&on, &*self.store, archive).map_err(|why| {
            let detail = format!("generation {} cannot be taken back: {why}", on.base.next());
            Refusal::new(409, codes::ROLLBACK_IMPOSSIBLE, detail, FORWARD)
        })?;
        let order = RollBack::new(on.clone(), why.code, why.detail.clone());
        // From here on it does not become permanent; decided it is once it is written.
        self.probation.ordered();
        let recorded = order
            .to_record()
            .and_then(|record| archive.set_records(vec![record]));
        recorded.map_err(|fault| not_written(&fault))?;
        let probation = self.shown_probation(&on);
        let (generation, after, code) = (probation.generation, on.after, why.code);
        tracing::warn!(
            %generation, %after, code,
            "the generation is taken back: the node restarts; {}", why.detail
        );
        if let Some(restart) = &self.on_roll_back {
            restart();
        }
        Ok(RollBackAccepted {
            probation,
            height: self.released.moment().height,
        })
    }
}

/// Why a generation is taken back.
pub(crate) struct TakenBack {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl TakenBack {
    pub(crate) fn by_operator() -> Self {
        Self {
            code: codes::ROLLBACK_ORDERED,
            detail: "an operator has ordered it".to_owned(),
        }
    }
}

fn rolls_back() -> Refusal {
    Refusal::new(
        409,
        codes::ROLLBACK_UNDER_WAY,
        "the generation is being taken back, and the node restarts",
        "ask again in a moment; see it with: refit status",
    )
}

fn not_written(fault: &Fault) -> Refusal {
    Refusal::of(503, fault)
}
