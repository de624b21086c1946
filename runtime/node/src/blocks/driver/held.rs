//! [`Held`]: replies of a generation on probation that leave when it is permanent, if the operator wants it so. Taken
//! back, it has told nobody anything.
//!
//! Their number is bounded by the door, at which each client that waits holds a place; their time by the probation, which
//! must fit into half of a reply's wait.

use super::Driver;
use crate::answers;
use crate::probation::OnProbation;
use refit_kernel::Replied;

/// The replies that wait.
#[derive(Default)]
pub(super) struct Held {
    replies: Vec<Replied>,
    /// The probation that they are of.
    of: Option<OnProbation>,
}

impl Driver {
    /// Answers, or holds the answer back: that of a message which a generation on probation has handled.
    pub(super) fn reply(&mut self, replied: Replied) {
        let holding = self.parts.probation.holding();
        match holding.filter(|on| replied.height > on.after) {
            Some(on) => {
                self.held.of = Some(on);
                self.held.replies.push(replied);
            }
            None => self.answer(replied),
        }
    }

    /// Lets out what was held back, once its generation is permanent whatever happens to the node.
    pub(super) fn let_out_held(&mut self) {
        let probation = &self.parts.probation;
        let Some(on) = &self.held.of else {
            return;
        };
        if !probation.is_on() && probation.is_confirmed(on) {
            let Held { replies, .. } = std::mem::take(&mut self.held);
            replies.into_iter().for_each(|replied| self.answer(replied));
        } else if probation.is_let_go() {
            let Held { replies, .. } = std::mem::take(&mut self.held);
            // Dropped, each who waits is told that the node stops, and repeats its request to the next life.
            for replied in replies {
                self.waiters.take(&replied.asker).for_each(drop);
            }
        }
    }

    /// Answers all who wait for it.
    fn answer(&mut self, replied: Replied) {
        let mut answerers = self.waiters.take(&replied.asker);
        let Some(first) = answerers.next() else {
            return;
        };
        let answer = answers::answer(replied);
        for answerer in answerers {
            // The client may be gone; it can ask again.
            let _ = answerer.answer.send(answers::repeated(&answer));
        }
        let _ = first.answer.send(answer);
    }
}
