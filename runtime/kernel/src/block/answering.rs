//! Answers clients: decides whether a message that has a key is delivered, and to which client each answer goes.

use crate::engines::outbox::Answer;
use crate::executor::Executor;
use crate::keys::{Admitted, Ask, Asker, At, Entry, Key, RequestDigest, outcome_bytes};
use crate::limits::EFFECT_OVERHEAD_BYTES;
use crate::outcome::{BlockOutcome, Replied};
use crate::reply::error::ReplyError;
use crate::reply::refusal::KeyRefusal;
use refit_abi::host::Ingress;

impl Executor {
    /// Whether a message that has a key is to be delivered. The sender of one that is not gets an answer, or waits
    /// with the first.
    pub(crate) fn admit(
        &mut self,
        key: Key,
        request: RequestDigest,
        message: &Ingress,
        out: &mut BlockOutcome,
    ) -> bool {
        let is_full = self.used.repeated_bytes >= self.parameters.block.effect_bytes;
        let admitted = match is_full && self.keys.is_answered(key) {
            true => Admitted::Refused(KeyRefusal::Later),
            false => self.keys.admit(key, message.share, request, out.height),
        };
        let (at, repeated, outcome) = match admitted {
            Admitted::Deliver => return true,
            Admitted::Waits => return false,
            Admitted::Again(at, outcome) => {
                self.used.repeated_bytes += charged(&outcome);
                (at, true, outcome)
            }
            // No order has the digest of a message.
            Admitted::Done(..) => (self.now(), false, Err(ReplyError::Key(KeyRefusal::Used))),
            Admitted::Refused(why) => (self.now(), false, Err(ReplyError::Key(why))),
        };
        out.replies.push(Replied {
            asker: Asker::Keyed { key, request },
            engine: message.engine,
            height: at.height,
            generation: at.generation,
            repeated,
            outcome,
        });
        false
    }

    /// Gives an answer to its client. Its key is answered by it, or free again.
    pub(crate) fn answer(&mut self, answer: Answer, out: &mut BlockOutcome) {
        let at = self.now();
        let Answer {
            engine,
            client,
            sequence,
            ask,
            outcome,
        } = answer;
        let asker = match ask {
            Ask::Keyless(height) => Asker::Keyless(Entry {
                height,
                index: sequence,
            }),
            Ask::Keyed => {
                let key = Key { client, sequence };
                // A letter that waits holds its key; without it two requests could not be told apart.
                let Some(request) = self.keys.settle(key, &outcome, at) else {
                    return;
                };
                Asker::Keyed { key, request }
            }
        };
        self.used.effect_bytes += charged(&outcome);
        out.replies.push(Replied {
            asker,
            engine,
            height: at.height,
            generation: at.generation,
            repeated: false,
            outcome,
        });
    }

    /// In the block that is executed, or after the newest.
    pub(crate) fn now(&self) -> At {
        At {
            height: self.height,
            generation: self.shared.table.load().number(),
        }
    }
}

/// The bytes that an answer counts among the effects of a block.
fn charged(outcome: &Result<Vec<u8>, ReplyError>) -> u64 {
    (outcome_bytes(outcome) + EFFECT_OVERHEAD_BYTES) as u64
}
