//! What an operator decides about a generation on probation: it stays, or it is taken back.

use super::handle::Node;
use crate::blocks::intake::Intake;
use crate::probation::OnProbation;
use crate::probation::order::RollBack;
use crate::recovery::way_back;
use refit_abi::codes;
use refit_admin::Refusal;
use refit_admin::api::{ProbationStatus, RollBackAccepted};
use refit_store::{Archive, Fault};
use std::path::Path;

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
            holds_replies: self.probation.holding().is_some(),
            unsound: self.probation.unsound(),
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
            false => Err(Refusal::new(
                409,
                codes::NOT_ON_PROBATION,
                format!(
                    "upgrade {id} is not on probation; upgrade {} is",
                    live.upgrade
                ),
                "name the one that is, or none",
            )),
        }
    }

    /// Makes the generation permanent.
    pub(crate) fn confirm(&self, id: u64) -> Result<ProbationStatus, Refusal> {
        let _alone = self.probation.decide();
        let (on, archive) = self.on_probation(id)?;
        if self.probation.is_ordered() {
            return Err(rolls_back());
        }
        let shown = self.shown_probation(&on);
        let confirmed = self.probation.confirm(archive);
        confirmed.map_err(|fault| not_written(&fault))?;
        self.metrics.set_undecided(false);
        match self.standing.is_decided() {
            true => drop(self.intake.send(Intake::GoesOn)),
            false => self.wake(),
        }
        let (generation, after) = (shown.generation, shown.after);
        tracing::info!(%generation, %after, "the generation was confirmed: it is permanent");
        Ok(shown)
    }

    /// Whether the replies of a generation on probation come to leave by themselves, if they are held back.
    ///
    /// # Errors
    /// The [`Refusal`] where an operator has to decide that.
    pub(super) fn replies_leave(&self) -> Result<(), Refusal> {
        let undecided = self.probation.holding().and(self.probation.unsound());
        undecided.map_or(Ok(()), |why| {
            let detail = format!(
                "replies are held back until an operator decides about the generation on probation: {why}"
            );
            let next = "take it back with `refit upgrade rollback`, or make it permanent with `refit upgrade confirm`";
            Err(Refusal::new(503, codes::REPLIES_UNDECIDED, detail, next))
        })
    }

    /// Has the driver look what may leave now. One that has no room for this is awake.
    pub(super) fn wake(&self) {
        let _ = self.intake.send(Intake::Recalled);
    }

    /// Whoever waits for a reply that is held back is told that the node stops: it does not leave in this life.
    pub fn let_go_of_held(&self) {
        self.probation.lets_go();
        self.wake();
    }

    /// Looks whether it can be taken back, and writes down that it is.
    fn decide(
        &self,
        on: &OnProbation,
        archive: &dyn Archive,
        why: &TakenBack,
    ) -> Result<(), Refusal> {
        way_back::check(on, &*self.store, archive).map_err(|why| {
            let detail = format!("generation {} cannot be taken back: {why}", on.base.next());
            Refusal::new(409, codes::ROLLBACK_IMPOSSIBLE, detail, FORWARD)
        })?;
        // The old branch is kept, and its entries come into the log once more.
        self.has_room_for(2 * way_back::log_bytes(on.after, &*self.store))?;
        let order = RollBack::new(on.clone(), why.code, why.detail.clone());
        let record = order.to_record();
        let recorded = record.and_then(|record| archive.set_records(vec![record]));
        recorded.map_err(|fault| not_written(&fault))
    }

    /// Whether the disk has room for so many bytes beside those that the node keeps free.
    pub(super) fn has_room_for(&self, bytes: u64) -> Result<(), Refusal> {
        let folder = self.place.data_dir();
        match folder.is_none_or(|folder| refit_store::has_room_for(Path::new(&folder), bytes)) {
            true => Ok(()),
            false => Err(disk_full(bytes)),
        }
    }

    /// Decides that the generation is taken back, and has the node restart for it.
    pub(crate) fn take_back(&self, id: u64, why: &TakenBack) -> Result<RollBackAccepted, Refusal> {
        let _alone = self.probation.decide();
        let (on, archive) = self.on_probation(id)?;
        if self.probation.is_ordered() {
            return Err(rolls_back());
        }
        // A start in the node's place could not look into its code.
        self.upgrades.starts_again()?;
        // From here on it does not become permanent; decided it is once it is written.
        if !self.probation.order(&on) {
            return self.on_probation(id).and(Err(rolls_back()));
        }
        let decided = self.decide(&on, archive, why);
        decided.inspect_err(|_| self.probation.not_ordered())?;
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

/// The refusal where the disk has no room for what it would take.
fn disk_full(bytes: u64) -> Refusal {
    let detail = format!(
        "the disk of the data folder has no room for it: {bytes} bytes beside those that are kept free"
    );
    let next = "make room on it, and order it again while the generation is on probation";
    Refusal::new(503, codes::DISK_FULL, detail, next)
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
