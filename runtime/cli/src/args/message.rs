//! Talking to an engine.

use clap::Args;
use refit_abi::EngineId;
use refit_admin::RequestId;

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The engine: its name, or the 32 digits of its id.
    #[arg(value_name = "ENGINE")]
    pub(crate) engine: EngineId,
    /// The message as JSON; `-` reads it from stdin.
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    pub(crate) message: String,
    /// Under which the message is executed once, however often it is sent, and no other is: CLIENT/SEQUENCE.
    #[arg(long, value_name = "CLIENT/SEQUENCE", env = "REFIT_KEY")]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The engine: its name, or the 32 digits of its id.
    #[arg(value_name = "ENGINE")]
    pub(crate) engine: EngineId,
    /// The query as JSON; `-` reads it from stdin.
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    pub(crate) query: String,
}
