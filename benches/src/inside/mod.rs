//! [`InsideNode`]: a whole node in this process, asked through the library's own handle: what a client costs, less HTTP.
//!
//! It serves one `kv` (or what it is given) over a store of the caller's. Clients are futures on one thread; each waits
//! for its answers, and every answer is looked at.

mod clients;
mod upgrade;

pub(crate) use clients::{Flood, Flooded, client_key, fill, put};

use crate::BenchError;
use refit_abi::EngineId;
use refit_admin::{Bytes, Entrance, Node as _, Refusal};
use refit_loader::ProbeCommand;
use refit_node::{EngineConfig, Node, NodeConfig, NodeParts};
use refit_store::Store;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The name and the kind of the engine that clients write to.
pub(crate) const KV: &str = "kv";

/// The code that a node in this process runs.
#[derive(Clone, Copy, Debug)]
pub struct InsideCode<'a> {
    /// A library of `kv`.
    pub library: &'a Path,
    /// Another one, of other code with the same state.
    pub replacement: &'a Path,
    /// How the loader probes them.
    pub probe: &'a ProbeCommand,
}

/// A node in this process. It is stopped when this is dropped.
pub(crate) struct InsideNode {
    node: Arc<Node>,
    store: Arc<dyn Store>,
    runtime: Runtime,
}

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    /// The store opened, the newest checkpoint read and its code loaded; or the code loaded.
    pub(crate) prepared: Duration,
    /// The log executed again; or the engines started.
    pub(crate) started: Duration,
}

impl InsideNode {
    /// Starts a node of one `kv`, and says what that took.
    ///
    /// `parts` opens the store: that is part of a start.
    pub(crate) fn start(
        code: &InsideCode<'_>,
        parts: impl FnOnce() -> Result<NodeParts, BenchError>,
    ) -> Result<(Self, Started), BenchError> {
        let engine = EngineConfig {
            name: KV.to_owned(),
            kind: Some(KV.to_owned()),
            library: code.library.to_owned(),
            config: "{}".to_owned(),
        };
        Self::start_with(NodeConfig::new(vec![engine], code.probe.clone()), parts)
    }

    /// As [`InsideNode::start`], of other engines.
    pub(crate) fn start_with(
        mut config: NodeConfig,
        parts: impl FnOnce() -> Result<NodeParts, BenchError>,
    ) -> Result<(Self, Started), BenchError> {
        // Upgrade follows upgrade, and none is taken back here.
        config.probation_blocks = 0;
        // What is measured is configured as before or not; the folder is the bench's own.
        config.live_code = true;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bench-clients")
            .enable_time()
            .build()
            .map_err(|source| BenchError::Thread { source })?;
        let began = Instant::now();
        let parts = parts()?;
        let store = parts.store.clone();
        let prepared = Node::prepare_with(config, parts).map_err(failed)?;
        let prepared_at = Instant::now();
        let node = prepared.start().map_err(failed)?;
        let started = Started {
            prepared: prepared_at - began,
            started: prepared_at.elapsed(),
        };
        let this = Self {
            node,
            store,
            runtime,
        };
        Ok((this, started))
    }

    /// The store that it writes to.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Sends one message to `kv` and waits for its answer.
    pub(crate) fn send(&self, message: Vec<u8>) -> Result<Bytes, BenchError> {
        let sent = self
            .node
            .send(engine(KV)?, Entrance::UNIX, None, Bytes::from(message));
        let replied = self.runtime.block_on(sent).map_err(|why| refused(&why))?;
        Ok(replied.body)
    }

    /// Asks an engine something.
    pub(crate) fn query(&self, name: &str, query: &str) -> Result<Value, BenchError> {
        let query = Bytes::from(query.to_owned());
        let answer = self.node.query(engine(name)?, query);
        let answer = self.runtime.block_on(answer).map_err(|why| refused(&why))?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// The value of a key of `kv`, if it has it.
    pub(crate) fn value(&self, key: &str) -> Result<Option<String>, BenchError> {
        let answer = self.query(KV, &format!("{{\"get\":{{\"key\":\"{key}\"}}}}"))?;
        let value = &answer["value"]["entry"]["value"];
        Ok(value.as_str().map(str::to_owned))
    }
}

impl Drop for InsideNode {
    fn drop(&mut self) {
        self.node.stop();
    }
}

/// A store in this folder.
pub(crate) fn on_disk(folder: &Path) -> Result<NodeParts, BenchError> {
    NodeParts::on_disk(folder).map_err(failed)
}

pub(crate) fn engine(name: &str) -> Result<EngineId, BenchError> {
    Ok(EngineId::root(name)?)
}

/// A node in this process has no log of its own: what it says of a failure is all.
pub(crate) fn failed(reason: impl ToString) -> BenchError {
    BenchError::Node {
        reason: reason.to_string(),
        log: "(it ran in this process)".to_owned(),
    }
}

pub(crate) fn refused(refusal: &Refusal) -> BenchError {
    failed(refusal)
}
