//! [`Directives`]: what a plan orders beyond which modules come in.

use crate::budget::BusBudget;
use refit_kernel::ParameterChanges;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// How a node does an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// While it serves, between two blocks.
    #[default]
    Hot,
    /// While it does not serve: it stops at the height, and starts as the new generation.
    Offline,
}

impl Strategy {
    /// Whether a plan need not say it.
    fn is_hot(&self) -> bool {
        *self == Self::Hot
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hot => "hot",
            Self::Offline => "offline",
        })
    }
}

/// A plan's orders beside its modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directives {
    /// Kinds whose engines start afresh with the configuration they were started with; their states are
    /// dropped: the restart strategy `restart-engine`. All others are `hot`.
    #[serde(default)]
    pub restart: BTreeSet<String>,
    /// Kinds whose queued messages become dead letters if the new code does not take them. For all
    /// others such a message aborts the upgrade.
    #[serde(default)]
    pub dead_letters: BTreeSet<String>,
    /// Kinds whose replies are meant to differ: a shadow replay that finds it only notes it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub expected: BTreeSet<String>,
    /// Codes of the linter's errors that the operator allows.
    #[serde(default)]
    pub allow: BTreeSet<String>,
    /// The most that the transitions may use.
    #[serde(default)]
    pub budget: BusBudget,
    /// Other parameters of the node, from the update point on: they change in the same step as the code, or not at
    /// all.
    #[serde(default)]
    pub parameters: ParameterChanges,
    /// How the node does it. A plan that does not say it is one for a node that serves.
    #[serde(default, skip_serializing_if = "Strategy::is_hot")]
    pub strategy: Strategy,
}
