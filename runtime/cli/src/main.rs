//! `refit`: runs a node, builds engines, plans and applies upgrades, talks to a running node.
//!
//! A command's way: `args` (what was typed) over `config` (the file) → `dispatch` → `commands` (one file each)
//! → `client` to the node, or the crates that do the work → `show` (data to stdout, talk to
//! stderr). Whatever fails is a [`failure::Failure`], shown once, here, with its exit code: to people
//! on stderr, and to programs that asked for JSON on stdout too.

mod args;
mod artifact;
mod bench;
mod chaos;
mod client;
mod commands;
mod config;
mod demo;
mod destination;
mod dev;
mod dispatch;
mod exit;
mod failure;
mod files;
mod output;
mod package;
mod progress;
mod release;
mod show;
mod signals;
mod source;
mod units;

use clap::{ArgMatches, FromArgMatches};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let mut command = args::command();
    let typed = match command.try_get_matches_from_mut(&words) {
        Ok(typed) => typed,
        Err(error) => {
            let error = args::name_in(error, &command, &words);
            show::report::not_parsed(&error);
            error.exit()
        }
    };
    show::given::keep(&typed);
    let cli = args::Cli::from_arg_matches(&typed).unwrap_or_else(|error| error.exit());
    show::report::install();
    let code = match dispatch::dispatch(cli, &typed) {
        Ok(code) => code,
        Err(failure) => {
            let exit = failure.exit();
            show::report::failure(failure, wants_json(&typed));
            exit.into()
        }
    };
    output::finish();
    code
}

/// Whether the command that was typed, or its environment, asks for JSON.
fn wants_json(typed: &ArgMatches) -> bool {
    match typed.subcommand() {
        Some((_, typed)) => wants_json(typed),
        None => matches!(typed.try_get_one("json"), Ok(Some(true))),
    }
}
