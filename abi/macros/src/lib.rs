//! The derives of an engine author: [`macro@State`], [`macro@StateKey`] and [`macro@Migrate`].
//!
//! They are used through `refit_abi`, which re-exports them beside the traits of the same names.
//! This page is their reference. Each derive reads tokens only: it never sees what a name stands
//! for. So a derive refuses by name what it can, with a sentence that says what to write instead,
//! and leaves the rest to the bounds of the code it writes.
//!
//! | file | what it does |
//! |---|---|
//! | `attributes` | reads `#[state(…)]` |
//! | `layout_rules` | refuses what changes memory and is in no hash |
//! | `fields` | proves that no other macro changed the type after it was read |
//! | `state_rules` | says everything that speaks against a type |
//! | `closed_list` | refuses field types, at any depth, by their name |
//! | `float` | describes `#[state(float)]` fields |
//! | `serde_rules` | refuses serde attributes that do not survive postcard |
//! | `state`, `key`, `migrate` | write the implementations |
//! | `migrate_attributes`, `migrate_plan` | read `#[migrate(…)]` and make one plan of it |
//! | `type_text` | gives a type's text in a form that no compiler changes |
//! | `errors` | gathers errors, so that one compilation shows all of them |

mod attributes;
mod case;
mod closed_list;
mod errors;
mod fields;
mod float;
mod key;
mod layout_rules;
mod migrate;
mod migrate_attributes;
mod migrate_plan;
mod pieces;
mod serde_rules;
mod state;
mod state_rules;
mod type_text;
mod words;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `State`: the type may be an engine's state, message, reply, query or answer, or a
/// part of one.
///
/// Derive serde's two traits beside it; values cross as postcard and JSON through them:
///
/// ```
/// use refit_abi::{Deserialize, Serialize, State};
/// use std::collections::{BTreeMap, LinkedList};
///
/// #[derive(State, Serialize, Deserialize)]
/// #[state(name = "kv", version = 2)]
/// struct Kv {
///     entries: BTreeMap<String, Entry>,
///     #[state(serde)]
///     recent: LinkedList<String>,
/// }
///
/// #[derive(State, Serialize, Deserialize)]
/// enum Entry {
///     Text(String),
///     Expired { at_height: u64 },
/// }
/// ```
///
/// # On the type
/// * `#[state(name = "…")]`: the name in the schema, if the identifier must change and the schema
///   must not.
/// * `#[state(version = n)]`: a number in the schema, 0 if it is not written. Raise it to force a
///   migration when only the meaning of a value changed.
///
/// # On a field
/// * `#[state(serde)]`: any type that serde can write and read back as postcard. It then crosses as
///   bytes and never by pointer, which costs time in the pause; the schema knows it only by the
///   text of its type. Not with a type parameter in that text, and not a `HashMap` or a `HashSet`, at any
///   depth: each reading gives it another order. A type that leaves fields out
///   (`skip_serializing_if`) is refused when its state is written; what it never writes (`skip`) is lost
///   at each crossing, and nothing can see that.
///
/// * `#[state(float)]`: the type holds `f32` or `f64`, by itself or inside `Option`, `Result`, `Box`, `Vec`,
///   `VecDeque`, arrays, tuples or the values of a `BTreeMap`, each written out. It crosses by pointer like
///   every other field; where it is written, each NaN is the same NaN. A float is never a key.
///
/// # What is refused
/// * In a field's type, at any depth: `HashMap`, `HashSet`, `IndexMap`, `Rc`, `Arc`, `Weak`, `Cow`,
///   `dyn`, function pointers, references and raw pointers, `Cell`, locks and atomics, `f32` and `f64`
///   (without `#[state(float)]`), clocks and `Duration`, `LinkedList`, `BinaryHeap`, `OsString`, `PathBuf`, and more. Each
///   sentence says what to use instead. A type of your own that has one of these names is written
///   with its path, as `self::Cell` or `crate::board::Cell`.
/// * serde attributes that change what is written: `skip`, `skip_serializing_if`, `flatten`, `tag`,
///   `untagged`, `with`, `from` and the like. `rename`, `rename_all`, `alias`, `default`,
///   `deny_unknown_fields`, `transparent`, `bound`, `expecting` and `crate` are welcome: they change
///   JSON alone.
/// * Unions, lifetime parameters, types that implement `Drop`, and discriminants that are not written as a
///   number.
/// * Every `repr`, and `?Sized`: the layout of a state follows from its description alone.
/// * An attribute below the derive that is not known to change nothing: a macro there could change the type
///   after it was read. Write the derive below the macro. If the attribute belongs to another derive, say so
///   on the type: `#[state(helpers(name))]`.
///
/// # Drop
/// The destructors that run are those of `#[state(serde)]` fields. A panic in one is caught, and what is left
/// of the state leaks. Two of them that panic while one state is dropped end the process: Rust unwinds once.
///
/// # Generic types
/// Each type parameter gets the bound `State`. Each instantiation has a schema of its own; the value
/// of a const parameter is part of the name. A parameter that is the key of a map needs more, and
/// serde's own bounds are then in the way: write `struct Table<K: StateKey, V: State>` and
/// `#[serde(bound = "")]`.
#[proc_macro_derive(State, attributes(state))]
pub fn state(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), state::expand)
}

