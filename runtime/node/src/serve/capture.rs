//! One engine's state as a fixture.

use crate::answers::refusals::engine_stuck;
use crate::limits::STATE_WAIT_MAX;
use crate::watch::Watched;
use refit_abi::codes;
use refit_abi::fixture::{FIXTURE_FORMAT, FIXTURE_STATE_BYTES_MAX, Fixture};
use refit_abi::{EngineId, Undelivered};
use refit_admin::{CapturedState, Refusal};
use refit_kernel::{CaptureError, Captured, Duty, Executor};

/// The state of `engine` as it is between two blocks. No block runs while it is written down.
pub(crate) fn state(
    duty: &Duty,
    watched: &Watched,
    engine: EngineId,
) -> Result<CapturedState, Refusal> {
    // The crew drops the handle on the engine's code: a retiring module counts them.
    let capture = move |executor: &mut Executor| {
        let captured = executor.encode_state(engine, FIXTURE_STATE_BYTES_MAX);
        captured.map(written)
    };
    let captured = duty.ask(capture, STATE_WAIT_MAX);
    let captured = captured.map_err(|_| no_answer(watched))?;
    captured.map_err(|error| refusal(&error))
}

fn written(captured: Captured) -> CapturedState {
    let descriptor = captured.kind.descriptor();
    let fixture = Fixture {
        format: FIXTURE_FORMAT,
        kind: descriptor.kind.clone(),
        version: captured.version,
        schema: captured.schema,
        build_id: captured.kind.module().build_id().to_owned(),
        height: captured.height,
        state: captured.state,
    };
    CapturedState {
        fixture,
        generation: captured.generation,
    }
}

fn refusal(error: &CaptureError) -> Refusal {
    let (status, code, next) = match error {
        CaptureError::Unknown { .. } => (
            404,
            codes::ENGINE_UNKNOWN,
            "see the engines with: refit status",
        ),
        CaptureError::Unavailable {
            reason: Undelivered::Poisoned,
            ..
        } => (
            503,
            codes::ENGINE_POISONED,
            "its handler may have changed half of the state, so nothing of it is written; the node's log says why it panicked, `refit engine revive ENGINE` brings back the state of before, and `refit engine restart ENGINE` starts it afresh",
        ),
        CaptureError::Unavailable { .. } => (
            410,
            codes::ENGINE_STOPPED,
            "see the engines with: refit status",
        ),
        CaptureError::TooLarge { .. } => (
            413,
            codes::STATE_TOO_LARGE,
            "capture an engine with a smaller state",
        ),
        CaptureError::Encode { error, .. } => {
            let (code, next) = error.of_the_state().unwrap_or((
                codes::STATE_NOT_ENCODED,
                "mend what the engine's `#[state(serde)]` field says; the engine goes on",
            ));
            (500, code, next)
        }
        _ => (
            500,
            codes::STATE_NOT_ENCODED,
            "mend what the engine's `#[state(serde)]` field says; the engine goes on",
        ),
    };
    Refusal::new(status, code, error.to_string(), next)
}

fn no_answer(watched: &Watched) -> Refusal {
    if let Some(stuck) = watched.stuck() {
        return engine_stuck(504, &stuck);
    }
    Refusal::new(
        504,
        codes::NO_STATE_YET,
        format!(
            "the crew did not answer within {} s",
            STATE_WAIT_MAX.as_secs()
        ),
        "ask again when the node has less to do",
    )
}
