//! Definitions as Rust, each spelled in several ways that have one description.

use crate::layouts::definition::{Definition, Fields, Shape, Ty};
use crate::layouts::random::Random;
use std::fmt::Write;

/// The spelling of a definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spelling {
    /// As an author writes it, and as `engine freeze` does.
    Plain,
    /// The types of some fields are parameters.
    Parameters,
    /// The inner type of some fields' types is a parameter.
    Inside,
    /// The last field's type is an associated one.
    Associated,
    /// Out of a macro, with attributes, aliases and paths.
    Dressed,
}

pub(crate) const SPELLINGS: [Spelling; 5] = [
    Spelling::Plain,
    Spelling::Parameters,
    Spelling::Inside,
    Spelling::Associated,
    Spelling::Dressed,
];

/// The use that a source is compiled for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// The compiler shows the layouts.
    Dump,
    /// A program prints the hashes.
    Hash,
}

/// Several definitions, each with its spellings, as one source.
pub(crate) struct Batch {
    types: Vec<Spelled>,
}

/// One module of the source.
struct Spelled {
    /// The type's parameters with their bounds, in brackets; empty if it has none.
    generics: String,
    /// The parameters alone.
    parameters: String,
    /// The arguments for its parameters.
    arguments: String,
    /// The bounds that stand behind.
    clause: String,
    name: &'static str,
    /// The declaration, without derives.
    declaration: String,
    /// Other items.
    beside: String,
}

