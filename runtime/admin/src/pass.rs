//! A request's way to being worked on: its whole body, then a place among those under way, then an answer before its
//! deadline.
//!
//! There are five kinds of places, so that no kind of request keeps another out: many for messages, queries and
//! states, a few for looks at the node, for what an operator orders, for files that come as they are sent, and for batches,
//! which take turns. Health and metrics need none.

use crate::batch::{Turn, Turns};
use crate::limits::FILES_AT_ONCE_MAX;
use crate::seat::Seat;
use crate::{Limits, Refusal};
use refit_abi::codes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The places of one listener, and how long an answer may take.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    work: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    orders: Arc<Semaphore>,
    files: Arc<Semaphore>,
    batches: Arc<Turns>,
    request_wait: Duration,
    look_wait: Duration,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A message, a query, a state: refused at once if there is no place.
    Work,
    /// A look at the node. It waits a little for a place: each look is short.
    Look,
    /// An operator's request. It waits as a look does.
    Order,
    /// A file, which has its place while it comes: a slow sender keeps no order out. It waits as a look does.
    File,
}

/// A request whose body is there: its purpose, and the seat of the client that waits for its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    purpose: For,
    seat: &'a Seat,
}

impl For {
    /// A request for this, of the client on that seat.
    pub(crate) fn on(self, seat: &Seat) -> Asking<'_> {
        let purpose = self;
        Asking { purpose, seat }
    }
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(count.max(1)));
        Self {
            work: places(limits.requests_max),
            looks: places(limits.looks_max),
            orders: places(limits.orders_max),
            files: places(FILES_AT_ONCE_MAX),
            batches: Turns::new(limits.batches_max, limits.look_wait),
            request_wait: limits.request_wait,
            look_wait: limits.look_wait,
        }
    }

    /// Has a request, whose body is there, worked on.
    pub(crate) async fn pass<T>(
        &self,
        asking: Asking<'_>,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.pass_within(asking, self.request_wait, work).await
    }

    /// As [`Places::pass`], with another longest time for the answer.
    pub(crate) async fn pass_within<T>(
        &self,
        asking: Asking<'_>,
        wait: Duration,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let Asking { purpose, seat } = asking;
        let _place = match purpose {
            For::Work => self.work.try_acquire().ok(),
            For::Look => self.wait(&self.looks).await,
            For::Order => self.wait(&self.orders).await,
            For::File => self.wait(&self.files).await,
        }
        .ok_or_else(too_busy)?;
        let _working = seat.work();
        let done = seat.within(wait, work).await;
        done.unwrap_or_else(|| Err(no_answer(wait)))
    }

    /// A batch's first turn, and where it gets more.
    pub(crate) async fn batch(&self) -> Result<(Turn, Arc<Turns>), Refusal> {
        let turn = self.batches.take().await.ok_or_else(too_busy)?;
        Ok((turn, self.batches.clone()))
    }

    async fn wait<'a>(&self, places: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        let place = tokio::time::timeout(self.look_wait, places.acquire()).await;
        place.ok()?.ok()
    }
}

fn too_busy() -> Refusal {
    let detail = "as many requests as the node takes at once are under way";
    let next = "send it again, with the same Idempotency-Key";
    Refusal::new(503, codes::TOO_BUSY, detail, next)
}

fn no_answer(wait: Duration) -> Refusal {
    let detail = format!(
        "no answer within {} ms; it may still come",
        wait.as_millis()
    );
    let next = "send it again, with the same Idempotency-Key";
    Refusal::new(504, codes::NO_ANSWER_IN_TIME, detail, next)
}