/// Implements `StateKey`: the type may be the key of a map or a set in a state.
///
/// It writes `PartialEq`, `Eq`, `PartialOrd` and `Ord` itself: fields in the order they are written,
/// variants in the order they are written, whatever their discriminants. Do not derive or write them
/// as well: the compiler then says "conflicting implementations" (E0119). That is the purpose: a map
/// that old code has sorted is searched by new code, so the order must follow from the schema alone.
///
/// ```
/// use refit_abi::{Deserialize, Serialize, State, StateKey};
/// use std::collections::BTreeMap;
///
/// #[derive(State, StateKey, Clone, Serialize, Deserialize)]
/// struct Version {
///     major: u32,
///     minor: u32,
/// }
///
/// #[derive(State, Serialize, Deserialize)]
/// struct Releases {
///     by_version: BTreeMap<Version, String>,
/// }
///
/// assert!(Version { major: 1, minor: 9 } < Version { major: 2, minor: 0 });
/// ```
///
/// Every field must be a `StateKey`; each type parameter gets that bound.
#[proc_macro_derive(StateKey)]
pub fn state_key(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), key::expand)
}

/// Implements `Migrate` and `Assemble` for a struct with named fields: the transition from an older
/// struct, which is kept as it was published.
///
/// ```
/// use refit_abi::{Deserialize, Fault, Height, Migrate, Serialize, State, UpgradeBus};
/// use std::collections::BTreeMap;
///
/// mod v1 {
///     # use refit_abi::{Deserialize, Height, Serialize, State};
///     # use std::collections::BTreeMap;
///     #[derive(State, Serialize, Deserialize)]
///     pub struct Kv {
///         pub entries: BTreeMap<String, String>,
///         pub ttl: BTreeMap<Height, String>,
///         pub hits: u64,
///         pub misses: u64,
///     }
/// }
///
/// #[derive(State, Migrate, Serialize, Deserialize)]
/// #[migrate(from = v1::Kv, drop(hits, misses))]
/// struct Kv {
///     entries: BTreeMap<String, String>, // moved: same name, same type
///     #[migrate(rename = "ttl")]
///     expiry: BTreeMap<Height, String>, // moved from another name
///     #[migrate(default)]
///     writes: u64, // Default::default()
///     #[migrate(default = 1 << 20)]
///     entries_max: u64, // an expression that needs no old state
///     #[migrate(with = count_lookups)]
///     lookups: u64, // made from the old state
/// }
///
/// fn count_lookups(old: &v1::Kv, _: &mut UpgradeBus<'_>) -> Result<u64, Fault> {
///     Ok(old.hits + old.misses)
/// }
/// ```
///
/// # On the type
/// * `from = path`: the older struct. It derives `State`, and its fields are visible here.
/// * `drop(field, …)`: the older fields whose data ends here, those that only a `with` function
///   reads among them. Every field of the older struct is moved once or dropped; one that is
///   forgotten is a compile error that names it.
///
/// # On a field
/// Nothing, or one of `rename = "older_name"`, `default`, `default = expression`, `with = path`. A
/// `with` function is a `fn(&Old, &mut UpgradeBus<'_>) -> Result<Field, Fault>`.
///
/// # When it runs
/// Defaults and `with` functions run before the upgrade commits and only read the old state; a
/// `Fault` or a panic in one aborts the upgrade. Moving cannot fail and happens at commit. If no
/// field has a `with`, no old state is read at all.
///
/// Tuple structs, enums and generic types have their transition written by hand: `impl Migrate`.
#[proc_macro_derive(Migrate, attributes(migrate))]
pub fn migrate(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input as DeriveInput), migrate::expand)
}

fn expand(
    input: DeriveInput,
    derive: impl FnOnce(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
