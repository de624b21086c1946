//! The serde attributes that a state may have.
//!
//! A state's bytes are postcard: fields by position, variants by number, no names. An attribute
//! that leaves something out, or writes another type than the one that is described, gives bytes
//! that cannot be read back or that the schema hash does not cover. Attributes that change names alone
//! changes JSON alone, and is welcome. An attribute that is not known here is refused.

use crate::attributes::{named, skip_value};
use crate::errors::Errors;
use syn::Attribute;

/// Attributes that change names, bounds and texts only.
const WELCOME: &[&str] = &[
    "alias",
    "bound",
    "crate",
    "default",
    "deny_unknown_fields",
    "expecting",
    "rename",
    "rename_all",
    "rename_all_fields",
    "transparent",
];

const REFUSED: &[(&[&str], &str)] = &[
    (
        &["skip_serializing_if"],
        "postcard reads fields by position, so a field that is sometimes left out makes the bytes \
         unreadable; remove it (`None` costs one byte)",
    ),
    (
        &["skip", "skip_serializing", "skip_deserializing"],
        "a value that is not written is lost where the state crosses as bytes; write the field, or compute \
         the value where it is used",
    ),
    (
        &["flatten"],
        "postcard cannot write it; make it an ordinary field",
    ),
    (
        &["tag", "content", "untagged"],
        "postcard cannot read it back; remove it, so that the variant is written by its number",
    ),
    (
        &[
            "with",
            "serialize_with",
            "deserialize_with",
            "from",
            "into",
            "try_from",
            "remote",
            "getter",
        ],
        "the bytes would not be those of the described type, and the schema hash would miss a \
         change of them; keep the plain type and convert it in the handlers",
    ),
    (
        &["other", "variant_identifier", "field_identifier"],
        "postcard has no names to fall back from; write out every variant",
    ),
    (&["borrow"], "a state owns its data; remove it"),
];

/// Refuses the serde attributes among `attrs` that do not survive postcard.
pub(crate) fn check(attrs: &[Attribute], errors: &mut Errors) {
    for attr in named(attrs, "serde") {
        let parsed = attr.parse_nested_meta(|meta| {
            let name = meta
                .path
                .get_ident()
                .map(ToString::to_string)
                .unwrap_or_default();
            if let Some(reason) = refusal(&name) {
                let sentence = format!("`serde({name})` cannot be on a part of a state: {reason}");
                errors.refuse(&meta.path, sentence);
            }
            skip_value(&meta)
        });
        errors.take(parsed);
    }
}

fn refusal(name: &str) -> Option<&'static str> {
    if WELCOME.contains(&name) {
        return None;
    }
    let known = REFUSED.iter().find(|(names, _)| names.contains(&name));
    Some(known.map_or(
        "it is not known to survive postcard; remove it",
        |(_, reason)| reason,
    ))
}
