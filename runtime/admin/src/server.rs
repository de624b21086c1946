//! One listener and its connections, from bind to shutdown.
//!
//! A connection is taken only when there is a place for it; further ones wait in the system's
//! queue. At shutdown no connection is taken any more, requests under way are finished within
//! [`Limits::shutdown_wait`], and what is left then is cut.

use crate::guard::Door;
use crate::limits::{ACCEPT_RETRY_WAIT, HEAD_BYTES_MAX, HEADER_WAIT};
use crate::routes::Readers;
use crate::unix::Socket;
use crate::{Address, BindError, Limits, Listen, Node, routes};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// A bound listener of one node. A node that listens in two places has two servers.
#[derive(Debug)]
pub struct Server {
    socket: Bound,
    address: Address,
    router: Router,
    limits: Limits,
    shutdown: watch::Sender<bool>,
}

/// Ends a server from elsewhere.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// Asks the server to end; [`Server::serve`] returns when it has.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

#[derive(Debug)]
enum Bound {
    Unix(Socket),
    Tcp(TcpListener),
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Server {
    /// Binds a listener that will serve `node`. From now on connections wait in the system's queue
    /// until [`Server::serve`] runs.
    ///
    /// # Errors
    /// [`BindError`] says who is in the way, or what the system refused.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn bind(
        listen: Listen,
        node: Arc<dyn Node>,
        limits: Limits,
    ) -> Result<Self, BindError> {
        let (socket, address, door) = match listen {
            Listen::Unix(path) => (Bound::Unix(Socket::bind(&path)?), Address::Unix(path), None),
            Listen::Tcp { addr, token } => {
                let fail = |source| BindError::Tcp { addr, source };
                let listener = TcpListener::bind(addr).await.map_err(fail)?;
                let bound = listener.local_addr().map_err(fail)?;
                (
                    Bound::Tcp(listener),
                    Address::Tcp(bound),
                    Some(Door { bound, token }),
                )
            }
        };
        let shutdown = watch::Sender::new(false);
        let readers = Readers::new(shutdown.subscribe());
        let router = routes::router(node, limits, readers, door);
        Ok(Self {
            socket,
            address,
            router,
            limits,
            shutdown,
        })
    }

    /// Where it listens; for TCP with the port that it got.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A handle that ends it.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.shutdown.clone())
    }

    /// Serves until [`Shutdown::begin`], then finishes the requests under way.
    pub async fn serve(self) {
        let Self {
            socket,
            address,
            router,
            limits,
            shutdown,
        } = self;
        let mut ending = shutdown.subscribe();
        let mut connections = Connections::new(router, &limits);
        while let Some(stream) = next_stream(&socket, &mut connections, &mut ending).await {
            connections.start(stream);
        }
        drop(socket);
        tracing::debug!(%address, "no longer listening");
        connections.finish(&limits).await;
    }
}

/// The next connection for which there is a place; `None` at shutdown.
async fn next_stream(
    socket: &Bound,
    connections: &mut Connections,
    ending: &mut watch::Receiver<bool>,
) -> Option<(Stream, OwnedSemaphorePermit)> {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = ending.wait_for(|&ending| ending) => return None,
            Some(_) = connections.tasks.join_next() => continue,
            accepted = accept(socket, &connections.places) => accepted,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; is there a want of file descriptors?");
                tokio::time::sleep(ACCEPT_RETRY_WAIT).await;
            }
        }
    }
}

async fn accept(
    socket: &Bound,
    places: &Arc<Semaphore>,
) -> io::Result<(Stream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let stream = match socket {
        Bound::Unix(socket) => Stream::Unix(socket.listener.accept().await?.0),
        Bound::Tcp(listener) => {
            let stream = listener.accept().await?.0;
            stream.set_nodelay(true)?;
            Stream::Tcp(stream)
        }
    };
    Ok((stream, place))
}

/// The open connections of one listener.
struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    fn new(router: Router, limits: &Limits) -> Self {
        Self {
            router,
            places: Arc::new(Semaphore::new(limits.connections_max.max(1))),
            tasks: JoinSet::new(),
            graceful: GracefulShutdown::new(),
        }
    }

    fn start(&mut self, (stream, place): (Stream, OwnedSemaphorePermit)) {
        let router = self.router.clone();
        let watcher = self.graceful.watcher();
        self.tasks.spawn(async move {
            match stream {
                Stream::Unix(stream) => serve_one(stream, router, watcher).await,
                Stream::Tcp(stream) => serve_one(stream, router, watcher).await,
            }
            drop(place);
        });
    }

    async fn finish(mut self, limits: &Limits) {
        let finished = tokio::time::timeout(limits.shutdown_wait, self.graceful.shutdown()).await;
        if finished.is_err() {
            let left = self.tasks.len();
            tracing::warn!(left, "connections were cut at shutdown");
        }
        self.tasks.shutdown().await;
    }
}

async fn serve_one<S>(stream: S, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
