//! The serde attributes of a package's types, read from its source: a description does not have
//! them, and what clients wrote as JSON is read by them.

use quote::ToTokens;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, Item, Meta, Token};

/// Most source files that are read.
const FILES_MAX: usize = 10_000;

/// Longest source file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What a frozen type keeps: names. A default's function, or a bound, it could not name.
const KEPT: [&str; 7] = [
    "alias",
    "default",
    "deny_unknown_fields",
    "rename",
    "rename_all",
    "rename_all_fields",
    "transparent",
];

/// What stands in `#[serde(…)]`, by `Type`, `Type.field`, `Type.Variant` or `Type.Variant.field`.
pub(crate) type SerdeAttributes = BTreeMap<String, String>;

/// The attributes of all types in `folder`/src, without those in the `frozen` modules. Of a name that
/// several types have the first is kept; what cannot be read as Rust is passed over, as the compiler
/// will have said.
pub(crate) fn of_package(folder: &Path, frozen: &[&str]) -> SerdeAttributes {
    let source = folder.join("src");
    let is_frozen = |path: &Path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        path.parent() == Some(&source) && stem.is_some_and(|stem| frozen.contains(&stem))
    };
    let mut found = SerdeAttributes::new();
    for path in files(&source).iter().filter(|path| !is_frozen(path)) {
        let text = crate::files::read_text(path, FILE_BYTES_MAX).unwrap_or_default();
        if let Ok(file) = syn::parse_file(&text) {
            of_items(&file.items, &mut found);
        }
    }
    found
}

/// The `.rs` files below `root`, in the order of their paths.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
        if files.len() >= FILES_MAX {
            break;
        }
    }
    files.sort();
    files
}

fn of_items(items: &[Item], found: &mut SerdeAttributes) {
    for item in items {
        match item {
            Item::Struct(item) => {
                let name = name(&item.attrs, item.ident.unraw().to_string());
                note(found, name.clone(), &item.attrs);
                of_fields(&name, &item.fields, found);
            }
            Item::Enum(item) => {
                let name = name(&item.attrs, item.ident.unraw().to_string());
                note(found, name.clone(), &item.attrs);
                for variant in &item.variants {
                    let name = format!("{name}.{}", variant.ident.unraw());
                    note(found, name.clone(), &variant.attrs);
                    of_fields(&name, &variant.fields, found);
                }
            }
            Item::Mod(item) => {
                if let Some((_, items)) = &item.content {
                    of_items(items, found);
                }
            }
            _ => {}
        }
    }
}

fn of_fields(of: &str, fields: &Fields, found: &mut SerdeAttributes) {
    for (place, field) in fields.iter().enumerate() {
        let ident = field.ident.as_ref();
        let name = ident.map_or_else(|| place.to_string(), |ident| ident.unraw().to_string());
        note(found, format!("{of}.{name}"), &field.attrs);
    }
}

/// The type's name in the schema.
fn name(attrs: &[Attribute], ident: String) -> String {
    let mut name = ident;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("state")) {
        // The derive has refused what cannot be read.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = meta.value()?.parse::<syn::LitStr>()?.value();
            } else if meta.input.peek(Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
    }
    name
}

fn note(found: &mut SerdeAttributes, name: String, attrs: &[Attribute]) {
    let serde = attrs.iter().filter(|attr| attr.path().is_ident("serde"));
    let metas = serde.filter_map(|attr| {
        let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
        attr.parse_args_with(parse).ok()
    });
    let kept: Vec<_> = metas
        .flatten()
        .filter(is_kept)
        .map(|meta| meta.to_token_stream().to_string())
        .collect();
    if !kept.is_empty() {
        found.entry(name).or_insert_with(|| kept.join(", "));
    }
}

fn is_kept(meta: &Meta) -> bool {
    let names_a_function = matches!(meta, Meta::NameValue(_)) && meta.path().is_ident("default");
    !names_a_function && KEPT.iter().any(|kept| meta.path().is_ident(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_by_type_variant_and_field() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("src");
        std::fs::create_dir_all(source.join("inner")).unwrap();
        let text = r#"
            #[derive(State)]
            #[serde(rename_all = "snake_case", bound = "T: Copy")]
            enum Message {
                #[serde(rename = "set", alias = "put")]
                Put { #[serde(default)] key: String, value: String },
                Get(#[serde(default = "later")] u8),
            }
            mod inner {
                #[state(version = 2, name = "Other")]
                struct Named { #[serde(rename = "kind")] r#type: u8 }
            }
        "#;
        std::fs::write(source.join("inner/message.rs"), text).unwrap();
        let frozen = "#[serde(transparent)] struct Frozen(u8);";
        std::fs::write(source.join("v1.rs"), frozen).unwrap();
        std::fs::write(source.join("broken.rs"), "struct {").unwrap();
        let found = of_package(folder.path(), &["v1"]);
        let found: Vec<_> = found.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        assert_eq!(
            found,
            [
                r#"Message: rename_all = "snake_case""#,
                r#"Message.Put: rename = "set", alias = "put""#,
                "Message.Put.key: default",
                r#"Other.type: rename = "kind""#,
            ]
        );
    }
}
