//! The open connections of one listener, from the first request to the end.
//!
//! When all places are taken, a new connection gets that of the one whose client has been awaited longest (see
//! [`crate::seats`]). At shutdown a connection ends behind the answer that it owes; a client that does not take its
//! answer is waited for no longer than [`STOP_WRITE_WAIT`](crate::STOP_WRITE_WAIT).

use crate::limits::{HEAD_BYTES_MAX, HEADER_WAIT, Limits, STOP_WRITE_WAIT, WRITE_BYTES_MIN};
use crate::paced::{Paced, WriteRate};
use crate::seat::{Leave, Seat};
use crate::seats::{SeatLimits, Seats, Taken};
use crate::stations::Stations;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

/// The stream under a connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// The open connections.
pub(crate) struct Connections {
    stations: Arc<Stations>,
    seats: Seats,
    rate: WriteRate,
    tasks: JoinSet<()>,
}

/// One connection as its requests see it.
struct Connection {
    stations: Arc<Stations>,
    seat: Arc<Seat>,
}

impl Connections {
    pub(crate) fn new(stations: Arc<Stations>, limits: &Limits, has_strangers: bool) -> Self {
        Self {
            stations,
            seats: Seats::new(SeatLimits {
                all: limits.connections_max.max(1),
                strangers: limits.strangers_max.max(1),
                come_as_strangers: has_strangers,
            }),
            rate: WriteRate {
                window: limits.write_window,
                bytes_min: WRITE_BYTES_MIN,
                stop_wait: STOP_WRITE_WAIT.min(limits.write_window),
            },
            tasks: JoinSet::new(),
        }
    }

    /// Whether one more may come.
    pub(crate) fn has_room(&self) -> bool {
        self.seats.has_room()
    }

    /// Waits until one has ended; `None` if there is none.
    pub(crate) async fn one_ended(&mut self) -> Option<()> {
        // A task that panicked has said so.
        self.tasks.join_next().await.map(drop)
    }

    pub(crate) fn start(&mut self, stream: Stream) {
        let taken = self.seats.take();
        let (stations, rate) = (self.stations.clone(), self.rate);
        self.tasks.spawn(async move {
            let seat = taken.seat.clone();
            match stream {
                Stream::Unix(stream) => {
                    serve(Paced::new(stream, seat, rate), stations, taken).await;
                }
                Stream::Tcp(stream) => serve(Paced::new(stream, seat, rate), stations, taken).await,
            }
        });
    }

    /// Has all of them end behind what they owe, and cuts those that do not in time.
    pub(crate) async fn finish(mut self, limits: &Limits) {
        self.seats.end_all();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.shutdown_wait, all)
            .await
            .is_err()
        {
            let left = self.tasks.len();
            tracing::warn!(left, "connections were cut at shutdown");
        }
        self.tasks.shutdown().await;
    }
}

async fn serve<S>(stream: Paced<S>, stations: Arc<Stations>, mut taken: Taken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = Arc::new(Connection {
        stations,
        seat: taken.seat.clone(),
    });
    let service = service_fn(move |request| {
        let connection = connection.clone();
        async move {
            let Connection { stations, seat } = &*connection;
            Ok::<_, Infallible>(stations.answer(seat, request).await)
        }
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WAIT)
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = poll_fn(|cx| {
        match taken.poll_leave(cx) {
            Poll::Ready(Leave::Now) => {
                tracing::debug!("a connection was closed to make room for another");
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Leave::WhenDone) => served.as_mut().graceful_shutdown(),
            Poll::Pending => {}
        }
        served.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
