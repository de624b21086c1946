//! [`Field`]: one of the numbers of [`Parameters`], by its name: its unit, and between which bounds it may be set.
//!
//! The bounds of what may be set are wide, and are there so that a slip is refused instead of obeyed: a node under
//! any of these values goes on making blocks, and an entry that sets others is carried out by it.

use super::{Parameters, ParametersError};
use serde::{Deserialize, Serialize};

/// The unit of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Messages.
    Messages,
    /// Bytes.
    Bytes,
    /// Rounds.
    Rounds,
    /// Engines.
    Engines,
    /// Names.
    Names,
    /// Timers.
    Timers,
    /// Levels.
    Levels,
    /// Dead letters.
    Letters,
    /// Blocks.
    Blocks,
    /// Answered keys.
    Answers,
}

/// One number of the parameters.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, as in `block.messages`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The least that it may be set to.
    pub least: u64,
    /// It may be set to so many times its default.
    times: u64,
    get: fn(&Parameters) -> u64,
    set: fn(&mut Parameters, u64),
}

/// A number in the type of its field. It was found to be within its bounds, which every field can hold.
macro_rules! field {
    ($group:ident . $($name:ident).+, $unit:ident, $least:literal, $times:literal) => {
        Field {
            name: concat!(stringify!($group), $(".", stringify!($name)),+),
            unit: Unit::$unit,
            least: $least,
            times: $times,
            get: |parameters| parameters.$group.$($name).+ as u64,
            set: |parameters, value| parameters.$group.$($name).+ = value as _,
        }
    };
}

/// All of them, in the order in which they are shown.
pub const FIELDS: &[Field] = &[
    field!(block.messages, Messages, 1, 16),
    field!(block.bytes, Bytes, 1, 16),
    field!(block.rounds, Rounds, 1, 16),
    field!(block.effect_bytes, Bytes, 1, 16),
    field!(round.deeds, Messages, 1, 4),
    field!(round.bytes, Bytes, 1, 4),
    field!(round.effect_bytes, Bytes, 1, 4),
    field!(cause.messages_per_block, Messages, 1, 16),
    field!(cause.bytes_per_block, Bytes, 1, 16),
    field!(cause.rounds_per_block, Rounds, 1, 16),
    field!(cause.in_all.messages, Messages, 1, 16),
    field!(cause.in_all.bytes, Bytes, 1, 16),
    field!(cause.in_all.starts, Engines, 0, 16),
    field!(cause.regained.messages, Messages, 0, 16),
    field!(cause.regained.bytes, Bytes, 0, 16),
    field!(cause.regained.starts, Engines, 0, 16),
    field!(message.sends, Messages, 0, 4),
    field!(message.bytes, Bytes, 0, 4),
    field!(message.spawns, Engines, 0, 4),
    field!(message.stops, Engines, 0, 4),
    // A reader of replies has room for so much and no more.
    field!(message.reply_bytes, Bytes, 1, 1),
    field!(mailbox.messages, Messages, 1, 16),
    field!(mailbox.bytes, Bytes, 1, 16),
    field!(mailbox.all_messages, Messages, 1, 16),
    field!(mailbox.all_bytes, Bytes, 1, 16),
    field!(mailbox.kept_messages, Messages, 0, 16),
    field!(mailbox.kept_bytes, Bytes, 0, 16),
    field!(timers.all, Timers, 0, 16),
    field!(timers.per_engine, Timers, 0, 16),
    field!(timers.all_bytes, Bytes, 0, 16),
    field!(timers.bytes_per_engine, Bytes, 0, 16),
    field!(engines.engines, Engines, 1, 16),
    field!(engines.names, Names, 1, 16),
    // Each level is a nested call on the stack of a thread of the crew, which has room for these.
    field!(engines.spawn_depth, Levels, 1, 1),
    field!(dead_letters.letters, Letters, 0, 16),
    field!(dead_letters.bytes, Bytes, 0, 16),
    field!(events.topic_bytes, Bytes, 1, 16),
    field!(keys.names, Names, 1, 16),
    field!(keys.name_blocks, Blocks, 1, 16),
    field!(keys.waiting, Messages, 1, 16),
    field!(keys.answered, Answers, 1, 16),
    field!(keys.bytes_per_name, Bytes, 1, 16),
    field!(keys.bytes, Bytes, 1, 16),
    field!(keys.reply_bytes, Bytes, 1, 16),
];

impl Field {
    /// The one of this name.
    ///
    /// # Errors
    /// [`ParametersError::Unknown`].
    pub fn named(name: &str) -> Result<&'static Self, ParametersError> {
        let found = FIELDS.iter().find(|field| field.name == name);
        found.ok_or_else(|| ParametersError::Unknown {
            name: name.to_owned(),
        })
    }

    /// Its value.
    pub fn of(&self, parameters: &Parameters) -> u64 {
        (self.get)(parameters)
    }

    /// Its value if nobody has set it.
    pub fn default_value(&self) -> u64 {
        self.of(&Parameters::default())
    }

    /// The most that it may be set to.
    pub fn most(&self) -> u64 {
        self.default_value().saturating_mul(self.times)
    }

    /// Whether it may be set to a value.
    ///
    /// # Errors
    /// [`ParametersError::Beyond`], which names the bounds.
    pub fn check(&self, value: u64) -> Result<(), ParametersError> {
        let (name, unit, least, most) = (self.name, self.unit, self.least, self.most());
        match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(ParametersError::Beyond {
                name,
                value,
                unit,
                least,
                most,
            }),
        }
    }

    /// Sets it.
    ///
    /// # Errors
    /// As [`Field::check`].
    pub(super) fn set(
        &self,
        parameters: &mut Parameters,
        value: u64,
    ) -> Result<(), ParametersError> {
        self.check(value)?;
        (self.set)(parameters, value);
        Ok(())
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Unit::Messages => "messages",
            Unit::Bytes => "bytes",
            Unit::Rounds => "rounds",
            Unit::Engines => "engines",
            Unit::Names => "names",
            Unit::Timers => "timers",
            Unit::Levels => "levels",
            Unit::Letters => "letters",
            Unit::Blocks => "blocks",
            Unit::Answers => "answers",
        })
    }
}
