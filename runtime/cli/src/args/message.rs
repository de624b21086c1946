//! Talking to an engine.

use super::OutputArgs;
use super::engine::engine;
use clap::Args;
use refit_abi::EngineId;
use refit_admin::RequestId;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The engine: its name, the 32 digits of its id, or NAME#N for the engine that NAME has started as its Nth, from 0.
    #[arg(value_name = "ENGINE", value_parser = engine, required_unless_present = "batch")]
    pub(crate) engine: Option<EngineId>,
    /// The message as JSON; `-` reads it from stdin.
    #[arg(
        value_name = "JSON",
        allow_negative_numbers = true,
        required_unless_present = "batch"
    )]
    pub(crate) message: Option<String>,
    /// Key, CLIENT/SEQUENCE: the message is executed once, however often it is sent; another one under it is refused.
    #[arg(long, value_name = "CLIENT/SEQUENCE", env = "REFIT_KEY")]
    pub(crate) key: Option<RequestId>,
    /// Sends many: a line for each, such as {"engine":"kv","key":"ada/17","message":{…}}, where the key may be left
    /// out; `-` reads from stdin. A line is printed for each answer, in the same order.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["engine", "message", "key"])]
    pub(crate) batch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The engine: its name, the 32 digits of its id, or NAME#N for the engine that NAME has started as its Nth, from 0.
    #[arg(value_name = "ENGINE", value_parser = engine)]
    pub(crate) engine: EngineId,
    /// The query as JSON; `-` reads it from stdin.
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    pub(crate) query: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
