//! Messages and queries of clients, one by one: on their way to the driver or the crew, and what comes of them.
//!
//! This runs for every request on the threads that serve connections, so it takes few locks and little memory.

use crate::answers::refusals::{ended, engine_stuck, has_ended_how, no_reply_yet, overloaded};
use crate::answers::{hold, query_refusal};
use crate::blocks::intake::{Answerer, Intake, Submission, WIRE_CODEC, Way};
use crate::limits::REPLY_WAIT_MAX;
use crate::serve::handle::Node;
use crate::watch::{Named, nameless};
use refit_abi::host::Ingress;
use refit_abi::{EngineId, Height};
use refit_admin::{Bytes, Entrance, Moment, Refusal, Replied, RequestId};
use refit_kernel::crew::Query;
use refit_kernel::{QueryError, Silence};
use tokio::sync::oneshot;

impl Node {
    pub(crate) async fn send_message(
        &self,
        engine: EngineId,
        at: Entrance,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Result<Replied, Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
        // Before the client is noted and memory is taken: who waits at the door costs next to nothing.
        let place = self.door.enter().await?;
        let (answer, answered) = oneshot::channel();
        let named = request
            .as_ref()
            .map(|request| self.watched.name(&request.client));
        let client = named.as_ref().map_or_else(|| nameless(at), Named::id);
        let sequence = request.as_ref().map(|request| request.sequence);
        let answer = Answerer {
            answer: Way::One(answer),
            _place: Some(place),
        };
        let ingress = Ingress {
            engine,
            client,
            share: at.share,
            sequence,
            codec: WIRE_CODEC,
            payload: body.to_vec(),
        };
        // The connection reads the next request into the same memory.
        drop(body);
        let submission = Submission { ingress, answer };
        self.intake
            .send(Intake::Message(submission))
            .map_err(|_| ended())?;
        hold(&self.answers, self.within(answered).await?)
    }

    pub(crate) async fn send_query(
        &self,
        engine: EngineId,
        body: Bytes,
    ) -> Result<Replied, Refusal> {
        self.accepts()?;
        let (answer, answered) = oneshot::channel();
        let answers = self.answers.clone();
        let reply = move |outcome: Result<Vec<u8>, QueryError>, height: Height, generation| {
            // Only the client is told of other errors; this one says that the engine needs mending.
            if let Err(error @ QueryError::TooLarge { .. }) = &outcome {
                tracing::error!(%engine, "{error}");
            }
            // Here, on the crew's thread: an answer that finds no room is gone before the next is made.
            let held = outcome
                .map_err(|error| query_refusal(&error))
                .and_then(|body| answers.hold(body).map_err(Refusal::from));
            let answered = match held {
                Ok(body) => Ok(Replied {
                    body,
                    height,
                    generation,
                    repeated: false,
                }),
                Err(refusal) => Err(refusal.at(Moment { height, generation }, false)),
            };
            // The client may be gone.
            let _ = answer.send(answered);
        };
        let query = Query {
            engine,
            codec: WIRE_CODEC,
            query: body.to_vec(),
            answer: Box::new(reply),
        };
        self.duty.query(query).map_err(|silence| match silence {
            Silence::Busy => overloaded(),
            Silence::Ended => ended(),
        })?;
        let outcome = self.within(answered).await;
        let read = match &outcome {
            Ok(replied) => Some(replied.moment()),
            Err(refusal) => refusal.moment,
        };
        if let Some(read) = read {
            self.leaves(read).await?;
        }
        outcome
    }

    /// Waits until what was read of an engine at a moment may leave.
    async fn leaves(&self, read: Moment) -> Result<(), Refusal> {
        match tokio::time::timeout(REPLY_WAIT_MAX, self.released.reach(read)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(has_ended_how(&self.standing)),
            Err(_) => Err(no_reply_yet()),
        }
    }

    /// Waits for an answer as long as a client may; then says why there is none.
    async fn within(
        &self,
        answered: oneshot::Receiver<Result<Replied, Refusal>>,
    ) -> Result<Replied, Refusal> {
        match tokio::time::timeout(REPLY_WAIT_MAX, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(has_ended_how(&self.standing)),
            Err(_) => Err(match self.watched.stuck() {
                Some(stuck) => engine_stuck(504, &stuck),
                None => no_reply_yet(),
            }),
        }
    }
}
