//! The step from one version to the next as Rust, to paste and complete.

use super::render::{Module, camel, is_keyword, type_text, type_text_in};
use super::types::derived_in;
use refit_abi::descriptor::MigrationDescriptor;
use refit_abi::schema::{Field, Type, differences};

/// A step to be written.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The frozen module of the older state: its types have the names that stand there.
    pub from: &'a Module,
    /// The older state.
    pub old: &'a Type,
    /// The newer one.
    pub new: &'a Type,
    /// `#[state(version)]` of the newer one.
    pub version: u32,
}

/// The step as Rust.
pub fn step(step: &Step<'_>) -> String {
    match (fields(step.old), fields(step.new)) {
        (Some(before), Some(after)) => derived(step, &before, &after),
        _ => by_hand(step),
    }
}

/// The stub for an author who has changed nothing yet.
pub fn next(from: &Module, state: &Type) -> String {
    let version = match state {
        Type::Struct { version, .. } | Type::Enum { version, .. } => version + 1,
        _ => 1,
    };
    step(&Step {
        from,
        old: state,
        new: state,
        version,
    })
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
    differences("state", old, new).is_empty()
}

fn derived(step: &Step<'_>, before: &[&Field], after: &[&Field]) -> String {
    let Step { from, version, .. } = step;
    let (module, old, new) = (&from.name, step.old_name(), name(step.new));
    let find = |name: &str| before.iter().find(|field| field.name == name);
    let (mut body, mut functions, mut reused) = (String::new(), String::new(), Vec::new());
    for field in after {
        let (name, ty) = (member(&field.name), type_text(&field.ty));
        match find(&field.name) {
            Some(earlier) if same(&earlier.ty, &field.ty) => {
                step.reuse(&earlier.ty, &mut reused);
                let ty = type_text_in(&earlier.ty, &from.types);
                body += &format!("    {name}: {ty}, // moves over\n");
            }
            Some(earlier) => {
                let was = type_text_in(&earlier.ty, &from.types);
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
            [only] => only.clone(),
            several => format!("{{{}}}", several.join(", ")),
        };
        text += &format!(
            "// In place of your own; or keep yours: a type of the same name and fields moves too.\n\
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

impl Step<'_> {
    /// The name of the older state in its frozen module.
    fn old_name(&self) -> String {
        type_text_in(self.old, &self.from.types)
    }

    /// Adds the names that the frozen module has for the derived types inside `ty`, and for itself.
    fn reuse(&self, ty: &Type, names: &mut Vec<String>) {
        let mut found = Vec::new();
        derived_in(ty, &mut found);
        for ty in found {
            let name = type_text_in(ty, &self.from.types);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
}

fn by_hand(step: &Step<'_>) -> String {
    let Step { from, version, .. } = step;
    let (module, old, new) = (&from.name, step.old_name(), name(step.new));
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
pub fn carried(module: &str, from: &str, state: &Type, step: &MigrationDescriptor) -> String {
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

/// The conversion of the messages of the version that is frozen in the module `from`, as it stands in the next frozen
/// module: to be carried over from the head, so that it is composed with the next.
pub fn carried_message(from: &str, old: &Type, new: &Type) -> String {
    let (old, new) = (name(old), name(new));
    format!(
        "impl MigrateMessage for {new} {{ // as on the head\n    type From = super::{from}::{old};\n    …\n}}\n"
    )
}
