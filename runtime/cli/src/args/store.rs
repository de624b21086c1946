//! [`StoreKind`]: where a node keeps its blocks and states; [`CodeChoice`]: which code may be configured for them.

use serde::Deserialize;

/// Where a node keeps its blocks and states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StoreKind {
    /// In the data folder, so that the next start goes on where the node ended, however it ended.
    #[default]
    Redb,
    /// In memory: when the node ends they are gone.
    Memory,
}

/// Which code the configuration may name for a data folder that has begun. The code that starts is the live one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CodeChoice {
    /// The one that it named before, or the live one: anything else is refused.
    #[default]
    Same,
    /// Any.
    Live,
    /// Any; if it is not live, it comes in before the node serves, as an upgrade.
    FromConfig,
}
