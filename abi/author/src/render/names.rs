//! The names of Rust: of the closed list's types, and for those that are declared.

/// The path that a name of the closed list is imported from; `None` inside for a name of the prelude.
pub(super) fn scalar(name: &str) -> Option<Option<&'static str>> {
    const PRELUDE: [&str; 19] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "char", "String", "()", "Box<str>",
    ];
    const OF_THE_CONTRACT: [(&str, &str); 6] = [
        ("EngineId", "refit_abi::EngineId"),
        ("ClientId", "refit_abi::ClientId"),
        ("Height", "refit_abi::Height"),
        ("BlockTime", "refit_abi::BlockTime"),
        ("BlockHash", "refit_abi::BlockHash"),
        ("Generation", "refit_abi::Generation"),
    ];
    if PRELUDE.contains(&name) {
        return Some(None);
    }
    let found = OF_THE_CONTRACT.iter().find(|(scalar, _)| *scalar == name);
    found.map(|(_, path)| Some(*path))
}

/// The path that a container of the closed list is imported from, if it is not in the prelude.
pub(super) fn import(container: &str) -> Option<&'static str> {
    match container {
        "BTreeMap" => Some("std::collections::BTreeMap"),
        "BTreeSet" => Some("std::collections::BTreeSet"),
        "VecDeque" => Some("std::collections::VecDeque"),
        "PhantomData" => Some("std::marker::PhantomData"),
        _ => None,
    }
}

/// A container with its arguments written out; `None` if it is not on the closed list.
pub(super) fn container(name: &str, arguments: &[String], length: u64) -> Option<String> {
    let text = match (name, arguments) {
        ("array", [of]) => format!("[{of}; {length}]"),
        ("tuple", [only]) => format!("({only},)"),
        ("tuple", several) => format!("({})", several.join(", ")),
        ("Box<[]>", [of]) => format!("Box<[{of}]>"),
        (
            "Vec" | "VecDeque" | "Box" | "Option" | "Result" | "BTreeMap" | "BTreeSet"
            | "PhantomData",
            of,
        ) => format!("{name}<{}>", of.join(", ")),
        _ => return None,
    };
    Some(text)
}

const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "Self", "static", "struct", "super", "trait", "true", "try", "type",
    "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Names that a frozen module uses itself.
const TAKEN: [&str; 29] = [
    "BTreeMap",
    "BTreeSet",
    "BlockHash",
    "BlockTime",
    "Box",
    "ClientId",
    "Clone",
    "Debug",
    "Deserialize",
    "EngineId",
    "Eq",
    "Err",
    "Generation",
    "Height",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PhantomData",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "State",
    "StateKey",
    "String",
    "Vec",
    "VecDeque",
];

/// A field's or variant's name, raw if it is a keyword.
pub(super) fn member(name: &str) -> String {
    if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// Whether `name` is a keyword of Rust.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// A Rust name for a type called `name` in the schema, unlike those that are `used`.
pub(super) fn ident(name: &str, used: &[String]) -> String {
    let wanted = camel(name);
    let free = |ident: &String| !TAKEN.contains(&ident.as_str()) && !used.contains(ident);
    if free(&wanted) {
        return wanted;
    }
    let numbered = (2..).map(|number: u64| format!("{wanted}{number}"));
    numbered.into_iter().find(free).unwrap_or(wanted)
}

/// The words of a name, each with a capital letter: `Foo<3>` becomes `Foo3`, `my_state` `MyState`.
pub(crate) fn camel(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let mut ident: String = words
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?;
            Some(first.to_uppercase().chain(letters).collect::<String>())
        })
        .collect();
    if !ident.starts_with(char::is_alphabetic) {
        ident.insert(0, 'T');
    }
    ident
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_schema_becomes_a_name_of_rust_that_is_free() {
        assert_eq!(camel("Kv"), "Kv");
        assert_eq!(camel("my_state"), "MyState");
        assert_eq!(camel("Foo<3>"), "Foo3");
        assert_eq!(camel("9 lives"), "T9Lives");
        assert_eq!(camel("—"), "T");
        assert_eq!(ident("Height", &[]), "Height2");
        assert_eq!(ident("self", &[]), "Self2");
        assert_eq!(ident("Kv", &["Kv".to_owned(), "Kv2".to_owned()]), "Kv3");
        assert_eq!(member("type"), "r#type");
        assert_eq!(member("kind"), "kind");
    }
}
