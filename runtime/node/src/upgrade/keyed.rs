//! [`PlanKeys`]: plans that come under a key are taken on once.
//!
//! The rules are those of messages, and so is the table; but these keys are apart from theirs, and known to this node
//! alone, as its upgrades are.

use crate::answers::key_refusal;
use refit_abi::{ClientId, EngineId, Height, Undelivered};
use refit_admin::{Refusal, RequestId, Wishes};
use refit_kernel::{Admitted, At, Key, KeyRefusal, Keys, ReplyError, RequestDigest, Share};

/// Which plans were taken on under which keys.
#[derive(Debug, Default)]
pub(super) struct PlanKeys {
    keys: Keys,
}

/// What becomes of a plan that has a key.
pub(super) enum Taken {
    /// It is to be taken on, and the key settled with what came of that.
    New(Key),
    /// It was taken on, as the upgrade of this number.
    Before(u64),
}

impl PlanKeys {
    /// Takes a key for a plan.
    ///
    /// # Errors
    /// The [`Refusal`] if the key stands for something else, or cannot be kept.
    pub(super) fn take(
        &mut self,
        request: &RequestId,
        (plan, wishes): (&[u8], &Wishes),
        height: Height,
    ) -> Result<Taken, Refusal> {
        let key = Key {
            client: ClientId::of(&request.client),
            sequence: request.sequence,
        };
        let digest = RequestDigest::of_plan(&wished(wishes), plan);
        match self.keys.admit(key, Share::default(), digest, height) {
            Admitted::Deliver => Ok(Taken::New(key)),
            Admitted::Again(_, Ok(id)) => match id.try_into() {
                Ok(id) => Ok(Taken::Before(u64::from_le_bytes(id))),
                Err(_) => Err(key_refusal(KeyRefusal::Forgotten)),
            },
            Admitted::Refused(why) => Err(key_refusal(why)),
            // A key is settled before another is taken, and what is not taken on frees it.
            Admitted::Waits | Admitted::Again(_, Err(_)) => Err(key_refusal(KeyRefusal::Waiting)),
        }
    }

    /// The plan was taken on under this number, or was not and may come again.
    pub(super) fn settle(&mut self, key: Key, taken_on: Option<u64>, at: At) {
        let nothing_done = ReplyError::Undelivered {
            engine: EngineId::from_bytes([0; 16]),
            reason: Undelivered::Rejected,
        };
        let outcome = taken_on.map(|id| id.to_le_bytes().to_vec());
        self.keys.settle(key, &outcome.ok_or(nothing_done), at);
    }
}

/// What is wished beside a plan, as bytes: another wish is another request.
fn wished(wishes: &Wishes) -> Vec<u8> {
    let Wishes {
        max_pause_us,
        no_rehearsal,
        rehearsal_wait_us,
    } = wishes;
    format!("{max_pause_us:?} {no_rehearsal} {rehearsal_wait_us:?}").into_bytes()
}
