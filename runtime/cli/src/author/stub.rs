//! The step from one version to the next as Rust, to paste and complete.

use super::render::{camel, is_keyword, names_of, type_text};
use refit_abi::descriptor::MigrationDescriptor;
use refit_abi::schema::{Field, Type};

/// The step from `old`, frozen in `module`, to `new`, which will have this version.
pub(crate) fn step(module: &str, old: &Type, new: &Type, version: u32) -> String {
    match (fields(old), fields(new)) {
        (Some(before), Some(after)) => {
            derived(module, (name(old), &before), (name(new), &after), version)
        }
        _ => by_hand(module, old, new, version),
    }
}

/// What to write once nothing has changed yet.
pub(crate) fn next(module: &str, state: &Type) -> String {
    let version = match state {
        Type::Struct { version, .. } | Type::Enum { version, .. } => version + 1,
        _ => 1,
    };
    step(module, state, state, version)
}

/// The fields of a struct that has names for them.
fn fields(ty: &Type) -> Option<Vec<&Field>> {
    match ty {
        Type::Struct { fields, .. } if fields.first().is_none_or(|field| field.name != "0") => {
            Some(fields.iter().collect())
        }
        _ => None,
    }
}

/// The type's name in Rust.
fn name(ty: &Type) -> String {
    camel(&type_text(ty))
}

fn member(name: &str) -> String {
    let raw = if is_keyword(name) { "r#" } else { "" };
    format!("{raw}{name}")
}

/// The type without versions, as far as its own fields are concerned: a field moves if it is equal.
fn same(old: &Type, new: &Type) -> bool {
    refit_upgrade::differences(old, new).is_empty()
}

fn derived(
    module: &str,
    (old, before): (String, &[&Field]),
    (new, after): (String, &[&Field]),
    version: u32,
) -> String {
    let find = |name: &str| before.iter().find(|field| field.name == name);
    let (mut body, mut functions, mut reused) = (String::new(), String::new(), Vec::new());
    for field in after {
        let (name, ty) = (member(&field.name), type_text(&field.ty));
        match find(&field.name) {
            Some(earlier) if same(&earlier.ty, &field.ty) => {
                names_of(&field.ty, &mut reused);
                body += &format!("    {name}: {ty}, // moves over\n");
            }
            Some(earlier) => {
                let was = type_text(&earlier.ty);
                let function = format!("{}_from_{module}", field.name);
                body += &format!(
                    "    /// Was `{was}`.\n    #[migrate(with = {function})]\n    {name}: {ty},\n"
                );
                functions += &computed(&function, module, &old, &ty);
            }
            None => body += &format!("    #[migrate(default)]\n    {name}: {ty},\n"),
        }
    }
    let gone = before.iter().filter(|earlier| {
        let now = after.iter().find(|field| field.name == earlier.name);
        now.is_none_or(|now| !same(&earlier.ty, &now.ty))
    });
    let gone: Vec<_> = gone.map(|field| member(&field.name)).collect();
    let dropped = match gone.is_empty() {
        true => String::new(),
        false => format!(", drop({})", gone.join(", ")),
    };
    let mut text = format!("pub mod {module}; // in src/lib.rs\n\n");
    if !reused.is_empty() {
        let names = match &reused[..] {
            [only] => camel(only),
            several => {
                let several: Vec<_> = several.iter().map(|name| camel(name)).collect();
                format!("{{{}}}", several.join(", "))
            }
        };
        text += &format!(
            "// In place of your own: a field moves only if its type is the very same.\n\
             pub use crate::{module}::{names};\n\n"
        );
    }
    let imports = if functions.is_empty() {
        "use refit_abi::{Migrate, State};\n"
    } else {
        "use refit_abi::{Fault, Migrate, State, UpgradeBus};\n"
    };
    text += &format!(
        "{imports}\n#[derive(State, Migrate, Serialize, Deserialize)]\n\
         #[state(version = {version})]\n#[migrate(from = crate::{module}::{old}{dropped})]\n\
         pub struct {new} {{\n{body}}}\n{functions}"
    );
    text
}