/// Before all else in a source whose layouts are dumped.
pub(crate) const DUMP_HEAD: &str = "
#![feature(rustc_attrs)]
#![allow(warnings)]
#![crate_type = \"lib\"]
macro_rules! dump { ($index:literal $ty:ty) => { const _: () = { #[ATTRIBUTE(debug)] type T = $ty; }; } }
";

/// The types and traits of refit-abi, as far as memory goes.
const DUMP_PRELUDE: &str = "
pub use prelude::*;
pub mod prelude {
    pub use std::collections::{BTreeMap, BTreeSet, VecDeque};
    pub use std::marker::PhantomData;
    pub struct EngineId([u8; 16]);
    pub struct ClientId([u8; 16]);
    pub struct Height(u64);
    pub struct BlockTime(u64);
    pub struct Generation(u64);
    pub struct BlockHash([u8; 32]);
    pub trait State: Sized {}
    impl<T> State for T {}
    pub trait Part { type Last; }
    impl<T> Part for (u8, T) { type Last = T; }
}
";

const HASH_PRELUDE: &str = "
#![allow(warnings)]
pub use prelude::*;
pub mod prelude {
    pub use std::collections::{BTreeMap, BTreeSet, VecDeque};
    pub use std::marker::PhantomData;
    pub use refit_abi::*;
    pub trait Part: State { type Last: State; }
    impl<T: State> Part for (u8, T) { type Last = T; }
}
fn show<T: refit_abi::State>(out: &mut String) {
    out.push_str(&format!(\"{} {}\\n\", T::layout_id(), size_of::<T>()));
}
";

impl Batch {
    pub(crate) fn new(definitions: &[Definition], random: &mut Random) -> Self {
        let mut types = Vec::new();
        for definition in definitions {
            for spelling in SPELLINGS {
                let spelled = spell(definition, spelling, &types, random);
                types.push(spelled);
            }
        }
        Self { types }
    }

    pub(crate) fn len(&self) -> usize {
        self.types.len()
    }

    /// The type at a place, for a person.
    pub(crate) fn describe(&self, index: usize) -> String {
        let Spelled {
            declaration,
            arguments,
            ..
        } = &self.types[index];
        format!(
            "{:?} {declaration} for {arguments}",
            SPELLINGS[index % SPELLINGS.len()]
        )
    }

    /// The whole source. A program writes what it prints into the file that its `OUT` names.
    pub(crate) fn source(&self, purpose: Purpose) -> String {
        let mut text = match purpose {
            Purpose::Dump => format!("{DUMP_HEAD}{DUMP_PRELUDE}"),
            Purpose::Hash => HASH_PRELUDE.to_owned(),
        };
        for (index, spelled) in self.types.iter().enumerate() {
            spelled.write(&mut text, index, purpose);
        }
        match purpose {
            Purpose::Dump => {
                for (index, spelled) in self.types.iter().enumerate() {
                    let path = spelled.path(index);
                    writeln!(text, "dump! {{ {index} {path} }}").unwrap();
                }
            }
            Purpose::Hash => {
                text.push_str("fn main() {\n    let mut out = String::new();\n");
                for (index, spelled) in self.types.iter().enumerate() {
                    writeln!(text, "    show::<{}>(&mut out);", spelled.path(index)).unwrap();
                }
                text.push_str("    std::fs::write(OUT, out).unwrap();\n}\n");
            }
        }
        text
    }
}

impl Spelled {
    fn path(&self, index: usize) -> String {
        format!("crate::t{index}::{}{}", self.name, self.arguments)
    }

    fn write(&self, text: &mut String, index: usize, purpose: Purpose) {
        let Self {
            generics,
            parameters,
            clause,
            name,
            declaration,
            beside,
            ..
        } = self;
        let (derive, serde) = match purpose {
            Purpose::Dump => ("", String::new()),
            Purpose::Hash => {
                let more = generics.trim_start_matches('<').trim_end_matches('>');
                (
                    "#[derive(State)] ",
                    serde_stub(more, &format!("{name}{parameters}"), clause),
                )
            }
        };
        let float = match purpose {
            Purpose::Dump => "",
            Purpose::Hash => "#[state(float)] ",
        };
        let declaration = declaration
            .replace("DERIVE ", derive)
            .replace("FLOAT ", float);
        writeln!(
            text,
            "pub mod t{index} {{ use crate::prelude::*; {beside} {declaration} {serde} }}"
        )
        .unwrap();
    }
}

/// serde's traits, which no layout depends on, in the shortest form.
fn serde_stub(generics: &str, ty: &str, clause: &str) -> String {
    format!(
        "impl<{generics}> ::serde::Serialize for {ty} {clause} {{
    fn serialize<Z: ::serde::Serializer>(&self, to: Z) -> Result<Z::Ok, Z::Error> {{ to.serialize_unit() }}
}}
impl<'de, {generics}> ::serde::Deserialize<'de> for {ty} {clause} {{
    fn deserialize<Z: ::serde::Deserializer<'de>>(_: Z) -> Result<Self, Z::Error> {{
        Err(::serde::de::Error::custom(\"\"))
    }}
}}"
    )
}

/// Writes a definition down, and gathers what stands for its types.
struct Writer<'a> {
    spelling: Spelling,
    earlier: &'a [Spelled],
    random: &'a mut Random,
    /// The types that parameters stand for.
    parameters: Vec<String>,
    aliases: String,
}

/// Most parameters of a type.
const PARAMETERS_MAX: usize = 4;

fn spell(
    definition: &Definition,
    spelling: Spelling,
    earlier: &[Spelled],
    random: &mut Random,
) -> Spelled {
    let mut writer = Writer {
        spelling,
        earlier,
        random,
        parameters: Vec::new(),
        aliases: String::new(),
    };
    let last = definition
        .fields()
        .iter()
        .rposition(|fields| !fields.types.is_empty());
    let mut parts = Vec::new();
    for (index, fields) in definition.fields().into_iter().enumerate() {
        parts.push(writer.fields(fields, last == Some(index), definition));
    }
    let names: Vec<_> = (0..writer.parameters.len())
        .map(|n| format!("P{n}"))
        .collect();
    let (parameters, aliases) = (writer.parameters, writer.aliases);
    let bracketed = |inner: &[String]| match inner {
        [] => String::new(),
        inner => format!("<{}>", inner.join(", ")),
    };
    let bound = match spelling {
        Spelling::Associated => "Part",
        _ => "State",
    };
    let bounded: Vec<_> = names
        .iter()
        .map(|name| format!("{name}: {bound}"))
        .collect();
    let clause = match spelling {
        Spelling::Associated if !names.is_empty() => "where P0::Last: State".to_owned(),
        _ => String::new(),
    };
    let generics = bracketed(&bounded);
    let declaration = declaration(definition, spelling, &generics, &clause, &parts);
    Spelled {
        parameters: bracketed(&names),
        arguments: bracketed(&parameters),
        name: definition.name,
        beside: aliases,
        generics,
        clause,
        declaration,
    }
}

fn declaration(
    definition: &Definition,
    spelling: Spelling,
    generics: &str,
    clause: &str,
    parts: &[String],
) -> String {
    let name = definition.name;
    let head = match spelling {
        Spelling::Dressed => {
            "/// Documented.\n DERIVE #[must_use] #[non_exhaustive] #[allow(dead_code)] pub"
        }
        _ => "DERIVE pub",
    };
    let text = match &definition.shape {
        Shape::Struct(Fields { named: true, .. }) => {
            format!("{head} struct {name}{generics} {clause} {}", parts[0])
        }
        Shape::Struct(_) => format!("{head} struct {name}{generics} {} {clause};", parts[0]),
        Shape::Enum(variants) => {
            let variants =
                variants
                    .iter()
                    .zip(parts)
                    .enumerate()
                    .map(|(index, ((number, _), part))| {
                        let number = number.map_or(String::new(), |number| format!(" = {number}"));
                        let part = if part == "()" { "" } else { part };
                        format!("V{index} {part}{number}")
                    });
            let variants = variants.collect::<Vec<_>>().join(", ");
            format!("{head} enum {name}{generics} {clause} {{ {variants} }}")
        }
    };
    match spelling {
        Spelling::Dressed => {
            format!(
                "macro_rules! items {{ ($($item:item)*) => {{ $($item)* }} }} items! {{ {text} }}"
            )
        }
        _ => text,
    }
}

impl Writer<'_> {
    fn fields(&mut self, fields: &Fields, has_last: bool, definition: &Definition) -> String {
        let count = fields.types.len();
        let mut written = Vec::new();
        for (index, ty) in fields.types.iter().enumerate() {
            let text = self.field(ty, has_last && index + 1 == count, definition);
            let float = match ty {
                Ty::Float(_) => "FLOAT ",
                _ => "",
            };
            written.push(match fields.named {
                true => format!("{float}f{index}: {text}"),
                false => format!("{float}{text}"),
            });
        }
        match fields.named {
            true => format!("{{ {} }}", written.join(", ")),
            false => format!("({})", written.join(", ")),
        }
    }

    /// A field's type as this spelling writes it.
    fn field(&mut self, ty: &Ty, is_last: bool, definition: &Definition) -> String {
        let itself = definition.name;
        let plain = self.text(ty, "Self");
        let closed = !names_itself(ty);
        match (self.spelling, ty) {
            // No other name may hide a float.
            (_, Ty::Float(written)) => (*written).to_owned(),
            (Spelling::Parameters, _) if closed && self.room() => self.parameter(plain),
            (Spelling::Inside, Ty::Container(name, inner)) if closed && self.room() => {
                // A map's key would need a bound of its own.
                let (last, keys) = inner.split_last().unwrap();
                if *name == "BTreeSet" {
                    return plain;
                }
                let mut inner: Vec<_> = keys.iter().map(|ty| self.text(ty, "Self")).collect();
                let last = self.text(last, "Self");
                inner.push(self.parameter(last));
                format!("{name}<{}>", inner.join(", "))
            }
            (Spelling::Inside, Ty::Tuple(inner)) if closed && inner.len() == 1 && self.room() => {
                let only = self.text(&inner[0], "Self");
                format!("({},)", self.parameter(only))
            }
            (Spelling::Associated, _) if closed && is_last => {
                self.parameter(format!("(u8, {plain})"));
                "P0::Last".to_owned()
            }
            (Spelling::Dressed, _) if closed => {
                let alias = format!("Alias{}", self.aliases.matches("type ").count());
                write!(self.aliases, "pub type {alias} = {plain}; ").unwrap();
                alias
            }
            (Spelling::Dressed, _) => self.text(ty, itself),
            _ => plain,
        }
    }

    fn room(&mut self) -> bool {
        self.parameters.len() < PARAMETERS_MAX && !self.random.once_in(3)
    }

    fn parameter(&mut self, stands_for: String) -> String {
        self.parameters.push(stands_for);
        format!("P{}", self.parameters.len() - 1)
    }

    fn text(&self, ty: &Ty, itself: &str) -> String {
        let all = |types: &[Ty]| {
            let texts = types.iter().map(|ty| self.text(ty, itself));
            texts.collect::<Vec<_>>().join(", ")
        };
        match ty {
            Ty::Scalar(name) | Ty::Float(name) => (*name).to_owned(),
            Ty::Container(name, inner) => format!("{name}<{}>", all(inner)),
            Ty::Slice(inner) => format!("Box<[{}]>", self.text(inner, itself)),
            Ty::Tuple(inner) if inner.len() == 1 => format!("({},)", all(inner)),
            Ty::Tuple(inner) => format!("({})", all(inner)),
            Ty::Array(inner, length) => format!("[{}; {length}]", self.text(inner, itself)),
            Ty::Derived(definition, spelling) => {
                let index = definition * SPELLINGS.len() + spelling;
                self.earlier[index].path(index)
            }
            Ty::Itself => itself.to_owned(),
        }
    }
}

fn names_itself(ty: &Ty) -> bool {
    match ty {
        Ty::Itself => true,
        Ty::Scalar(_) | Ty::Float(_) | Ty::Derived(..) => false,
        Ty::Container(_, inner) | Ty::Tuple(inner) => inner.iter().any(names_itself),
        Ty::Slice(inner) | Ty::Array(inner, _) => names_itself(inner),
    }
}
