//! Parameters: limits, budgets and grants that the results of blocks depend on, as `GET` and `POST /v1/parameters` say.

use refit_abi::Height;
use refit_abi::descriptor::CapabilityDescriptor;
use refit_abi::host::each_name_once;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The parameters that hold for the next block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParametersReport {
    /// Their hash, as it stands in the next block's header: 64 hexadecimal digits.
    pub hash: String,
    /// The block after which they came into force; 0: those that this run of the node began with.
    pub since: Height,
    /// The numbers, in a fixed order.
    pub values: Vec<ParameterValue>,
    /// For each kind that is listed, all that it may do; all others are granted what they declare.
    #[serde(default)]
    pub grants: BTreeMap<String, Vec<CapabilityDescriptor>>,
    /// In the answer to an order that has set some: what they were by it. What holds now, as the rest says, may be of a
    /// later order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<ParametersOrdered>,
}

/// What an order has made of the parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParametersOrdered {
    /// Their hash behind it.
    pub hash: String,
    /// The block that has it.
    pub height: Height,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterValue {
    /// Its name, such as `block.messages`.
    pub name: String,
    /// What it is.
    pub value: u64,
    /// What it counts, such as `messages` or `bytes`.
    pub unit: String,
    /// What it is where nobody has set it.
    pub default: u64,
    /// The least that it may be set to.
    pub least: u64,
    /// The most.
    pub most: u64,
}

/// What is to be changed; the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterChange {
    /// Numbers, by name; each once.
    #[serde(default, deserialize_with = "each_name_once")]
    pub set: BTreeMap<String, u64>,
    /// For each kind, once, all that it may do; `null`: whatever it declares.
    #[serde(default, deserialize_with = "each_name_once")]
    pub grants: BTreeMap<String, Option<Vec<CapabilityDescriptor>>>,
}

/// A poisoned engine goes on with the state that it had before the message that poisoned it:
/// `POST /v1/engines/{id}/revive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineRevived {
    /// The engine's id, as text.
    pub engine: String,
    /// The block that says so: its messages come to that state.
    pub height: Height,
    /// The block of the message that poisoned it; none if this was done before under its key.
    pub poisoned_at: Option<Height>,
    /// Bytes of the state; none likewise.
    pub state_bytes: Option<u64>,
}

/// An engine was started afresh: `POST /v1/engines/{id}/restart`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineRestarted {
    /// The engine's id, as text.
    pub engine: String,
    /// The block that says so: its messages come to the fresh state.
    pub height: Height,
    /// Whether it was poisoned before.
    pub was_poisoned: bool,
    /// Timers of its former life that were dropped.
    pub timers_dropped: u64,
}
