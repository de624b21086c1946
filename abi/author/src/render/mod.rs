//! A [`Type`] tree as Rust source: the frozen module of a published version.
//!
//! `items` finds the types to declare, `names` gives each a Rust name, `text` writes them. What an
//! earlier frozen module declares already is taken from there, so that unchanged fields keep their
//! type from version to version, and move.

mod defaults;
mod items;
mod names;
mod text;

pub(crate) use names::{camel, is_keyword};

use super::attributes::SerdeAttributes;
use super::types::layoutless;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::schema::Type;
use std::borrow::Cow;

/// A sentence in the head of every frozen module.
pub const WRITTEN: &str = "`refit engine freeze` wrote it.";

/// Why a type cannot be written as Rust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A type of a later release of `refit-abi`.
    #[error("`{name}` is no type that this program can write as Rust")]
    Unknown {
        /// The type's name in the description.
        name: String,
    },
    /// A state, or a message, that is no struct and no enum.
    #[error("the {what} is a `{name}`; only a struct or an enum of the engine's own can be frozen")]
    NotDerived {
        /// The role of the type: `state`, `message`.
        what: String,
        /// The type as Rust writes it.
        name: String,
    },
    /// A description that is broken.
    #[error("the description of `{name}` refers to a type that does not surround it")]
    Recursion {
        /// The name of the type that the recursion means.
        name: String,
    },
}

impl Explain for RenderError {
    fn code(&self) -> &str {
        match self {
            Self::Unknown { .. } => codes::AUTHOR_UNKNOWN_TYPE,
            Self::NotDerived { .. } => codes::AUTHOR_NOTHING_TO_FREEZE,
            Self::Recursion { .. } => codes::AUTHOR_BROKEN_RECURSION,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unknown { .. } => {
                "freeze it with the release of refit whose refit-abi the engine was built with"
            }
            Self::NotDerived { .. } => "derive `State` on a struct of your own and use that",
            Self::Recursion { .. } => {
                "build the engine again; if it stays so, this is a defect in refit"
            }
        })
    }
}

/// A request to freeze the types of one version.
#[derive(Debug)]
pub struct Request<'a> {
    /// The number of the published version.
    pub version: u32,
    /// The engine kind.
    pub kind: &'a str,
    /// The types, each with what it is: `state`, `message`, …
    pub roots: Vec<(&'static str, &'a Type)>,
    /// The modules of earlier versions, oldest first.
    pub earlier: Vec<Module>,
    /// The contents of the types' `#[serde(…)]`.
    pub serde: &'a SerdeAttributes,
}

/// A frozen module: its types, and the text that declares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name: `v1`, `kind_v1`.
    pub name: String,
    /// The text of its file.
    pub text: String,
    /// The types that it declares, or takes from an earlier module.
    pub types: Vec<Declared>,
    /// The types of `#[state(serde)]` fields, as their author wrote them: the module must be able to
    /// name them.
    pub foreign: Vec<String>,
    /// The places where `#[serde(default)]` is left out, by `Type` or `Type.field`.
    pub without_default: Vec<String>,
}

impl Module {
    /// A module of this name that declares nothing.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: String::new(),
            types: Vec::new(),
            foreign: Vec::new(),
            without_default: Vec::new(),
        }
    }
}

/// A type that a frozen module declares, or takes from an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name in Rust.
    pub ident: String,
    /// The type, without sizes and offsets.
    pub ty: Type,
    /// Whether it may be the key of a map.
    pub is_key: bool,
    /// Whether it is the state itself: each version has its own.
    pub is_state: bool,
}

/// Writes the frozen module called `name`.
///
/// # Errors
/// If a type has no form as Rust of the engine's own.
pub fn module(name: &str, request: &Request<'_>) -> Result<Module, RenderError> {
    let mut items = items::collect(&request.roots)?;
    items.reuse(&request.earlier);
    Ok(Module {
        name: name.to_owned(),
        text: text::write(&items, request),
        types: items.declared(),
        foreign: items.foreign(),
        without_default: items
            .own()
            .flat_map(|item| defaults::left_out(item, request.serde))
            .collect(),
    })
}

/// The type as Rust writes it, with derived types by their own names.
pub fn type_text(ty: &Type) -> String {
    type_text_in(ty, &[])
}

/// The type as Rust writes it, with derived types by the names that they are `declared` with in a frozen module:
/// two instances of one generic type have two there.
pub fn type_text_in(ty: &Type, declared: &[Declared]) -> String {
    match ty {
        Type::Struct { name, .. } | Type::Enum { name, .. } => {
            let found = layoutless(ty);
            let mut declared = declared.iter();
            match declared.find(|declared| declared.ty == found) {
                Some(declared) => declared.ident.clone(),
                None => names::camel(name),
            }
        }
        Type::Recursion { name, .. } => names::camel(name),
        Type::Scalar { name, .. } | Type::Serde { name, .. } => name.clone(),
        Type::Container {
            name,
            arguments,
            length,
            ..
        } => {
            let arguments = arguments.iter();
            let arguments: Vec<_> = arguments.map(|ty| type_text_in(ty, declared)).collect();
            names::container(name, &arguments, *length).unwrap_or_else(|| name.clone())
        }
        _ => "_".to_owned(),
    }
}
