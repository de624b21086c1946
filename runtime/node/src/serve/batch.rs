//! Messages that are handed over together: one way in, one way out.

use crate::answers::refusals::{ended, engine_stuck, has_ended_how, no_reply_yet, overloaded};
use crate::blocks::group::{Gathered, Group};
use crate::blocks::intake::{Answerer, Intake, Submission, WIRE_CODEC, Way};
use crate::serve::handle::Node;
use crate::watch::{Clients, nameless};
use refit_abi::host::Ingress;
use refit_admin::{Answered, Entrance, Part, Pending, Refusal, Sent};

impl Node {
    /// Hands the messages over in their order, and gives what becomes of them.
    pub(crate) async fn submit_group(&self, at: Entrance, group: Vec<Sent>) -> Pending {
        // Each line of a batch has an answer, also if none of them got in.
        let messages = group.len();
        match self.hand_over(at, group).await {
            Ok(pending) => pending,
            Err(refusal) => Box::pin(async move {
                Answered {
                    answers: vec![Err(refusal); messages],
                    part: Part::default(),
                }
            }),
        }
    }

    async fn hand_over(&self, at: Entrance, messages: Vec<Sent>) -> Result<Pending, Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
        let count = u32::try_from(messages.len()).map_err(|_| overloaded())?;
        let places = self.door.enter_batch(count).await?;
        let (group, slots) = Group::new(messages.len(), places, self.answers.clone());
        let names = messages.iter().map(|sent| {
            let request = sent.request.as_ref();
            request.map(|request| &*request.client)
        });
        let Clients { ids, named } = self.watched.name_all(names, nameless(at));
        let submissions = messages.into_iter().zip(slots).zip(ids);
        let submissions = submissions.map(|((sent, slot), client)| Submission {
            ingress: Ingress {
                engine: sent.engine,
                client,
                share: at.share,
                sequence: sent.request.map(|request| request.sequence),
                codec: WIRE_CODEC,
                payload: sent.body,
            },
            answer: Answerer {
                answer: Way::Slot(slot),
                _place: None,
            },
        });
        self.intake
            .send(Intake::Messages(submissions.collect()))
            .map_err(|_| ended())?;
        // Copied for the future, which outlives this borrow: the next group is handed over while this one waits.
        let (watched, standing) = (self.watched.clone(), self.standing.clone());
        Ok(Box::pin(async move {
            // Held until the last answer is there: the watchdog knows the clients by name as long as they wait.
            let _named = named;
            let Gathered {
                placed,
                part,
                is_late,
            } = group.answers().await;
            let missing = match (is_late, watched.stuck()) {
                (false, _) => has_ended_how(&standing),
                (true, Some(stuck)) => engine_stuck(504, &stuck),
                (true, None) => no_reply_yet(),
            };
            let placed = placed.into_iter();
            let answers = placed.map(|placed| placed.unwrap_or_else(|| Err(missing.clone())));
            Answered {
                answers: answers.collect(),
                part,
            }
        }))
    }
}
