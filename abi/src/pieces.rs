//! Writing a state down in pieces: each piece goes on where the one before ended, and all of them together
//! are, byte for byte, what `codec::encode_state` writes.
//!
//! A piece may end inside a derived struct's fields, the elements and entries of `Vec`, `VecDeque`, `Box<[T]>`,
//! arrays, tuples, `BTreeMap` and `BTreeSet`, the insides of `Box`, `Option` and `Result`, and the bytes of a
//! text, [`LEVELS_MAX`] levels deep. These stay in one piece: an enum of the author's, a map's key, a field with
//! `#[state(serde)]` or `#[state(float)]`, a struct whose `Serialize` is not the derived one, and what lies
//! deeper. A piece ends once it has as many bytes as were asked for, so it is longer by at most one such thing.
//!
//! The end of a piece is a path from the outside to the inside: which field, which element, which key. It
//! holds as long as the state is not changed; of another state it gives other bytes or an error, nothing worse.

mod as_derived;
mod containers;

pub use as_derived::{Part, part_at};

use crate::codec::{self, Refused};
use crate::depth::Floor;
use crate::raw::Codec;
use crate::{State, walk};
use serde::{Deserialize, Serialize};

/// Levels of a value that are divided; what lies deeper is one piece. A recursive type has no last one.
pub const LEVELS_MAX: usize = 16;

/// The part at which a level of a value goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The next part of it: 0 is the first.
    part: u64,
    /// The postcard of the key that the part belongs to, in a map or a set.
    key: Vec<u8>,
}

/// Why a value was not written to its end.
#[derive(Debug)]
pub struct Stop(Reason);

#[derive(Debug)]
enum Reason {
    /// The piece is full; where to go on was noted.
    Full,
    Refused(Refused),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self(Reason::Refused(refused))
    }
}

/// The result of every step of a piece.
pub type Written = Result<(), Stop>;

/// One piece under way.
#[derive(Debug)]
pub struct Piece<'a> {
    out: &'a mut Vec<u8>,
    bytes_max: usize,
    /// The path to the end of the piece before, from the inside to the outside: the next level's is the last.
    from: Vec<Place>,
    /// The path to the end of this one, in the same order: each level adds its own when those inside have.
    to: Vec<Place>,
    /// Levels that are open.
    levels: usize,
    /// The depth up to which a value is written in one go.
    floor: Floor,
    /// Whether what is written in one go may leave a part of itself out.
    opaque: bool,
}

/// Writes the next piece of `state` to `out`, which is empty, and gives the cursor of the one after it. The
/// cursor is empty before the first piece, and `None` after the last.
pub(crate) fn next<T: State>(
    state: &T,
    cursor: &[u8],
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<Option<Vec<u8>>, Refused> {
    let from = match cursor {
        [] => Vec::new(),
        cursor => codec::decode_flat(Codec::Postcard, cursor).map_err(Refused::Other)?,
    };
    let nature = T::nature();
    let mut piece = Piece {
        out,
        bytes_max: bytes_max.max(1),
        from,
        to: Vec::new(),
        levels: 0,
        floor: Floor::if_deep(nature.is_deep()),
        opaque: nature.opaque,
    };
    match piece.inside(state) {
        Ok(()) => Ok(None),
        Err(Stop(Reason::Full)) => {
            let mut cursor = Vec::new();
            codec::to_postcard(&piece.to, &mut cursor);
            Ok(Some(cursor))
        }
        Err(Stop(Reason::Refused(refused))) => Err(refused),
    }
}

impl Piece<'_> {
    /// A value that can be divided, if it does not lie too deep.
    pub fn inside<T: State>(&mut self, value: &T) -> Written {
        if self.levels == LEVELS_MAX {
            return self.whole(value);
        }
        self.levels += 1;
        let written = value.write_piece(self);
        self.levels -= 1;
        written
    }

    /// A value in one piece.
    pub fn whole<T: State>(&mut self, value: &T) -> Written {
        self.opaque(value)
    }

    /// A value in one piece of which only the `Serialize` is known.
    pub fn opaque<T: Serialize>(&mut self, value: &T) -> Written {
        if self.opaque {
            // Bytes with a field left out would read back as another value.
            walk::witness(value).map_err(Refused::from)?;
        }
        self.plain(value)
    }

    /// A value in one piece, of which nothing can be left out.
    pub fn plain<T: Serialize>(&mut self, value: &T) -> Written {
        Ok(codec::encode_guarded(value, self.floor, self.out)?)
    }

    /// Opens a struct with these parts; `None` if its `Serialize` does not write just them, one after the other.
    pub fn structure<T: State>(&mut self, value: &T, parts: &[Part]) -> Option<Place> {
        as_derived::writes_just(value, parts).then(|| self.enter())
    }

    /// Part number `part` of a level, unless a piece before has written it.
    pub fn part(
        &mut self,
        level: &Place,
        part: u64,
        write: impl FnOnce(&mut Self) -> Written,
    ) -> Written {
        if part < level.part {
            return Ok(());
        }
        self.step(part, write)
    }

    /// Enters a level and gives the part at which it goes on: part 0 if no piece has begun it.
    pub(crate) fn enter(&mut self) -> Place {
        self.from.pop().unwrap_or_default()
    }

    fn step(&mut self, part: u64, write: impl FnOnce(&mut Self) -> Written) -> Written {
        let written = if self.out.len() >= self.bytes_max {
            Err(Stop(Reason::Full))
        } else {
            write(self)
        };
        if let Err(Stop(Reason::Full)) = written {
            let key = Vec::new();
            self.to.push(Place { part, key });
        }
        written
    }
}
