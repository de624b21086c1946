//! The rules of the log, as `--log` gives them.

use crate::config::ConfigError;
use tracing_subscriber::EnvFilter;

/// The words that are levels.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The greatest number that is a level too.
const LEVEL_NUMBER_MAX: u8 = 5;

/// The filter of these rules.
///
/// # Errors
/// [`ConfigError::Log`], also of a word that is no level: the library would take it for the name of a program's part, and
/// show nothing of all others.
pub(super) fn filter(rules: &str) -> Result<EnvFilter, ConfigError> {
    let refused = |reason| ConfigError::Log {
        rules: rules.to_owned(),
        reason,
    };
    // Rules about spans have commas of their own; nobody writes one by mistake.
    if !rules.contains('[') {
        let mut each = rules.split(',').map(str::trim);
        if let Some(wrong) = each.find(|rule| !has_level(rule)) {
            return Err(refused(format!("`{wrong}` names no level")));
        }
    }
    EnvFilter::try_new(rules).map_err(|error| refused(error.to_string()))
}

/// Whether a rule is a level, or the name of a part with its level. Whether that is one, the library says.
fn has_level(rule: &str) -> bool {
    let is_level = |word: &str| {
        let number = word.parse().ok();
        let is_number = number.is_some_and(|number: u8| number <= LEVEL_NUMBER_MAX);
        is_number || LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level))
    };
    match rule.split_once('=') {
        Some((_, level)) => !level.is_empty(),
        None => rule.is_empty() || is_level(rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_would_silence_all_by_a_slip_are_refused() {
        for rules in ["verbose", "banana=", "info,refit_node", "refit=loud"] {
            let refused = filter(rules).map(drop).unwrap_err();
            assert!(refused.to_string().contains(rules), "{refused}");
        }
        for rules in [
            "info",
            "WARN",
            "0",
            "info,refit_node=debug",
            "warn,engine_output=off",
            "",
            "[span{field=1}]=debug",
        ] {
            assert!(filter(rules).is_ok(), "{rules}");
        }
    }
}
