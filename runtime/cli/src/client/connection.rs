//! One connection to a node. It may be used for several requests, one after the other.

use super::outgoing::Outgoing;
use super::reads_on::ReadsOn;
use super::{ClientError, EventStream, NodeAddress};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use refit_admin::{BATCH_CONTENT_TYPE, BYTES_CONTENT_TYPE, Bytes, CODE_WAIT};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

/// Longest time to get a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Longest time from a request to the end of its answer; longer than the node's own deadline.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Largest answer, in bytes: a status with a thousand engines is well below.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The type of a body that is a stream of events.
const EVENT_STREAM: &[u8] = b"text/event-stream";

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    address: NodeAddress,
    host: String,
    authorization: Option<String>,
    sender: SendRequest<Outgoing>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer whose body comes bit by bit.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) headers: HeaderMap,
    pub(crate) body: super::Incoming,
}

impl Download {
    /// The text of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Answer {
    /// The text of a header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Connection {
    /// Connects. Must be called inside a tokio runtime, which then drives the connection.
    pub(crate) async fn open(
        address: &NodeAddress,
        token: Option<&str>,
    ) -> Result<Self, ClientError> {
        let (host, sender) = match address {
            NodeAddress::Unix(path) => {
                let stream = connected(address, UnixStream::connect(path)).await?;
                ("localhost".to_owned(), handshake(address, stream).await?)
            }
            NodeAddress::Http(host) => {
                let stream = connected(address, TcpStream::connect(host.as_str())).await?;
                let fail = |source| ClientError::Unreachable {
                    address: address.clone(),
                    source,
                };
                stream.set_nodelay(true).map_err(fail)?;
                (host.clone(), handshake(address, stream).await?)
            }
        };
        let authorization = token.map(|token| format!("Bearer {token}"));
        Ok(Self {
            address: address.clone(),
            host,
            authorization,
            sender,
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.ask(Method::GET, path, &[], String::new()).await
    }

    pub(crate) async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, headers, body).await
    }

    /// Posts bytes that are here already.
    pub(crate) async fn upload_whole(
        &mut self,
        path: &str,
        bytes: Bytes,
    ) -> Result<Answer, ClientError> {
        let (give, pieces) = mpsc::channel(1);
        // It has room for this one piece.
        let _ = give.try_send(bytes);
        drop(give);
        self.upload(path, pieces, CODE_WAIT).await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.ask(Method::DELETE, path, &[], String::new()).await
    }

    /// Begins to read a stream of events; returns the whole answer if it is none.
    pub(crate) async fn events(
        mut self,
        path: &str,
    ) -> Result<Result<EventStream, Answer>, ClientError> {
        let request = self.request(Method::GET, path, &[], String::new())?;
        let Self {
            address, sender, ..
        } = &mut self;
        let begin = async {
            let response = send(address, sender, request).await?;
            let kind = response.headers().get(CONTENT_TYPE);
            match kind.is_some_and(|kind| kind.as_bytes() == EVENT_STREAM) {
                true => Ok(Ok(EventStream::new(address.clone(), response.into_body()))),
                false => collect(address, response).await.map(Err),
            }
        };
        match tokio::time::timeout(ANSWER_WAIT, begin).await {
            Ok(begun) => begun,
            Err(_) => Err(no_answer(&self.address, ANSWER_WAIT)),
        }
    }

    /// Posts lines as they come. The answer's head comes at once, its body as the lines are answered.
    pub(crate) async fn batch(
        &mut self,
        lines: mpsc::Receiver<Bytes>,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = self.head(Method::POST, "/v1/messages");
        let request = request.header(CONTENT_TYPE, BATCH_CONTENT_TYPE);
        let request = with_body(request, Outgoing::lines(lines))?;
        let Self {
            address, sender, ..
        } = self;
        match tokio::time::timeout(ANSWER_WAIT, send(address, sender, request)).await {
            Ok(response) => response,
            Err(_) => Err(no_answer(address, ANSWER_WAIT)),
        }
    }

