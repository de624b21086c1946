//! An HTTP client for one node: over its unix socket or TCP, every wait bounded.

mod address;
mod connection;
mod error;
mod events;
mod incoming;
mod offer;
mod outgoing;
mod reads_on;
mod refused;

pub(crate) use address::NodeAddress;
pub(crate) use connection::{Answer, Connection, Download};
pub(crate) use error::ClientError;
pub(crate) use events::{EventStream, ServerEvent};
pub(crate) use incoming::Incoming;
pub(crate) use refused::Refused;

use crate::failure::Failure;
use refit_admin::Bytes;
use refit_admin::api::Problem;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::sync::mpsc;

/// A node that can be asked.
#[derive(Debug)]
pub(crate) struct Client {
    address: NodeAddress,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(address: NodeAddress, token: Option<String>) -> Self {
        Self { address, token }
    }

    /// Asks for `path` and decodes the answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.fetch(path).await?;
        self.decode(&answer)
    }

    /// Asks for `path`.
    pub(crate) async fn fetch(&self, path: &str) -> Result<Answer, Failure> {
        let mut connection = self.connect().await?;
        let answer = connection.get(path).await?;
        self.accept(answer)
    }

    /// Posts a JSON text, with headers on top of the usual ones.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, String)],
        body: String,
    ) -> Result<Answer, Failure> {
        let mut connection = self.connect().await?;
        let answer = connection.post(path, headers, body).await?;
        self.accept(answer)
    }

    /// Asks for what is made and sent as bytes; waits as long for its beginning.
    pub(crate) async fn download(&self, path: &str, wait: Duration) -> Result<Download, Failure> {
        let mut connection = self.connect().await?;
        let response = connection.download(path, wait).await?;
        if response.status().is_success() {
            let (head, body) = response.into_parts();
            return Ok(Download {
                headers: head.headers,
                body: Incoming::new(self.address.clone(), body),
            });
        }
        let answer = connection::collect(&self.address, response).await?;
        Err(self.refused(&answer))
    }

    /// Posts lines as they come, and gives the answers as they come.
    pub(crate) async fn batch(&self, lines: mpsc::Receiver<Bytes>) -> Result<Incoming, Failure> {
        let mut connection = self.connect().await?;
        let response = connection.batch(lines).await?;
        if response.status().is_success() {
            return Ok(Incoming::new(self.address.clone(), response.into_body()));
        }
        let answer = connection::collect(&self.address, response).await?;
        Err(self.refused(&answer))
    }

    /// Posts bytes as they come, and waits so long for the answer.
    pub(crate) async fn upload(
        &self,
        path: &str,
        pieces: mpsc::Receiver<Bytes>,
        wait: Duration,
    ) -> Result<Answer, Failure> {
        let mut connection = self.connect().await?;
        let answer = connection.upload(path, pieces, wait).await?;
        self.accept(answer)
    }

    /// Deletes what is at `path`.
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, Failure> {
        let mut connection = self.connect().await?;
        let answer = connection.delete(path).await?;
        self.accept(answer)
    }

    /// Begins to read the events at `path`.
    pub(crate) async fn events(&self, path: &str) -> Result<EventStream, Failure> {
        let connection = self.connect().await?;
        match connection.events(path).await? {
            Ok(stream) => Ok(stream),
            Err(answer) => match self.accept(answer) {
                Ok(answer) => Err(self.no_stream(&answer).into()),
                Err(failure) => Err(failure),
            },
        }
    }

    /// Decodes a text of the node's.
    pub(crate) fn decode_text<T: DeserializeOwned>(&self, text: &str) -> Result<T, Failure> {
        serde_json::from_str(text).map_err(|source| self.not_understood(&source).into())
    }

    /// Decodes the body of an answer.
    pub(crate) fn decode<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        serde_json::from_slice(&answer.body).map_err(|source| self.not_understood(&source).into())
    }

    async fn connect(&self) -> Result<Connection, ClientError> {
        Connection::open(&self.address, self.token.as_deref()).await
    }

    /// Passes a success on, and makes a refusal of the rest.
    fn accept(&self, answer: Answer) -> Result<Answer, Failure> {
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(self.refused(&answer)),
        }
    }

    /// The problem of an answer that is no success.
    fn refused(&self, answer: &Answer) -> Failure {
        match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => Refused(problem).into(),
            Err(source) => self.not_understood(&source).into(),
        }
    }

    fn no_stream(&self, answer: &Answer) -> ClientError {
        let found = answer.header("content-type").unwrap_or("nothing");
        ClientError::NotUnderstood {
            address: self.address.clone(),
            reason: format!("a stream of events was expected, and {found} came"),
        }
    }

    fn not_understood(&self, source: &serde_json::Error) -> ClientError {
        ClientError::NotUnderstood {
            address: self.address.clone(),
            reason: source.to_string(),
        }
    }
}
