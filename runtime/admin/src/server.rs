//! One listener and its connections, from bind to shutdown.
//!
//! When all places are taken, a new connection gets that of the one whose client has been awaited longest (see
//! [`crate::seats`]). At shutdown no connection is taken any more, requests under way are finished within
//! [`Limits::shutdown_wait`], and what is left then is cut.

use crate::guard::Door;
use crate::limits::{
    ACCEPT_RETRY_WAIT, ACCEPT_WARNING_PAUSE, HEAD_BYTES_MAX, HEADER_WAIT, ROOM_RETRY_WAIT,
    WRITE_BYTES_MIN,
};
use crate::paced::{Paced, WriteRate};
use crate::routes::App;
use crate::seats::{Room, Seat, Seats};
use crate::unix::Socket;
use crate::{Address, BindError, Limits, Listen, Node, routes};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
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
        let shutdown = watch::Sender::new(false);
        let app = App::new(node, limits, shutdown.subscribe());
        let (socket, address, router) = match listen {
            Listen::Unix(path) => {
                let socket = Bound::Unix(Socket::bind(&path)?);
                (socket, Address::Unix(path), routes::all(app, None))
            }
            Listen::Tcp { addr, token, hosts } => {
                let (socket, bound) = bind_tcp(addr).await?;
                let token = Some(token);
                let door = Door {
                    bound,
                    token,
                    hosts,
                };
                let router = routes::all(app, Some(door));
                (socket, Address::Tcp(bound), router)
            }
            Listen::Probes { addr, hosts } => {
                let (socket, bound) = bind_tcp(addr).await?;
                let door = Door {
                    bound,
                    token: None,
                    hosts,
                };
                let router = routes::probes(app, door);
                (socket, Address::Probes(bound), router)
            }
        };
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
        let has_strangers = matches!(socket, Bound::Tcp(_));
        let mut connections = Connections::new(router, &limits, has_strangers);
        while let Some(stream) = next_stream(&socket, &mut connections, &mut ending).await {
            connections.start(stream);
        }
        drop(socket);
        tracing::debug!(%address, "no longer listening");
        connections.finish(&limits).await;
    }
}

async fn bind_tcp(addr: SocketAddr) -> Result<(Bound, SocketAddr), BindError> {
    let fail = |source| BindError::Tcp { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(fail)?;
    let bound = listener.local_addr().map_err(fail)?;
    Ok((Bound::Tcp(listener), bound))
}

/// The next connection for which there is a place; `None` at shutdown.
async fn next_stream(
    socket: &Bound,
    connections: &mut Connections,
    ending: &mut watch::Receiver<bool>,
) -> Option<Stream> {
    loop {
        let has_room = connections.seats.has_room();
        let accepted = tokio::select! {
            biased;
            _ = ending.wait_for(|&ending| ending) => return None,
            Some(_) = connections.tasks.join_next() => continue,
            accepted = accept(socket), if has_room => accepted,
            () = tokio::time::sleep(ROOM_RETRY_WAIT), if !has_room => continue,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                connections.trouble.tell(&error);
                tokio::time::sleep(ACCEPT_RETRY_WAIT).await;
            }
        }
    }
}

async fn accept(socket: &Bound) -> io::Result<Stream> {
    match socket {
        Bound::Unix(socket) => Ok(Stream::Unix(socket.listener.accept().await?.0)),
        Bound::Tcp(listener) => {
            let stream = listener.accept().await?.0;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
    }
}

/// Connections that could not be accepted, told once in a while.
#[derive(Default)]
struct Trouble {
    told: Option<Instant>,
    hidden: u64,
}

impl Trouble {
    fn tell(&mut self, error: &io::Error) {
        if self
            .told
            .is_some_and(|told| told.elapsed() < ACCEPT_WARNING_PAUSE)
        {
            self.hidden += 1;
            return;
        }
        let hidden = std::mem::take(&mut self.hidden);
        self.told = Some(Instant::now());
        tracing::warn!(%error, hidden, "a connection could not be accepted; is there a want of file descriptors?");
    }
}

/// The open connections of one listener.
struct Connections {
    router: TowerToHyperService<Router>,
    seats: Seats,
    rate: WriteRate,
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
    trouble: Trouble,
}

impl Connections {
    fn new(router: Router, limits: &Limits, has_strangers: bool) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            seats: Seats::new(Room {
                all: limits.connections_max.max(1),
                strangers: limits.strangers_max.max(1),
                come_as_strangers: has_strangers,
            }),
            rate: WriteRate {
                window: limits.write_window,
                bytes_min: WRITE_BYTES_MIN,
            },
            tasks: JoinSet::new(),
            graceful: GracefulShutdown::new(),
            trouble: Trouble::default(),
        }
    }

    fn start(&mut self, stream: Stream) {
        let taken = self.seats.take();
        let service = Seated {
            router: self.router.clone(),
            seat: taken.seat.clone(),
        };
        let (watcher, rate) = (self.graceful.watcher(), self.rate);
        self.tasks.spawn(async move {
            let seat = taken.seat.clone();
            let served = async {
                match stream {
                    Stream::Unix(stream) => {
                        serve_one(Paced::new(stream, seat, rate), service, watcher).await;
                    }
                    Stream::Tcp(stream) => {
                        serve_one(Paced::new(stream, seat, rate), service, watcher).await;
                    }
                }
            };
            tokio::select! {
                () = served => {}
                () = taken.seat.gone() => tracing::debug!("a connection had to make place"),
            }
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

/// The routes as one connection sees them.
#[derive(Clone)]
struct Seated {
    router: TowerToHyperService<Router>,
    seat: Arc<Seat>,
}

impl Service<Request<Incoming>> for Seated {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.seat.clone());
        self.router.call(request)
    }
}

async fn serve_one<S>(stream: Paced<S>, service: Seated, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
