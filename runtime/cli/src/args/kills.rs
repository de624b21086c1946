//! [`Kills`]: where `refit chaos` kills a node, life by life, as a text that can be given again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Most lives of one node that are killed.
const KILLS_MAX: usize = 16;

/// Longest time until a kill.
const AFTER_MAX: Duration = Duration::from_secs(60);

/// One kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// When this step is announced so many times, before the node goes on with it.
    At {
        /// As the node says it.
        step: String,
        /// Counted from 1.
        occurrence: u32,
    },
    /// This long after the process was started.
    After(Duration),
    /// The node's folder is lost, and a snapshot that was taken before is restored into a new one: that is killed at this
    /// step, and done again.
    Restoring {
        /// As the restoring process says it.
        step: String,
        /// Counted from 1.
        occurrence: u32,
    },
}

/// How a kill of a restore is told from one of a node.
const RESTORING: &str = "restore/";

/// A kill for each life of a node, in their order; the life behind the last one is not killed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kills(pub(crate) Vec<Kill>);

impl FromStr for Kill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_suffix("ms") {
            let after = number.parse().map(Duration::from_millis);
            let after = after.ok().filter(|after| *after <= AFTER_MAX);
            return after.map(Self::After).ok_or_else(|| {
                let most = AFTER_MAX.as_millis();
                format!("`{text}` is no time of at most {most}ms")
            });
        }
        let restoring = text.strip_prefix(RESTORING);
        let at = restoring.unwrap_or(text);
        let (step, occurrence) = at.split_once('#').unwrap_or((at, "1"));
        let is_step = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        match occurrence.parse() {
            Ok(occurrence) if occurrence > 0 && !step.is_empty() && step.bytes().all(is_step) => {
                let step = step.to_owned();
                Ok(match restoring {
                    Some(_) => Self::Restoring { step, occurrence },
                    None => Self::At { step, occurrence },
                })
            }
            _ => Err(format!(
                "`{text}` is neither a step, such as blocks-done#3 or restore/keep-done#1, nor a time, such as 150ms"
            )),
        }
    }
}

impl FromStr for Kills {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kills: Vec<_> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        match kills.len() <= KILLS_MAX {
            true => Ok(Self(kills)),
            false => Err(format!(
                "{} kills; at most {KILLS_MAX} are taken",
                kills.len()
            )),
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { step, occurrence } => write!(f, "{step}#{occurrence}"),
            Self::Restoring { step, occurrence } => write!(f, "{RESTORING}{step}#{occurrence}"),
            Self::After(after) => write!(f, "{}ms", after.as_millis()),
        }
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, kill) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{kill}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_read_as_they_are_written() {
        for text in [
            "blocks-done#3",
            "150ms",
            "put-replay-begins#1,0ms,keep-done#2",
            "restore/keep-done#1,blocks-done#1",
        ] {
            let kills: Kills = text.parse().unwrap();
            assert_eq!(kills.to_string(), text);
        }
        assert_eq!(
            "keep-done".parse::<Kills>().unwrap().to_string(),
            "keep-done#1"
        );
        for wrong in [
            "",
            "restore/",
            "restore/1ms",
            "a#0",
            "A#1",
            "#1",
            "a#",
            "a#x",
            "1s",
            "-5ms",
            "70000ms",
            "a,,b",
        ] {
            assert!(wrong.parse::<Kills>().is_err(), "{wrong}");
        }
    }
}
