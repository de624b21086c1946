//! One listener, from bind to shutdown; its connections are in [`crate::connections`].
//!
//! At shutdown no connection is taken any more, requests under way are finished within [`Limits::shutdown_wait`], and
//! what is left then is cut.

use crate::connections::{Connections, Stream};
use crate::guard::Door;
use crate::limits::{ACCEPT_RETRY_WAIT, ACCEPT_WARNING_PAUSE, ROOM_RETRY_WAIT};
use crate::routes::{App, Served};
use crate::stations::Stations;
use crate::unix::Socket;
use crate::{Address, BindError, Limits, Listen, Node, routes};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A bound listener of one node. A node that listens in two places has two servers.
pub struct Server {
    socket: Bound,
    address: Address,
    stations: Arc<Stations>,
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

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
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
        let share = listen.share();
        let app = App::new(Served { node, share }, limits, shutdown.subscribe());
        let (socket, address, stations) = match listen {
            Listen::Unix(path) => unix(app, path, None)?,
            Listen::UnixGroup { path, group } => unix(app, path, Some(group))?,
            Listen::Tcp { addr, token, hosts } => {
                let (socket, bound) = bind_tcp(addr).await?;
                let token = Some(token);
                let door = Door {
                    bound,
                    token,
                    hosts,
                };
                let routes = routes::all(app.clone());
                let stations = Stations::new(app, Some(door), routes);
                (socket, Address::Tcp(bound), stations)
            }
            Listen::Probes { addr, hosts } => {
                let (socket, bound) = bind_tcp(addr).await?;
                let door = Door {
                    bound,
                    token: None,
                    hosts,
                };
                let routes = routes::probes(app.clone());
                let stations = Stations::for_probes(app, door, routes);
                (socket, Address::Probes(bound), stations)
            }
        };
        Ok(Self {
            socket,
            address,
            stations: Arc::new(stations),
            limits,
            shutdown,
        })
    }

    /// The address that it listens on; for TCP with the port that it got.
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
            stations,
            limits,
            shutdown,
        } = self;
        let mut ending = shutdown.subscribe();
        let has_strangers = matches!(socket, Bound::Tcp(_));
        let mut connections = Connections::new(stations, &limits, has_strangers);
        let mut trouble = Trouble::default();
        while let Some(stream) =
            next_stream(&socket, &mut connections, &mut trouble, &mut ending).await
        {
            connections.start(stream);
        }
        // Closed before the requests under way end: a new client is refused at once, not left waiting.
        drop(socket);
        tracing::debug!(%address, "no longer listening");
        connections.finish(&limits).await;
    }
}

fn unix(
    app: App,
    path: PathBuf,
    group: Option<u32>,
) -> Result<(Bound, Address, Stations), BindError> {
    let socket = Bound::Unix(Socket::bind(&path, group)?);
    let routes = routes::all(app.clone());
    let stations = Stations::new(app, None, routes);
    Ok((socket, Address::Unix(path), stations))
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
    trouble: &mut Trouble,
    ending: &mut watch::Receiver<bool>,
) -> Option<Stream> {
    loop {
        let has_room = connections.has_room();
        let accepted = tokio::select! {
            biased;
            _ = ending.wait_for(|&ending| ending) => return None,
            Some(_) = connections.one_ended() => continue,
            accepted = accept(socket), if has_room => accepted,
            () = tokio::time::sleep(ROOM_RETRY_WAIT), if !has_room => continue,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                trouble.tell(&error);
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

/// Connections that could not be accepted, logged once in a while.
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
        tracing::warn!(%error, hidden, "a connection could not be accepted; is the process out of file descriptors?");
    }
}
