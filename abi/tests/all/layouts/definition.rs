//! Types made at random, before they are spelled.

use crate::layouts::random::Random;

/// A type of the closed list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    /// Written as it is.
    Scalar(&'static str),
    /// `Name<…>`.
    Container(&'static str, Vec<Ty>),
    /// `Box<[…]>`.
    Slice(Box<Ty>),
    Tuple(Vec<Ty>),
    Array(Box<Ty>, usize),
    /// An earlier definition, in a spelling.
    Derived(usize, usize),
    /// A field's type with a float in it, as it is written.
    Float(&'static str),
    /// The type that is being defined.
    Itself,
}

/// The fields of a struct or of one variant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields {
    pub(crate) named: bool,
    pub(crate) types: Vec<Ty>,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Struct(Fields),
    /// Each variant with its discriminant, if one is written.
    Enum(Vec<(Option<i64>, Fields)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
}

/// Types with free bit patterns come more often: niches are what is looked for.
const SCALARS: &[&str] = &[
    "bool",
    "bool",
    "bool",
    "char",
    "char",
    "u8",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "String",
    "()",
    "Box<str>",
    "EngineId",
    "ClientId",
    "Height",
    "BlockTime",
    "BlockHash",
    "Generation",
];

const KEYS: &[&str] = &[
    "bool", "u8", "u64", "i32", "char", "String", "EngineId", "Height",
];

const FLOATS: &[&str] = &[
    "f32",
    "f64",
    "Option<f32>",
    "Option<f64>",
    "Option<(f32, bool)>",
    "Result<f64, u8>",
    "(u8, f64, u8)",
    "[f32; 3]",
    "Vec<f64>",
    "Box<f32>",
    "BTreeMap<u16, f64>",
];

/// Deepest nesting of one field's type.
const DEPTH_MAX: usize = 3;

impl Definition {
    /// `count` definitions, each of which may use those before it.
    pub(crate) fn several(count: usize, random: &mut Random) -> Vec<Self> {
        let make = |earlier| Self {
            name: random.of(&["A", "B", "C"]),
            shape: shape(earlier, random),
        };
        (0..count).map(make).collect()
    }

    /// All that is in it, variant by variant.
    pub(crate) fn fields(&self) -> Vec<&Fields> {
        match &self.shape {
            Shape::Struct(fields) => vec![fields],
            Shape::Enum(variants) => variants.iter().map(|(_, fields)| fields).collect(),
        }
    }
}

fn shape(earlier: usize, random: &mut Random) -> Shape {
    if !random.once_in(3) {
        return Shape::Struct(fields(earlier, 5, random));
    }
    let count = random.below(5);
    if random.once_in(5) {
        // Discriminants can be written only where no variant has fields.
        let bare = Fields {
            named: false,
            types: Vec::new(),
        };
        let first = random.below(300) as i64 - 150;
        let step = 1 + random.below(70) as i64;
        let number = |index: usize, random: &mut Random| {
            let written = index == 0 || random.once_in(2);
            written.then(|| first + step * index as i64)
        };
        let variants = (0..=count).map(|index| (number(index, random), bare.clone()));
        return Shape::Enum(variants.collect());
    }
    let variants = (0..count).map(|_| (None, fields(earlier, 3, random)));
    Shape::Enum(variants.collect())
}

fn fields(earlier: usize, most: usize, random: &mut Random) -> Fields {
    let count = random.below(most + 1);
    let mut types: Vec<_> = (0..count).map(|_| field(earlier, random)).collect();
    if random.once_in(12) {
        let back = Ty::Container("Box", vec![Ty::Itself]);
        types.push(match random.once_in(2) {
            true => Ty::Container("Option", vec![back]),
            false => Ty::Container("Vec", vec![Ty::Itself]),
        });
    }
    Fields {
        named: random.once_in(2),
        types,
    }
}

fn field(earlier: usize, random: &mut Random) -> Ty {
    match random.once_in(12) {
        true => Ty::Float(random.of(FLOATS)),
        false => ty(earlier, DEPTH_MAX, random),
    }
}

fn ty(earlier: usize, depth: usize, random: &mut Random) -> Ty {
    if depth == 0 || random.once_in(2) {
        return Ty::Scalar(random.of(SCALARS));
    }
    let inner = |random: &mut Random| ty(earlier, depth - 1, random);
    let one = |name, random: &mut Random| Ty::Container(name, vec![inner(random)]);
    match random.below(16) {
        0..=3 => one("Option", random),
        4 => Ty::Container("Result", vec![inner(random), inner(random)]),
        5 => one("Vec", random),
        6 => one("VecDeque", random),
        7 => one("Box", random),
        8 => one("PhantomData", random),
        9 => Ty::Container("BTreeMap", vec![key(random), inner(random)]),
        10 => Ty::Container("BTreeSet", vec![key(random)]),
        11 => Ty::Slice(Box::new(inner(random))),
        12 => Ty::Array(Box::new(inner(random)), random.below(4)),
        13 => Ty::Tuple((0..=random.below(3)).map(|_| inner(random)).collect()),
        _ if earlier > 0 => {
            let spelling = random.below(crate::layouts::source::SPELLINGS.len());
            Ty::Derived(random.below(earlier), spelling)
        }
        _ => one("Option", random),
    }
}

fn key(random: &mut Random) -> Ty {
    let one = Ty::Scalar(random.of(KEYS));
    match random.below(4) {
        0 => Ty::Tuple(vec![one, Ty::Scalar(random.of(KEYS))]),
        1 => Ty::Container("Option", vec![one]),
        _ => one,
    }
}
