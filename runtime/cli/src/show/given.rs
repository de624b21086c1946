//! The flags that say which node is meant, as they were typed: the likely next command needs them too.

use clap::ArgMatches;
use clap::parser::ValueSource;
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::OnceLock;

/// The text put behind `refit`: nothing, or flags with a space before each.
static GIVEN: OnceLock<String> = OnceLock::new();

/// Keeps the typed flags. The next command finds those of the environment by itself.
pub(crate) fn keep(typed: &ArgMatches) {
    let mut flags = String::new();
    for (id, flag) in [("data_dir", "--data-dir"), ("node", "--node")] {
        if typed.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let values = typed.get_raw(id).into_iter().flatten();
        for value in values.filter_map(|value| value.to_str()) {
            // Writing to a string does not fail.
            let _ = write!(flags, " {flag} {}", quoted(value));
        }
    }
    let _ = GIVEN.set(flags);
}

/// The command, for the node that was meant.
pub(super) fn with_given(command: &str) -> Cow<'_, str> {
    with(command, GIVEN.get().map_or("", String::as_str))
}

fn with<'a>(command: &'a str, flags: &str) -> Cow<'a, str> {
    match command.strip_prefix("refit ") {
        // It has flags of its own that say so.
        Some(rest) if !rest.starts_with("--") => Cow::Owned(format!("refit{flags} {rest}")),
        _ => Cow::Borrowed(command),
    }
}

/// As a shell reads it back.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@+,%".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => Cow::Borrowed(value),
        false => Cow::Owned(format!("'{}'", value.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_the_flags_and_other_text_does_not() {
        let flags = " --data-dir x";
        assert_eq!(with("refit status", flags), "refit --data-dir x status");
        assert_eq!(with("refit status", ""), "refit status");
        for other in ["refit --node unix:y status", "mend it"] {
            assert_eq!(with(other, flags), other);
        }
    }

    #[test]
    fn a_shell_reads_back_what_was_typed() {
        assert_eq!(quoted("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
