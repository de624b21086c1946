//! [`Picture`]: what a node at rest has, so far as it can be asked: two starts from one data folder have the same.

use super::found::{Check, Found};
use crate::client::Client;
use crate::failure::Failure;
use refit_admin::api::Status;
use serde_json::Value;

/// Entries of the store that are compared: more than there are clients.
const ENTRIES_MAX: u32 = 1_000;

/// A node at rest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    branch: u64,
    height: u64,
    generation: u64,
    artifacts: Vec<String>,
    /// Each engine with the messages that it has handled, and those that wait.
    engines: Vec<(String, u64, u64)>,
    parameters: Option<String>,
    entries: Value,
}

impl Picture {
    pub(super) async fn take(client: &Client) -> Result<Self, Failure> {
        let status: Status = client.get("/v1/status").await?;
        let query = format!(r#"{{"range":{{"from":"","to":null,"limit":{ENTRIES_MAX}}}}}"#);
        let answer = client.post("/v1/engines/kv/queries", &[], query).await?;
        let engine = |engine: &refit_admin::api::EngineStatus| {
            (engine.id.clone(), engine.messages, engine.mailbox)
        };
        Ok(Self {
            branch: status.branch,
            height: status.height.0,
            generation: status.generation.0,
            artifacts: status.kinds.iter().map(|it| it.artifact.clone()).collect(),
            engines: status.engines.iter().map(engine).collect(),
            parameters: status.parameters.map(|it| it.hash),
            entries: client.decode(&answer)?,
        })
    }

    /// What the next start has that differs.
    pub(super) fn compare(&self, again: &Self) -> Vec<Found> {
        match self == again {
            true => Vec::new(),
            false => {
                let detail = format!("first {self:?}, then {again:?}");
                vec![Found::new(Check::NotTheSameAgain, detail)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_start_that_has_one_entry_or_one_block_less_is_found() {
        let first = Picture {
            branch: 0,
            height: 7,
            generation: 2,
            artifacts: vec!["a".to_owned()],
            engines: vec![("kv".to_owned(), 5, 0)],
            parameters: None,
            entries: json!({"entries": {"entries": [{"key": "chaos-0", "value": "5"}]}}),
        };
        assert_eq!(first.compare(&first.clone()), []);
        let lower = Picture {
            height: 6,
            ..first.clone()
        };
        let less = Picture {
            entries: json!({"entries": {"entries": []}}),
            ..first.clone()
        };
        for other in [lower, less] {
            assert_eq!(first.compare(&other)[0].check, Check::NotTheSameAgain);
        }
    }
}
