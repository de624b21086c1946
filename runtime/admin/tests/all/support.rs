//! The shared parts of the interface's tests: a running server over the [`double`], and a client.

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use refit_admin::api::Problem;
use refit_admin::{Address, Bytes, Limits, Listen, Server, Shutdown, Token};
use refit_test_support::Double;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A served double. The folder of its socket lives as long as it.
pub(crate) struct Served {
    pub(crate) address: Address,
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<()>,
    pub(crate) folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn unix() -> Self {
        Self::start(None, Double::default(), Limits::default()).await
    }

    pub(crate) async fn with(double: Double, limits: Limits) -> Self {
        Self::start(None, double, limits).await
    }

    pub(crate) async fn tcp() -> Self {
        let token = Token::new(TOKEN).unwrap();
        let listen = Listen::Tcp {
            addr: "127.0.0.1:0".parse().unwrap(),
            token,
            hosts: Vec::new(),
        };
        Self::start(Some(listen), Double::default(), Limits::default()).await
    }

    /// A double that the test looks into as well.
    pub(crate) async fn sharing(double: Arc<Double>, limits: Limits) -> Self {
        Self::serve(None, double, limits).await
    }

    pub(crate) async fn start(listen: Option<Listen>, double: Double, limits: Limits) -> Self {
        Self::serve(listen, Arc::new(double), limits).await
    }

    pub(crate) async fn serve(listen: Option<Listen>, double: Arc<Double>, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = listen.unwrap_or_else(|| Listen::Unix(folder.path().join("admin.sock")));
        let server = Server::bind(listen, double, limits).await.unwrap();
        let (address, shutdown) = (server.address().clone(), server.shutdown());
        Self {
            address,
            shutdown,
            task: tokio::spawn(server.serve()),
            folder,
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        match &self.address {
            Address::Unix(path) => Client::over(UnixStream::connect(path).await.unwrap()).await,
            Address::Tcp(addr) | Address::Probes(addr) => {
                Client::over(TcpStream::connect(addr).await.unwrap()).await
            }
            other => panic!("unknown address {other}"),
        }
    }

    pub(crate) async fn ask(&self, request: Request<Full<Bytes>>) -> Seen {
        self.connect().await.ask(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.ask(request("GET", path, "")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Seen {
        self.ask(request("POST", path, body)).await
    }
}

pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn over<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> Self {
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Seen {
        Seen::of(self.begin(request).await).await
    }

    /// Asks, and waits for the head of the answer only.
    pub(crate) async fn begin(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.0.ready().await.unwrap();
        self.0.send_request(request).await.unwrap()
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) text: String,
}

impl Seen {
    async fn of(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Checks that this is a whole problem with this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: Problem = self.json();
        assert_eq!((problem.status, problem.code.as_str()), (status, code));
        assert_eq!(problem.kind, format!("urn:refit:problem:{code}"));
        let texts = [
            &problem.title,
            &problem.detail,
            &problem.next,
            &problem.instance,
        ];
        assert!(texts.iter().all(|text| !text.is_empty()), "{problem:?}");
        problem
    }
}

/// A JSON request with the headers that a plain client sends.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::from(body.to_owned()))
        .unwrap()
}
