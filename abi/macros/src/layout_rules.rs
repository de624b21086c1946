//! Refuses all that would let the compiler lay two types of one description out differently.
//!
//! The layout hash covers what the derive sees: fields, variants, discriminants. A type's layout follows from
//! those alone if it has no `repr`, if its last field has a known size, and if no macro changes it after the
//! derive has read it. The code that the derive writes checks the last two again, where a name hides them from
//! here (`fields`); this file gives what can be seen a sentence.

use crate::attributes::Container;
use crate::errors::Errors;
use syn::{
    Attribute, Data, DeriveInput, GenericParam, Generics, Path, TraitBoundModifier, TypeParamBound,
    WherePredicate,
};

/// Attributes of the language and of this crate's and serde's derives: they change nothing of a type.
const INERT: &[&str] = &[
    "allow",
    "automatically_derived",
    "cfg",
    "cfg_attr",
    "deny",
    "deprecated",
    "derive",
    "doc",
    "expect",
    "forbid",
    "migrate",
    "must_use",
    "non_exhaustive",
    "serde",
    "state",
    "warn",
];

/// Attributes of well-known derives, which stand beside a type and change nothing of it. A name is no proof: a
/// macro of that name may be imported. Of a struct what it did would show in the offsets, which the layout hash
/// has; of an enum nothing would.
const HELPERS: &[&str] = &[
    "arbitrary",
    "builder",
    "derivative",
    "educe",
    "proptest",
    "schemars",
    "strum",
];

/// Tools, whose attributes the compiler passes over: `#[rustfmt::skip]`.
const TOOLS: &[&str] = &["clippy", "diagnostic", "miri", "rust_analyzer", "rustfmt"];

/// Traits whose bound takes the `Sized` away that a type parameter has by itself.
const UNSIZING: &[&str] = &["MetaSized", "PointeeSized"];

/// Refuses what changes memory and is in no hash.
pub(crate) fn check(input: &DeriveInput, container: &Container, errors: &mut Errors) {
    for attr in &input.attrs {
        if attr.path().is_ident("repr") {
            errors.refuse(
                attr,
                "a state has no `repr`: it changes what the compiler does with the bytes between and in \
                 the fields, which the layout hash does not see; remove the attribute, the bytes of a \
                 state do not depend on it",
            );
        } else if !(is_inert(attr) || is_struct(input) && is_helper(attr, container)) {
            refuse_unknown(attr, is_struct(input), errors);
        }
    }
    refuse_unsized(&input.generics, errors);
}

fn is_struct(input: &DeriveInput) -> bool {
    matches!(input.data, Data::Struct(_))
}

/// Whether it is taken for the attribute of another derive.
fn is_helper(attr: &Attribute, container: &Container) -> bool {
    let ident = attr.path().get_ident();
    ident.is_some_and(|ident| {
        HELPERS.iter().any(|helper| ident == helper) || container.helpers.contains(ident)
    })
}

fn is_inert(attr: &Attribute) -> bool {
    let path = attr.path();
    match path.get_ident() {
        Some(ident) => INERT.iter().any(|inert| ident == inert),
        None => path
            .segments
            .first()
            .is_some_and(|tool| TOOLS.iter().any(|known| tool.ident == known)),
    }
}

fn refuse_unknown(attr: &Attribute, is_struct: bool, errors: &mut Errors) {
    let name = shown(attr.path());
    let ident = attr.path().get_ident().filter(|_| is_struct);
    let helper = ident.map_or(String::new(), |ident| {
        format!(
            "; if it belongs to another derive and changes nothing itself, say so: \
             `#[state(helpers({ident}))]`"
        )
    });
    let sentence = format!(
        "`derive(State)` is above `#[{name}]` and does not see what that makes of the type; write the \
         derive below it{helper}"
    );
    errors.refuse(attr, sentence);
}

fn shown(path: &Path) -> String {
    let segments = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string());
    segments.collect::<Vec<_>>().join("::")
}

/// Refuses `?Sized`, under any of its names.
fn refuse_unsized(generics: &Generics, errors: &mut Errors) {
    let of_parameters = generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.bounds),
        GenericParam::Const(_) | GenericParam::Lifetime(_) => None,
    });
    let clause = generics.where_clause.iter();
    let of_clause = clause
        .flat_map(|clause| &clause.predicates)
        .filter_map(|predicate| match predicate {
            WherePredicate::Type(predicate) => Some(&predicate.bounds),
            _ => None,
        });
    for bound in of_parameters.chain(of_clause).flatten() {
        let TypeParamBound::Trait(of) = bound else {
            continue;
        };
        let last = of.path.segments.last();
        let unsizing = last.is_some_and(|last| UNSIZING.iter().any(|name| last.ident == name));
        if unsizing || matches!(of.modifier, TraitBoundModifier::Maybe(_)) {
            errors.refuse(
                bound,
                "a type parameter of a state has a size: where one may have none, the compiler uses other \
                 free bits of the struct around it, at equal offsets; remove the bound",
            );
        }
    }
}
