//! Operators' orders: entries of a block, which every node that executes the block carries out, and once if they have
//! a key.

use crate::answers::parameters_refusal;
use crate::answers::refusals::{ended, engine_stuck, has_ended_how};
use crate::blocks::orders::{give, key, not_yet};
use crate::limits::REPLY_WAIT_MAX;
use crate::serve::handle::Node;
use crate::upgrade::{Proposed, TakingOn};
use refit_abi::EngineId;
use refit_abi::codes;
use refit_admin::api::{
    EngineRestarted, ParameterChange, ParameterValue, ParametersOrdered, ParametersReport,
    UpgradeAccepted,
};
use refit_admin::{ApplyOptions, Bytes, CarriedOut, Moment, OrderedBy, Refusal};
use refit_kernel::{Done, FIELDS, ParameterChanges, Parameters};
use refit_ordering::Entry;

impl Node {
    /// The parameters that hold for the next block.
    pub fn parameters(&self) -> ParametersReport {
        let in_force = self.standing.in_force.lock().clone();
        report(&in_force.parameters, in_force.since)
    }

    pub(crate) async fn change_parameters(
        &self,
        change: ParameterChange,
        by: &OrderedBy,
    ) -> Result<CarriedOut<ParametersReport>, Refusal> {
        let ParameterChange { set, grants } = change;
        let changes = ParameterChanges { set, grants };
        if changes.is_empty() {
            let next = "name what to set: refit parameters set NAME=VALUE";
            let detail = "the request names nothing to change";
            return Err(Refusal::new(400, codes::PARAMETERS_NONE, detail, next));
        }
        changes
            .check()
            .map_err(|error| parameters_refusal(&error))?;
        let entry = Entry::Parameters {
            key: key(by),
            changes: changes.to_bytes(),
        };
        let set = self.order(entry).await?;
        let ordered = match set.done {
            Done::Parameters(hash) => Some(ParametersOrdered {
                hash: hash.to_string(),
                height: set.moment.height,
            }),
            _ => None,
        };
        Ok(set.map(|_| ParametersReport {
            ordered,
            ..self.parameters()
        }))
    }

    pub(crate) async fn restart_engine(
        &self,
        engine: EngineId,
        by: &OrderedBy,
    ) -> Result<CarriedOut<EngineRestarted>, Refusal> {
        let key = key(by);
        let restarted = self.order(Entry::Restart { key, engine }).await?;
        let height = restarted.moment.height;
        // Once: a repeat has done nothing.
        if !restarted.repeated {
            tracing::info!(%engine, %height, "an operator has started the engine afresh");
        }
        let (was_poisoned, timers_dropped) = match restarted.done {
            Done::Restarted {
                was_poisoned,
                timers_dropped,
            } => (was_poisoned, timers_dropped),
            _ => (false, 0),
        };
        Ok(restarted.map(|_| EngineRestarted {
            engine: engine.to_string(),
            height,
            was_poisoned,
            timers_dropped,
        }))
    }

    /// Takes a plan on, if it fits the live generation and no other upgrade is under way; the rest happens on a
    /// thread of its own. What was taken on before under its key is not taken on again.
    pub(crate) async fn take_on(
        &self,
        plan: Bytes,
        by: OrderedBy,
        options: ApplyOptions,
    ) -> Result<UpgradeAccepted, Refusal> {
        // A node that starts makes the upgrades of its log again, and none but those.
        self.accepts()?;
        // A plan may be of some megabytes.
        let read = tokio::task::spawn_blocking(move || Proposed::read(&plan, &by, options));
        let proposed = read.await.map_err(|_| ended())??;
        let taking_on = TakingOn {
            upgrades: self.upgrades.clone(),
            intake: self.intake.clone(),
            latest: self.latest.clone(),
            standing: self.standing.clone(),
            watched: self.watched.clone(),
        };
        // A task of its own: a client that goes away does not leave a plan that a block has and nobody begins.
        let taken_on = tokio::spawn(taking_on.run(proposed));
        match tokio::time::timeout(REPLY_WAIT_MAX, taken_on).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(_)) => Err(has_ended_how(&self.standing)),
            Err(_) => Err(match self.watched.stuck() {
                Some(stuck) => engine_stuck(504, &stuck),
                None => not_yet().at(self.present(), false),
            }),
        }
    }

    /// Has an order come into a block, and waits until that is executed and in the log.
    pub(super) async fn order(&self, entry: Entry) -> Result<CarriedOut<Done>, Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
        let answered = give(&self.intake, entry)?;
        match tokio::time::timeout(REPLY_WAIT_MAX, answered).await {
            Ok(Ok(carried_out)) => carried_out,
            Ok(Err(_)) => Err(self.standing.goes_on().err().unwrap_or_else(ended)),
            Err(_) => Err(match self.watched.stuck() {
                Some(stuck) => engine_stuck(504, &stuck),
                None => not_yet().at(self.present(), false),
            }),
        }
    }

    fn present(&self) -> Moment {
        refit_admin::Node::moment(self)
    }
}

fn report(parameters: &Parameters, since: refit_abi::Height) -> ParametersReport {
    let value = |field: &refit_kernel::Field| ParameterValue {
        name: field.name.to_owned(),
        value: field.of(parameters),
        unit: field.unit.to_string(),
        default: field.default_value(),
        least: field.least,
        most: field.most(),
    };
    ParametersReport {
        hash: parameters.hash().to_string(),
        since,
        values: FIELDS.iter().map(value).collect(),
        grants: parameters.grants.listed.clone(),
        ordered: None,
    }
}
