//! The difference between two schemas, in lines that a person reads.

use super::{Field, Type, Variant};

/// Lines such as `+ expires: BTreeMap<u64, …>`, `- ttl: u64`, `~ value: u64 → u128`, for the fields
/// or variants of two descriptions; empty when they mean the same. `whole` is the word for the type
/// itself, such as `state`: a line that concerns all of it begins with `~ (the state)`.
pub fn differences(whole: &str, old: &Type, new: &Type) -> Vec<String> {
    let mut found = Differences {
        whole: format!("(the {whole})"),
        lines: Vec::new(),
    };
    found.types("", old, new);
    found.lines
}

/// The differences that were found so far.
struct Differences {
    /// Stands where the path is empty.
    whole: String,
    lines: Vec<String>,
}

impl Differences {
    fn types(&mut self, path: &str, old: &Type, new: &Type) {
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
                self.versions(path, *v, *w);
                self.fields(path, old, new);
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
                self.versions(path, *v, *w);
                self.variants(path, old, new);
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
                    .for_each(|(old, new)| self.types(path, old, new));
            }
            _ if show(old) != show(new) => {
                self.lines.push(format!(
                    "~ {}: {} → {}",
                    self.label(path),
                    show(old),
                    show(new)
                ));
            }
            _ => {}
        }
    }

    fn versions(&mut self, path: &str, old: u32, new: u32) {
        if old != new {
            self.lines
                .push(format!("~ {}: version {old} → {new}", self.label(path)));
        }
    }

    fn fields(&mut self, path: &str, old: &[Field], new: &[Field]) {
        for field in new {
            let inner = join(path, &field.name);
            match old.iter().find(|before| before.name == field.name) {
                Some(before) => self.types(&inner, &before.ty, &field.ty),
                None => self.lines.push(format!("+ {inner}: {}", show(&field.ty))),
            }
        }
        for field in old
            .iter()
            .filter(|field| !new.iter().any(|after| after.name == field.name))
        {
            self.lines.push(format!(
                "- {}: {}",
                join(path, &field.name),
                show(&field.ty)
            ));
        }
        self.reordered(
            path,
            old.iter().map(|f| &f.name),
            new.iter().map(|f| &f.name),
        );
    }

    fn variants(&mut self, path: &str, old: &[Variant], new: &[Variant]) {
        for variant in new {
            let inner = join(path, &variant.name);
            match old.iter().find(|before| before.name == variant.name) {
                Some(before) => self.fields(&inner, &before.fields, &variant.fields),
                None => self.lines.push(format!("+ variant {inner}")),
            }
        }
        for variant in old
            .iter()
            .filter(|v| !new.iter().any(|after| after.name == v.name))
        {
            self.lines
                .push(format!("- variant {}", join(path, &variant.name)));
        }
        self.reordered(
            path,
            old.iter().map(|v| &v.name),
            new.iter().map(|v| &v.name),
        );
    }

    fn reordered<'a>(
        &mut self,
        path: &str,
        old: impl Iterator<Item = &'a String>,
        new: impl Iterator<Item = &'a String>,
    ) {
        let (old, new): (Vec<_>, Vec<_>) = (old.collect(), new.collect());
        let kept_before: Vec<_> = old.iter().filter(|name| new.contains(name)).collect();
        let kept_after: Vec<_> = new.iter().filter(|name| old.contains(name)).collect();
        if kept_before != kept_after {
            self.lines
                .push(format!("~ {}: reordered", self.label(path)));
        }
    }

    fn label<'a>(&'a self, path: &'a str) -> &'a str {
        if path.is_empty() { &self.whole } else { path }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
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
    }
}
