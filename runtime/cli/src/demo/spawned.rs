//! The engine that an upgrade started: whether it serves what the store holds.

use crate::client::Client;
use crate::failure::Failure;
use serde::Serialize;
use serde_json::Value;

/// The key that the demo wrote before any upgrade, and its value.
const OLDEST: (&str, &str) = ("greeting", "hello");

/// The entries that the index, started in the pause, knows at the end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Spawned {
    /// Its id.
    engine: String,
    /// Keys that the store holds.
    stored: u64,
    /// Keys that the index finds.
    indexed: u64,
    /// Keys that it gives for the oldest value.
    found: Vec<String>,
}

impl Spawned {
    pub(crate) async fn look(client: &Client) -> Result<Self, Failure> {
        let index = ask(client, "kv", "\"index\"").await?;
        let engine = index["index"]["engine"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let stored = ask(client, "kv", "\"length\"").await?;
        let indexed = ask(client, &engine, "\"length\"").await?;
        let query = serde_json::json!({"keys_with": {"value": OLDEST.1, "limit": 10}});
        let found = ask(client, &engine, &query.to_string()).await?;
        let keys = found["keys"]["keys"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(Self {
            engine,
            stored: stored["length"]["keys"].as_u64().unwrap_or(0),
            indexed: indexed["length"]["keys"].as_u64().unwrap_or(0),
            found: keys
                .iter()
                .filter_map(|key| key.as_str().map(ToOwned::to_owned))
                .collect(),
        })
    }

    pub(crate) fn text(&self) -> String {
        let (engine, stored, indexed) = (&self.engine, self.stored, self.indexed);
        format!(
            "started in the pause of upgrade 2: `{engine}`\n  \
             it finds {indexed} keys of the store's {stored}; `{}` is the value of {}\n",
            OLDEST.1,
            self.found.join(", ")
        )
    }

    pub(crate) fn broken(&self) -> Option<String> {
        let whole = self.stored == self.indexed && self.found == [OLDEST.0];
        (!whole).then(|| "the index does not find what the store holds".to_owned())
    }
}

/// The answer to a query.
pub(crate) async fn ask(client: &Client, engine: &str, query: &str) -> Result<Value, Failure> {
    let path = format!("/v1/engines/{engine}/queries");
    let answer = client.post(&path, &[], query.to_owned()).await?;
    client.decode(&answer)
}