    /// Posts bytes as they come, and waits so long for the answer.
    pub(crate) async fn upload(
        &mut self,
        path: &str,
        pieces: mpsc::Receiver<Bytes>,
        wait: Duration,
    ) -> Result<Answer, ClientError> {
        let request = self.head(Method::POST, path);
        let request = request.header(CONTENT_TYPE, BYTES_CONTENT_TYPE);
        let request = with_body(request, Outgoing::lines(pieces))?;
        let Self {
            address, sender, ..
        } = self;
        match tokio::time::timeout(wait, exchange(address, sender, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(address, wait)),
        }
    }

    /// Posts nothing. The answer's body is read as it comes.
    pub(crate) async fn download(
        &mut self,
        path: &str,
        wait: Duration,
    ) -> Result<Response<Incoming>, ClientError> {
        let request = self.request(Method::POST, path, &[], String::new())?;
        let Self {
            address, sender, ..
        } = self;
        match tokio::time::timeout(wait, send(address, sender, request)).await {
            Ok(response) => response,
            Err(_) => Err(no_answer(address, wait)),
        }
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Result<Answer, ClientError> {
        let request = self.request(method, path, headers, body)?;
        let Self {
            address, sender, ..
        } = self;
        match tokio::time::timeout(ANSWER_WAIT, exchange(address, sender, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(address, ANSWER_WAIT)),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Result<Request<Outgoing>, ClientError> {
        let mut request = self.head(method, path);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        with_body(request, Outgoing::whole(body))
    }

    fn head(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host);
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }
}

fn with_body(request: Builder, body: Outgoing) -> Result<Request<Outgoing>, ClientError> {
    request.body(body).map_err(|error| ClientError::Request {
        reason: error.to_string(),
    })
}

async fn exchange(
    address: &NodeAddress,
    sender: &mut SendRequest<Outgoing>,
    request: Request<Outgoing>,
) -> Result<Answer, ClientError> {
    let response = send(address, sender, request).await?;
    collect(address, response).await
}

/// Sends a request; returns the answer's head, and its body as it comes.
async fn send(
    address: &NodeAddress,
    sender: &mut SendRequest<Outgoing>,
    request: Request<Outgoing>,
) -> Result<Response<Incoming>, ClientError> {
    let broke_off = |source| ClientError::BrokeOff {
        address: address.clone(),
        source,
    };
    sender.ready().await.map_err(broke_off)?;
    sender.send_request(request).await.map_err(broke_off)
}

pub(super) async fn collect(
    address: &NodeAddress,
    response: Response<Incoming>,
) -> Result<Answer, ClientError> {
    let (parts, body) = response.into_parts();
    let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return Err(match error.downcast::<hyper::Error>() {
                Ok(source) => ClientError::BrokeOff {
                    address: address.clone(),
                    source: *source,
                },
                Err(_) => ClientError::TooLarge {
                    address: address.clone(),
                    bytes_max: ANSWER_BYTES_MAX,
                },
            });
        }
    };
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

async fn connected<S>(
    address: &NodeAddress,
    connecting: impl Future<Output = io::Result<S>>,
) -> Result<S, ClientError> {
    match tokio::time::timeout(CONNECT_WAIT, connecting).await {
        Ok(stream) => stream.map_err(|source| ClientError::Unreachable {
            address: address.clone(),
            source,
        }),
        Err(_) => Err(no_answer(address, CONNECT_WAIT)),
    }
}

async fn handshake<S>(
    address: &NodeAddress,
    stream: S,
) -> Result<SendRequest<Outgoing>, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broke_off = |source| ClientError::BrokeOff {
        address: address.clone(),
        source,
    };
    let (sender, connection) = http1::handshake(TokioIo::new(ReadsOn::new(stream)))
        .await
        .map_err(broke_off)?;
    // Its errors reach the sender, too.
    tokio::spawn(connection);
    Ok(sender)
}

fn no_answer(address: &NodeAddress, wait: Duration) -> ClientError {
    ClientError::NoAnswer {
        address: address.clone(),
        wait_s: wait.as_secs(),
    }
}
