//! `refit`: runs a node, builds engines, plans and applies upgrades, talks to a running node.
//!
//! A command's way: `args` (what was typed) over `config` (the file) → `commands` (one file each)
//! → `client` to the node, or the crates that do the work → `show` (data to stdout, talk to
//! stderr). Whatever fails is a [`failure::Failure`], shown once, here, with its exit code.

mod args;
mod artifact;
mod client;
mod commands;
mod config;
mod demo;
mod destination;
mod dev;
mod exit;
mod failure;
mod files;
mod output;
mod package;
mod show;
mod signals;
mod source;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

fn main() -> ExitCode {
    let typed = args::Cli::command().get_matches();
    show::given::keep(&typed);
    let cli = args::Cli::from_arg_matches(&typed).unwrap_or_else(|error| error.exit());
    show::report::install();
    let code = match commands::dispatch(cli) {
        Ok(code) => code,
        Err(failure) => {
            let exit = failure.exit();
            show::report::failure(failure);
            exit.into()
        }
    };
    output::finish();
    code
}
