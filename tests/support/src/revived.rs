//! What the double's node knows of its poisoned engine.

use crate::double::MOMENT;
use refit_abi::{EngineId, Height};
use refit_admin::api::EngineRevived;
use refit_admin::{CarriedOut, GoodState, LastGood, OrderedBy, Refusal};

/// `cache` is poisoned, and was revived before under any key.
pub(crate) fn last_good(engine: EngineId, by: &OrderedBy) -> Result<LastGood, Refusal> {
    let name = engine.to_string();
    match name.as_str() {
        "cache" if by.request.is_none() => Ok(LastGood::State(GoodState {
            poisoned_at: Height(40),
            state: vec![7; 2_048],
        })),
        "cache" => Ok(LastGood::Done(CarriedOut {
            done: EngineRevived {
                engine: name,
                height: Height(41),
                poisoned_at: None,
                state_bytes: None,
            },
            moment: MOMENT,
            repeated: true,
        })),
        "kv" => {
            let next = "see the engines with: refit status";
            let detail = "engine `kv` is not poisoned";
            Err(Refusal::new(409, "engine-not-poisoned", detail, next))
        }
        _ => {
            let detail = format!("there is no engine `{name}`");
            let next = "see the engines with: refit status";
            Err(Refusal::new(404, "engine-unknown", detail, next))
        }
    }
}
