//! The difference between two schemas, in lines that a person reads.

use refit_abi::schema::{Field, Type, Variant};

/// Lines such as `+ expires: BTreeMap<u64, …>`, `- ttl: u64`, `~ value: u64 → u128`, for the fields
/// or variants of two descriptions; empty when they mean the same.
pub fn differences(old: &Type, new: &Type) -> Vec<String> {
    let mut lines = Vec::new();
    types("", old, new, &mut lines);
    lines
}

fn types(path: &str, old: &Type, new: &Type, lines: &mut Vec<String>) {
    match (old, new) {
        (
            Type::Struct {
                name: a,
                version: v,
                fields: old,
                ..
            },
            Type::Struct {
                name: b,
                version: w,
                fields: new,
                ..
            },
        ) if a == b => {
            versions(path, *v, *w, lines);
            fields(path, old, new, lines);
        }
        (
            Type::Enum {
                name: a,
                version: v,
                variants: old,
                ..
            },
            Type::Enum {
                name: b,
                version: w,
                variants: new,
                ..
            },
        ) if a == b => {
            versions(path, *v, *w, lines);
            variants(path, old, new, lines);
        }
        (
            Type::Container {
                name: a,
                arguments: old,
                length: m,
                ..
            },
            Type::Container {
                name: b,
                arguments: new,
                length: n,
                ..
            },
        ) if a == b && m == n && old.len() == new.len() => {
            old.iter()
                .zip(new)
                .for_each(|(old, new)| types(path, old, new, lines));
        }
        _ if show(old) != show(new) => {
            lines.push(format!("~ {}: {} → {}", label(path), show(old), show(new)));
        }
        _ => {}
    }
}

fn versions(path: &str, old: u32, new: u32, lines: &mut Vec<String>) {
    if old != new {
        lines.push(format!("~ {}: version {old} → {new}", label(path)));
    }
}

fn fields(path: &str, old: &[Field], new: &[Field], lines: &mut Vec<String>) {
    for field in new {
        let inner = join(path, &field.name);
        match old.iter().find(|before| before.name == field.name) {
            Some(before) => types(&inner, &before.ty, &field.ty, lines),
            None => lines.push(format!("+ {inner}: {}", show(&field.ty))),
        }
    }
    for field in old
        .iter()
        .filter(|field| !new.iter().any(|after| after.name == field.name))
    {
        lines.push(format!(
            "- {}: {}",
            join(path, &field.name),
            show(&field.ty)
        ));
    }
    reordered(
        path,
        old.iter().map(|f| &f.name),
        new.iter().map(|f| &f.name),
        lines,
    );
}

fn variants(path: &str, old: &[Variant], new: &[Variant], lines: &mut Vec<String>) {
    for variant in new {
        let inner = join(path, &variant.name);
        match old.iter().find(|before| before.name == variant.name) {
            Some(before) => fields(&inner, &before.fields, &variant.fields, lines),
            None => lines.push(format!("+ variant {inner}")),
        }
    }
    for variant in old
        .iter()
        .filter(|v| !new.iter().any(|after| after.name == v.name))
    {
        lines.push(format!("- variant {}", join(path, &variant.name)));
    }
    reordered(
        path,
        old.iter().map(|v| &v.name),
        new.iter().map(|v| &v.name),
        lines,
    );
}

fn reordered<'a>(
    path: &str,
    old: impl Iterator<Item = &'a String>,
    new: impl Iterator<Item = &'a String>,
    lines: &mut Vec<String>,
) {
    let (old, new): (Vec<_>, Vec<_>) = (old.collect(), new.collect());
    let kept_before: Vec<_> = old.iter().filter(|name| new.contains(name)).collect();
    let kept_after: Vec<_> = new.iter().filter(|name| old.contains(name)).collect();
    if kept_before != kept_after {
        lines.push(format!("~ {}: reordered", label(path)));
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn label(path: &str) -> &str {
    if path.is_empty() { "(the state)" } else { path }
}

fn show(ty: &Type) -> String {
    match ty {
        Type::Container {
            name,
            arguments,
            length,
            ..
        } => {
            let inner: Vec<String> = arguments.iter().map(show).collect();
            match name.as_str() {
                "array" => format!("[{}; {length}]", inner.join(", ")),
                "tuple" => format!("({})", inner.join(", ")),
                _ => format!("{name}<{}>", inner.join(", ")),
            }
        }
        Type::Scalar { name, .. }
        | Type::Struct { name, .. }
        | Type::Enum { name, .. }
        | Type::Recursion { name, .. } => name.clone(),
        Type::Serde { name, .. } => format!("{name} (as bytes)"),
        _ => "(unknown)".to_owned(),
    }
}
