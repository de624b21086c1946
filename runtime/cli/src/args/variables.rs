//! Variables of the environment that stand for flags.

use clap::builder::{Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue};
use clap::{Command, Error};
use std::ffi::{OsStr, OsString};

/// Leaves out the empty ones: a script that sets one to nothing wants what holds without it.
pub(super) fn without_empty(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
        true => arg.env(Resettable::Reset),
        false => arg,
    })
}

/// Has an error about a flag that was not typed name the variable that its value comes from.
pub(crate) fn name_in(mut error: Error, command: &Command, typed: &[OsString]) -> Error {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = arg.split(' ').next().unwrap_or_default();
    let is_it = |word: &OsString| {
        let rest = word.to_str().and_then(|word| word.strip_prefix(flag));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    if typed.iter().any(is_it) {
        return error;
    }
    if let Some(variable) = variable_of(command, flag) {
        let tip = format!("the value is that of the variable {variable}");
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// The variable of a flag, if it is set.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let is_it = |arg: &&clap::Arg| {
        let long = arg.get_long();
        long.is_some_and(|long| flag.strip_prefix("--") == Some(long))
    };
    let own = command
        .get_arguments()
        .find(is_it)
        .and_then(clap::Arg::get_env);
    let set = own.filter(|name| std::env::var_os(name).is_some());
    let name = set.map(|name| name.to_string_lossy().into_owned());
    name.or_else(|| {
        let mut commands = command.get_subcommands();
        commands.find_map(|command| variable_of(command, flag))
    })
}
