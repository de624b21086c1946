//! What operators order: entries of a block, which every node that executes the block carries out.

use crate::answers::parameters_refusal;
use crate::handle::Node;
use crate::intake::{CarriedOut, Intake, Ordering};
use crate::limits::REPLY_WAIT_MAX;
use crate::refusals::{ended, engine_stuck, overloaded};
use crossbeam_channel::TrySendError;
use refit_abi::EngineId;
use refit_admin::api::{EngineRestarted, ParameterChange, ParameterValue, ParametersReport};
use refit_admin::{Moment, Refusal};
use refit_kernel::{Done, FIELDS, ParameterChanges, Parameters};
use refit_ordering::Entry;
use tokio::sync::oneshot;

impl Node {
    /// The parameters that hold for the next block.
    pub fn parameters(&self) -> ParametersReport {
        let in_force = self.standing.in_force.lock().clone();
        report(&in_force.parameters, in_force.since)
    }

    pub(crate) async fn change_parameters(
        &self,
        change: ParameterChange,
    ) -> Result<ParametersReport, Refusal> {
        let ParameterChange { set, grants } = change;
        let changes = ParameterChanges { set, grants };
        if changes.is_empty() {
            let next = "name what to set: refit parameters set NAME=VALUE";
            let detail = "nothing is named that is to be changed";
            return Err(Refusal::new(400, "parameters-none", detail, next));
        }
        changes
            .check()
            .map_err(|error| parameters_refusal(&error))?;
        self.order(Entry::Parameters(changes.to_bytes())).await?;
        Ok(self.parameters())
    }

    pub(crate) async fn restart_engine(
        &self,
        engine: EngineId,
    ) -> Result<EngineRestarted, Refusal> {
        let CarriedOut { done, height } = self.order(Entry::Restart { engine }).await?;
        tracing::info!(%engine, %height, "an operator has started the engine afresh");
        let (was_poisoned, timers_dropped) = match done {
            Done::Restarted {
                was_poisoned,
                timers_dropped,
            } => (was_poisoned, timers_dropped),
            _ => (false, 0),
        };
        Ok(EngineRestarted {
            engine: engine.to_string(),
            height,
            was_poisoned,
            timers_dropped,
        })
    }

    /// Has an order come into a block, and waits until that is executed and in the log.
    async fn order(&self, entry: Entry) -> Result<CarriedOut, Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
        let (answer, answered) = oneshot::channel();
        self.intake
            .try_send(Intake::Order(Ordering { entry, answer }))
            .map_err(|error| match error {
                TrySendError::Full(_) => overloaded(),
                TrySendError::Disconnected(_) => ended(),
            })?;
        match tokio::time::timeout(REPLY_WAIT_MAX, answered).await {
            Ok(Ok(carried_out)) => carried_out,
            Ok(Err(_)) => Err(self.standing.goes_on().err().unwrap_or_else(ended)),
            Err(_) => Err(match self.watched.stuck() {
                Some(stuck) => engine_stuck(504, &stuck),
                None => not_yet(self.present()),
            }),
        }
    }

    fn present(&self) -> Moment {
        refit_admin::Node::moment(self)
    }
}

fn not_yet(moment: Moment) -> Refusal {
    let detail = format!(
        "it is in no block that was executed within {} s",
        REPLY_WAIT_MAX.as_secs()
    );
    let next = "it may still be carried out: look with refit status and refit parameters show";
    Refusal::new(504, "order-waits", detail, next).at(moment, false)
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
    }
}