fn computed(function: &str, module: &str, old: &str, ty: &str) -> String {
    format!(
        "\nfn {function}(\n    old: &crate::{module}::{old},\n    bus: &mut UpgradeBus<'_>,\n\
         ) -> Result<{ty}, Fault> {{\n    \
         Err(Fault::new(\"not-written\", \"make it from `old`\"))\n}}\n"
    )
}

fn by_hand(module: &str, old: &Type, new: &Type, version: u32) -> String {
    let (old, new) = (name(old), name(new));
    format!(
        "pub mod {module}; // in src/lib.rs\n\n\
         use refit_abi::{{Fault, Migrate, UpgradeBus}};\n\n\
         // on `{new}`: #[state(version = {version})]\n\n\
         impl Migrate for {new} {{\n    type From = crate::{module}::{old};\n\n    \
         fn migrate(old: &Self::From, bus: &mut UpgradeBus<'_>) -> Result<Self, Fault> {{\n        \
         Err(Fault::new(\"not-written\", \"make it from `old`\"))\n    }}\n}}\n"
    )
}

/// The step that led to a version, as far as its description tells, once that is frozen in `module`:
/// to be carried over from the head, so that it is composed with the next.
pub(crate) fn carried(
    module: &str,
    from: &str,
    state: &Type,
    step: &MigrationDescriptor,
) -> String {
    let (old, new) = (name(&step.from), name(state));
    if step.by_hand {
        return format!(
            "impl Migrate for {module}::{new} {{ // as on the head\n    type From = {from}::{old};\n    …\n}}\n"
        );
    }
    let before = fields(&step.from).unwrap_or_default();
    let is_old = |name: &&String| before.iter().any(|field| field.name == **name);
    let converted = step.fresh.iter().filter(is_old);
    let gone: Vec<_> = step.dropped.iter().chain(converted).cloned().collect();
    let dropped = match gone.is_empty() {
        true => String::new(),
        false => format!(", drop({})", gone.join(", ")),
    };
    let mut text = format!(
        "#[derive(…, Migrate)]\n#[migrate(from = super::{from}::{old}{dropped})]\npub struct {new} {{\n"
    );
    for field in &step.fresh {
        text += &format!(
            "    #[migrate(…)] // as on the head\n    pub {}: …,\n",
            member(field)
        );
    }
    text += "    …\n}\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::samples;

    #[test]
    fn the_step_says_for_each_field_what_becomes_of_it() {
        let stub = step("v1", &samples::first(), &samples::second(), 2);
        assert_eq!(
            stub,
            "\
pub mod v1; // in src/lib.rs

use refit_abi::{Fault, Migrate, State, UpgradeBus};

#[derive(State, Migrate, Serialize, Deserialize)]
#[state(version = 2)]
#[migrate(from = crate::v1::Kv, drop(entries, hits))]
pub struct Kv {
    /// Was `BTreeMap<String, String>`.
    #[migrate(with = entries_from_v1)]
    entries: BTreeMap<String, Versioned>,
    expiries: BTreeMap<Height, BTreeSet<String>>, // moves over
    #[migrate(default)]
    revision: u64,
}

fn entries_from_v1(
    old: &crate::v1::Kv,
    bus: &mut UpgradeBus<'_>,
) -> Result<BTreeMap<String, Versioned>, Fault> {
    Err(Fault::new(\"not-written\", \"make it from `old`\"))
}
"
        );
    }

    #[test]
    fn a_field_of_an_own_type_moves_only_with_the_frozen_type() {
        let stub = next("v2", &samples::second());
        assert!(stub.contains("#[state(version = 3)]"), "{stub}");
        assert!(stub.contains("pub use crate::v2::Versioned;"), "{stub}");
        assert!(stub.contains("revision: u64, // moves over"), "{stub}");
    }

    #[test]
    fn what_has_no_field_names_is_migrated_by_hand() {
        let tuple = samples::described::<samples::Tuple>();
        let stub = step("v1", &tuple, &tuple, 2);
        assert!(stub.contains("impl Migrate for Tuple {"), "{stub}");
        assert!(stub.contains("type From = crate::v1::Tuple;"), "{stub}");
    }
}
