//! The words of a type: under which names it is written and read as JSON, as data and as a hash.
//!
//! A schema describes Rust types. Clients and configurations speak JSON, whose names the serde
//! attributes choose, and these change no schema. `derive(State)` says both to the [`Describer`] in one
//! walk, so the words of two types with one schema stand in one order.
//!
//! [`Describer`]: crate::schema::Describer

use crate::derived::{SaidMember, SaidType};
use crate::schema::{WordsId, number, text};
use serde::{Deserialize, Serialize};

/// The words of a type and of all derived types inside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Their hash.
    pub id: WordsId,
    /// The derived types, in the order in which they are described.
    pub types: Vec<TypeWords>,
}

/// The words of one derived type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeWords {
    /// The type's name in the schema; no word.
    pub name: String,
    /// Whether it is written as its only field is.
    pub is_transparent: bool,
    /// Whether a field that it does not know is an error.
    pub refuses_unknown: bool,
    /// The fields of a struct, the variants of an enum; of a transparent one none.
    pub members: Vec<MemberWords>,
}

/// The words of one field or variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberWords {
    /// Its name in the schema; no word.
    pub name: String,
    /// Under which name it is written; empty for what is written by its place.
    pub written: String,
    /// Under which names it is read, its own first; empty as above.
    pub read: Vec<String>,
    /// Whether it may be left out.
    pub may_be_absent: bool,
    /// The fields of a variant.
    pub fields: Vec<MemberWords>,
}

impl Words {
    /// The words of these types.
    pub fn new(types: Vec<TypeWords>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("refit 2026 words");
        types.iter().for_each(|ty| ty.feed(&mut hasher));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let id = WordsId(bytes);
        Self { id, types }
    }
}

/// The words of a type with no derived type in it: none.
impl Default for Words {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl TypeWords {
    pub(crate) fn said(name: &str, said: &SaidType) -> Self {
        Self {
            name: name.to_owned(),
            is_transparent: said.is_transparent,
            refuses_unknown: said.refuses_unknown,
            members: said.members.iter().map(MemberWords::said).collect(),
        }
    }

    fn feed(&self, h: &mut blake3::Hasher) {
        number(h, u64::from(self.is_transparent));
        number(h, u64::from(self.refuses_unknown));
        feed_all(&self.members, h);
    }
}

impl MemberWords {
    fn said(said: &SaidMember) -> Self {
        Self {
            name: said.name.to_owned(),
            written: said.written.to_owned(),
            read: said.read.iter().map(|word| (*word).to_owned()).collect(),
            may_be_absent: said.may_be_absent,
            fields: said.fields.iter().map(Self::said).collect(),
        }
    }

    fn feed(&self, h: &mut blake3::Hasher) {
        text(h, &self.written);
        number(h, self.read.len() as u64);
        self.read.iter().for_each(|word| text(h, word));
        number(h, u64::from(self.may_be_absent));
        feed_all(&self.fields, h);
    }
}

fn feed_all(members: &[MemberWords], h: &mut blake3::Hasher) {
    number(h, members.len() as u64);
    members.iter().for_each(|member| member.feed(h));
}
