//! [`Troubles`]: logs what went wrong with engines: each kind of trouble at once, and then at most once in a while,
//! with a count of those left out. Every poisoned engine is logged.

use refit_abi::Sender;
use refit_kernel::{Trouble, Wrong};
use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// For so long, more of the same is only counted.
const QUIET: Duration = Duration::from_secs(10);

/// Kinds of trouble that are counted apart; when there are more, all begin anew.
const KINDS_MAX: usize = 256;

/// The troubles in the log, and when each was last written.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    told: HashMap<Key, Told>,
}

/// The identity of a trouble: what happened, the engine's kind, the code or reason.
type Key = (&'static str, String, String);

#[derive(Debug)]
struct Told {
    at: Instant,
    hidden: u64,
}

impl Troubles {
    /// Writes a trouble to the log, unless one like it was written just now.
    pub(crate) fn tell(&mut self, trouble: &Trouble, now: Instant) {
        if let Some(hidden) = self.due(trouble, now) {
            write(trouble, hidden);
        }
    }

    /// How many like it were left out before it; `None` if it is left out itself.
    fn due(&mut self, trouble: &Trouble, now: Instant) -> Option<u64> {
        let Some(key) = key(trouble) else {
            return Some(0);
        };
        if self.told.len() >= KINDS_MAX && !self.told.contains_key(&key) {
            self.told.clear();
        }
        let fresh = Told { at: now, hidden: 0 };
        match self.told.get_mut(&key) {
            Some(told) if now.saturating_duration_since(told.at) < QUIET => {
                told.hidden += 1;
                None
            }
            Some(told) => Some(std::mem::replace(told, fresh).hidden),
            None => {
                self.told.insert(key, fresh);
                Some(0)
            }
        }
    }
}

/// The key of a trouble; `None` for troubles that are always written.
fn key(trouble: &Trouble) -> Option<Key> {
    let (what, why) = match &trouble.what {
        // By the code, not by the text, in which each message may say something of its own.
        Wrong::Faulted { code, .. } => ("fault", code.clone()),
        Wrong::ChangedAtFault { .. } => ("changed", String::new()),
        Wrong::DeadLetter { reason, .. } => ("dead-letter", reason.word().to_owned()),
        Wrong::TooLarge { .. } => ("too-large", String::new()),
        Wrong::NoRoom { .. } => ("reply-lost", String::new()),
        Wrong::RolledBack { text, .. } => ("rolled-back", text.clone()),
        _ => return None,
    };
    let kind = trouble.kind.as_ref().map(|(kind, _)| kind.clone());
    Some((what, kind.unwrap_or_default(), why))
}

fn write(trouble: &Trouble, hidden: u64) {
    let engine = trouble.engine;
    let (kind, version) = match &trouble.kind {
        Some((kind, version)) => (kind.as_str(), *version),
        None => ("none", 0),
    };
    match &trouble.what {
        Wrong::Poisoned {
            sender: Some(sender),
            sequence,
            text,
        } => tracing::error!(
            %engine, kind, version,
            "the engine panicked at message {sequence} of {} and is poisoned: {text}", Words(*sender)
        ),
        Wrong::Poisoned { text, .. } => {
            tracing::error!(%engine, kind, version, "the engine is poisoned: {text}");
        }
        Wrong::RolledBack {
            sender,
            sequence,
            text,
        } => tracing::error!(
            %engine, kind, version, hidden,
            "the engine panicked at message {sequence} of {} and was rolled back: {text}", Words(*sender)
        ),
        Wrong::Faulted {
            sender,
            sequence,
            code,
        } => tracing::warn!(
            %engine, kind, version, code, hidden,
            "message {sequence} of {} was answered with a fault", Words(*sender)
        ),
        Wrong::ChangedAtFault { sender, sequence } => tracing::error!(
            %engine, kind, version, hidden,
            "the engine changed its state and then answered message {sequence} of {} with a fault: check first, then \
             change", Words(*sender)
        ),
        Wrong::TooLarge {
            sender,
            sequence,
            bytes,
            bytes_max,
        } => tracing::error!(
            %engine, kind, version, bytes, hidden,
            "the reply to message {sequence} of {} was dropped: at most {bytes_max} bytes are taken",
            Words(*sender)
        ),
        Wrong::NoRoom {
            sender,
            sequence,
            bytes,
            bytes_max,
        } => tracing::error!(
            %engine, kind, version, bytes, hidden,
            "the reply to message {sequence} of {} was lost: all replies and events of one round have {bytes_max} bytes",
            Words(*sender)
        ),
        Wrong::DeadLetter { sender, reason } => tracing::warn!(
            %engine, kind, version, reason = reason.word(), hidden,
            "a message of {} became a dead letter", Words(*sender)
        ),
        other => tracing::warn!(%engine, kind, version, hidden, "{other:?}"),
    }
}

/// Shows the sender of a message in words.
pub(crate) struct Words(pub(crate) Sender);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Sender::Client(id) => {
                f.write_str("client ")?;
                let mut bytes = id.to_bytes().into_iter();
                bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Sender::Engine(id) => write!(f, "engine `{id}`"),
            Sender::Timer => f.write_str("a timer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_abi::EngineId;

    fn fault(kind: &str, code: &str) -> Trouble {
        let what = Wrong::Faulted {
            sender: Sender::Timer,
            sequence: 0,
            code: code.to_owned(),
        };
        Trouble {
            engine: EngineId::from_bytes([1; 16]),
            kind: Some((kind.to_owned(), 1)),
            what,
        }
    }

    #[test]
    fn what_repeats_is_told_at_once_and_then_once_in_a_while_with_a_count() {
        let (mut troubles, start) = (Troubles::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(troubles.due(&fault("kv", "full"), at(0)), Some(0));
        assert_eq!(troubles.due(&fault("kv", "full"), at(1)), None);
        assert_eq!(troubles.due(&fault("kv", "full"), at(9)), None);
        // Another code, another kind are news.
        assert_eq!(troubles.due(&fault("kv", "gone"), at(9)), Some(0));
        assert_eq!(troubles.due(&fault("index", "full"), at(9)), Some(0));
        assert_eq!(troubles.due(&fault("kv", "full"), at(10)), Some(2));
    }

    #[test]
    fn a_poisoned_engine_is_told_each_time() {
        let (mut troubles, now) = (Troubles::default(), Instant::now());
        let what = Wrong::Poisoned {
            sender: None,
            sequence: 0,
            text: String::new(),
        };
        let trouble = Trouble {
            what,
            ..fault("kv", "")
        };
        assert_eq!(troubles.due(&trouble, now), Some(0));
        assert_eq!(troubles.due(&trouble, now), Some(0));
    }

    #[test]
    fn codes_without_end_take_no_room_without_end() {
        let (mut troubles, now) = (Troubles::default(), Instant::now());
        for number in 0..2 * KINDS_MAX {
            let told = troubles.due(&fault("kv", &number.to_string()), now);
            assert_eq!(told, Some(0));
        }
        assert!(troubles.told.len() <= KINDS_MAX);
    }
}
