//! The text of a frozen module.

use super::items::{Item, Items};
use super::{Request, WRITTEN, defaults, names};
use crate::attributes::SerdeAttributes;
use refit_abi::schema::{Field, Type};
use std::fmt::Write;

/// Writes the module.
pub(super) fn write(items: &Items, request: &Request<'_>) -> String {
    let mut text = header(request);
    text.push('\n');
    imports(items, &mut text);
    for item in items.own() {
        text.push('\n');
        declaration(item, request, &mut text);
    }
    text
}

fn header(request: &Request<'_>) -> String {
    let Request { version, kind, .. } = request;
    let whats: Vec<_> = request.roots.iter().map(|(what, _)| *what).collect();
    format!(
        "//! Version {version}'s {} of `{kind}`, frozen as it was published. Never edit its types: nodes\n\
         //! hold states of just this shape. The step from the version before may stand here too.\n\
         //! {WRITTEN}\n\n\
         #![allow(\n    missing_docs,\n    dead_code,\n    \
         reason = \"it is kept as it was published, whether all of it is read or not\"\n)]\n",
        whats.join(" and ")
    )
}

fn imports(items: &Items, text: &mut String) {
    let mut paths: Vec<&str> = items
        .own()
        .flat_map(|item| &item.imports)
        .copied()
        .collect();
    paths.push("refit_abi::State");
    if items.own().any(|item| item.is_key) {
        paths.push("refit_abi::StateKey");
    }
    paths.extend(["serde::Deserialize", "serde::Serialize"]);
    paths.sort_unstable();
    paths.dedup();
    let mut modules: Vec<(&str, Vec<&str>)> = Vec::new();
    for path in paths {
        let Some((module, name)) = path.rsplit_once("::") else {
            continue;
        };
        match modules.last_mut() {
            Some((last, names)) if *last == module => names.push(name),
            _ => modules.push((module, vec![name])),
        }
    }
    for (module, names) in modules {
        line(text, &imported(module, &names));
    }
    let taken = items.all.iter().filter(|item| item.is_needed);
    for item in taken {
        if let Some((module, ident)) = &item.taken_from {
            let alias = if *ident == item.ident {
                String::new()
            } else {
                format!(" as {}", item.ident)
            };
            line(text, &format!("pub use super::{module}::{ident}{alias};"));
        }
    }
}

fn imported(module: &str, names: &[&str]) -> String {
    match names {
        [only] => format!("use {module}::{only};"),
        several => format!("use {module}::{{{}}};", several.join(", ")),
    }
}

fn declaration(item: &Item, request: &Request<'_>, text: &mut String) {
    let (name, version) = match &item.ty {
        Type::Struct { name, version, .. } | Type::Enum { name, version, .. } => (name, *version),
        _ => return,
    };
    line(
        text,
        &format!("/// `{name}` of version {}.", request.version),
    );
    line(text, &derives(item));
    let mut attributes = Vec::new();
    if *name != item.ident {
        attributes.push(format!("name = {name:?}"));
    }
    if version != 0 {
        attributes.push(format!("version = {version}"));
    }
    if !attributes.is_empty() {
        line(text, &format!("#[state({})]", attributes.join(", ")));
    }
    serde_line(request.serde, name, "", text);
    let names = Names {
        serde: request.serde,
        of: name.clone(),
    };
    match &item.ty {
        Type::Struct { fields, .. } => structure(item, fields, &names, text),
        Type::Enum { variants, .. } => {
            line(text, &format!("pub enum {} {{", item.ident));
            for (variant, types) in variants.iter().zip(&item.fields) {
                let number = variant.discriminant.as_ref();
                let number = number.map_or(String::new(), |number| format!(" = {number}"));
                let names = Names {
                    serde: request.serde,
                    of: format!("{name}.{}", variant.name),
                };
                serde_line(request.serde, &names.of, "    ", text);
                let contents = members(&variant.fields, types, &names, false);
                let name = names::member(&variant.name);
                line(text, &format!("    {name}{contents}{number},"));
            }
            line(text, "}");
        }
        _ => {}
    }
}

fn derives(item: &Item) -> String {
    let common = if item.is_foreign {
        ""
    } else if item.is_key {
        "Debug, Clone, "
    } else {
        "Debug, Clone, PartialEq, "
    };
    let key = if item.is_key { "StateKey, " } else { "" };
    format!("#[derive({common}State, {key}Serialize, Deserialize)]")
}

/// The serde attributes, and the name below which those of the fields are found.
struct Names<'a> {
    serde: &'a SerdeAttributes,
    of: String,
}

impl Names<'_> {
    /// The attributes above a field.
    fn attributes(&self, field: &Field) -> Vec<String> {
        let on_field = match &field.ty {
            Type::Serde { .. } => Some("#[state(serde)]"),
            ty if names_float(ty) => Some("#[state(float)]"),
            _ => None,
        };
        let mut all: Vec<_> = on_field.map(ToOwned::to_owned).into_iter().collect();
        let serde = self.serde.get(&format!("{}.{}", self.of, field.name));
        let serde = serde.and_then(|serde| match defaults::has(&field.ty) {
            true => Some(serde.clone()),
            false => defaults::without(serde),
        });
        all.extend(serde.map(|serde| format!("#[serde({serde})]")));
        all
    }
}

/// Whether a float stands in the text of the type.
fn names_float(ty: &Type) -> bool {
    match ty {
        Type::Scalar { name, .. } => matches!(name.as_str(), "f32" | "f64"),
        Type::Container { arguments, .. } => arguments.iter().any(names_float),
        _ => false,
    }
}

fn serde_line(serde: &SerdeAttributes, name: &str, indent: &str, text: &mut String) {
    if let Some(serde) = serde.get(name).and_then(|serde| defaults::without(serde)) {
        line(text, &format!("{indent}#[serde({serde})]"));
    }
}

fn structure(item: &Item, fields: &[Field], names: &Names<'_>, text: &mut String) {
    let types = item.fields.first().map_or(&[][..], |types| types);
    let contents = members(fields, types, names, true);
    let end = if contents.ends_with('}') { "" } else { ";" };
    line(text, &format!("pub struct {}{contents}{end}", item.ident));
}

/// The fields with their braces, or nothing for a unit.
fn members(fields: &[Field], types: &[String], names: &Names<'_>, of_struct: bool) -> String {
    let Some(first) = fields.first() else {
        return String::new();
    };
    let (public, indent) = if of_struct {
        ("pub ", "")
    } else {
        ("", "    ")
    };
    if first.name == "0" {
        let fields = fields.iter().zip(types).map(|(field, ty)| {
            let mut words = names.attributes(field);
            words.push(format!("{public}{ty}"));
            words.join(" ")
        });
        return format!("({})", fields.collect::<Vec<_>>().join(", "));
    }
    let mut text = " {\n".to_owned();
    for (field, ty) in fields.iter().zip(types) {
        for attribute in names.attributes(field) {
            line(&mut text, &format!("{indent}    {attribute}"));
        }
        let name = names::member(&field.name);
        line(&mut text, &format!("{indent}    {public}{name}: {ty},"));
    }
    text.push_str(indent);
    text.push('}');
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
