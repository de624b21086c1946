//! Messages and queries of clients, one by one: on their way to the driver or the crew, and what comes of them.
//!
//! This runs for every request on the threads that serve connections, so it takes few locks and little memory.

use crate::answers::query_refusal;
use crate::handle::Node;
use crate::intake::{Answerer, Intake, Submission, Way};
use crate::limits::REPLY_WAIT_MAX;
use crate::refusals::{
    ended, engine_stuck, has_ended_how, no_reply_yet, overloaded, reply_without_room,
};
use crate::watch::Named;
use crossbeam_channel::TrySendError;
use refit_abi::raw::Codec;
use refit_abi::{ClientId, EngineId, Height};
use refit_admin::{Bytes, Entrance, Moment, Refusal, Replied, RequestId, Room};
use refit_kernel::crew::Query;
use refit_kernel::{QueryError, Silence};
use std::sync::LazyLock;
use tokio::sync::oneshot;

/// Who sends without an idempotency key, but for where that comes in.
static NAMELESS: LazyLock<[u8; NAMELESS_BYTES]> = LazyLock::new(|| {
    let [nameless @ .., _, _, _, _] = ClientId::of("").to_bytes();
    nameless
});

/// Bytes of a client's id that all have who send without a key.
const NAMELESS_BYTES: usize = 12;

/// Who sends without a key there: each connection is a client of its own, which takes turns with others and whose
/// messages keep their order.
pub(crate) fn nameless(at: Entrance) -> ClientId {
    let mut id = [0; 16];
    let (nameless, place) = id.split_at_mut(NAMELESS_BYTES);
    nameless.copy_from_slice(&*NAMELESS);
    let (share, connection) = place.split_at_mut(2);
    share.copy_from_slice(&at.share.number().to_le_bytes());
    connection.copy_from_slice(&at.connection.to_le_bytes());
    ClientId::from_bytes(id)
}

/// Whether that is somebody who sends without a key.
pub(crate) fn is_nameless(client: ClientId) -> bool {
    client.to_bytes().starts_with(&*NAMELESS)
}

impl Node {
    pub(crate) async fn send_message(
        &self,
        (engine, at): (EngineId, Entrance),
        request: Option<RequestId>,
        body: Bytes,
    ) -> Result<Replied, Refusal> {
        self.accepts()?;
        self.standing.goes_on()?;
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
        let payload = body.to_vec();
        // The connection reads the next request into the same memory.
        drop(body);
        let submission = Submission {
            engine,
            client,
            share: at.share,
            sequence,
            payload,
            answer,
        };
        self.intake
            .try_send(Intake::Message(submission))
            .map_err(|error| match error {
                TrySendError::Full(_) => overloaded(),
                TrySendError::Disconnected(_) => ended(),
            })?;
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
            codec: Codec::Json,
            query: body.to_vec(),
            answer: Box::new(reply),
        };
        self.duty.query(query).map_err(|silence| match silence {
            Silence::Busy => overloaded(),
            Silence::Ended => ended(),
        })?;
        self.within(answered).await
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

/// A reply with its part of the room for answers.
pub(crate) fn hold(answers: &Room, replied: Replied) -> Result<Replied, Refusal> {
    let moment = replied.moment();
    match answers.hold(replied.body) {
        Ok(body) => Ok(Replied { body, ..replied }),
        Err(no_room) => Err(reply_without_room(no_room).at(moment, replied.repeated)),
    }
}
