//! The package that `refit engine new` writes.

use super::lock::{LockError, SchemaLock};
use super::render::{camel, is_keyword};
use refit_abi::EngineId;
use std::path::Path;

/// Names of crates that cargo or the package's own dependencies use.
const TAKEN: [&str; 8] = [
    "alloc",
    "core",
    "proc_macro",
    "refit_abi",
    "refit_testkit",
    "serde",
    "std",
    "test",
];

/// Types that the template names itself.
const TYPES: [&str; 14] = [
    "Context",
    "Default",
    "Deserialize",
    "Engine",
    "Err",
    "Fault",
    "Message",
    "Ok",
    "Query",
    "Result",
    "Sender",
    "Serialize",
    "State",
    "Testkit",
];

/// A name that is no name for an engine's package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A name that no engine kind can have.
    #[error(transparent)]
    Kind(#[from] refit_abi::EngineIdError),
    /// A first character that cargo does not take.
    #[error("`{name}` starts with `{first}`; a package's name starts with a letter")]
    Start {
        /// The name that was given.
        name: String,
        /// Its first character.
        first: char,
    },
    /// A word of Rust.
    #[error("`{name}` is a word of Rust, and the name of a crate cannot be one")]
    Keyword {
        /// The name that was given.
        name: String,
    },
    /// The name of a crate that the package itself depends on.
    #[error("`{name}` is the name of a crate that every engine is built with")]
    Taken {
        /// The name that was given.
        name: String,
    },
}

/// A name for a package and for its engine kind: both rules hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Looks whether `name` is one.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        EngineId::root(name)?;
        let name = name.to_owned();
        match name.chars().next() {
            Some(first) if !first.is_ascii_lowercase() => Err(NameError::Start { name, first }),
            _ if is_keyword(&name) => Err(NameError::Keyword { name }),
            _ => {
                let name = Self(name);
                match TAKEN.contains(&name.crate_name().as_str()) {
                    true => Err(NameError::Taken { name: name.0 }),
                    false => Ok(name),
                }
            }
        }
    }

    /// The crate's name in Rust.
    fn crate_name(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The state's name in Rust.
    fn type_name(&self) -> String {
        let name = camel(&self.0);
        if TYPES.contains(&name.as_str()) {
            format!("{name}Engine")
        } else {
            name
        }
    }
}

/// Where the new package's manifest says that `refit-abi` and `refit-testkit` are.
#[derive(Debug, Clone, Copy)]
pub enum Contract<'a> {
    /// In a checkout on this machine.
    Folder {
        /// The folder of `refit-abi`, whole.
        abi: &'a Path,
    },
    /// In a repository, where others find it too.
    Git {
        /// Its address, as cargo takes it.
        url: &'a str,
        /// A revision of it; without one the newest, which Cargo.lock then holds.
        rev: Option<&'a str>,
    },
}

impl Contract<'_> {
    /// What a manifest says of the place of `refit-abi`, and of that of `refit-testkit`.
    fn places(self) -> [String; 2] {
        let text = |text: &str| toml::Value::from(text).to_string();
        let path = |path: &Path| format!("path = {}", text(&path.to_string_lossy()));
        match self {
            Self::Folder { abi } => [path(abi), path(&abi.join("testkit"))],
            Self::Git { url, rev } => {
                let rev = rev.map_or_else(String::new, |rev| format!(", rev = {}", text(rev)));
                // Cargo finds each package in the repository by its name.
                let place = format!("git = {}{rev}", text(url));
                [place.clone(), place]
            }
        }
    }
}

/// The files of a new package, with their paths in it.
///
/// # Errors
/// If an empty lock has no text, which is a defect.
pub fn files(
    name: &Name,
    contract: Contract<'_>,
) -> Result<[(&'static str, String); 7], LockError> {
    let [abi, testkit] = contract.places();
    let fill = |template: &str| {
        template
            .replace("{{name}}", &name.0)
            .replace("{{crate}}", &name.crate_name())
            .replace("{{Type}}", &name.type_name())
            .replace("{{abi}}", &abi)
            .replace("{{testkit}}", &testkit)
    };
    Ok([
        ("Cargo.toml", fill(include_str!("Cargo.toml.template"))),
        ("src/lib.rs", fill(include_str!("lib.rs.template"))),
        ("tests/engine.rs", fill(include_str!("engine.rs.template"))),
        ("README.md", fill(include_str!("README.md.template"))),
        ("clippy.toml", fill(include_str!("clippy.toml.template"))),
        ("schema.lock", SchemaLock::default().text()?),
        (
            ".gitignore",
            "/target\n/refit-data\n/dist\n/plan.json\n".to_owned(),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_serves_as_package_kind_crate_and_type() {
        let name = Name::parse("my-counter").unwrap();
        assert_eq!(name.crate_name(), "my_counter");
        assert_eq!(name.type_name(), "MyCounter");
        assert_eq!(Name::parse("message").unwrap().type_name(), "MessageEngine");
    }

    #[test]
    fn a_name_that_breaks_a_rule_is_refused_with_the_rule() {
        let cases = [
            ("", "1 to 15"),
            ("a-name-of-16-byt", "1 to 15"),
            ("Hello", "use a-z"),
            ("a/b", "use a-z"),
            ("9lives", "starts with a letter"),
            ("match", "a word of Rust"),
            ("serde", "a crate that every engine"),
            ("refit-abi", "a crate that every engine"),
            ("refit_abi", "a crate that every engine"),
            ("refit_testkit", "a crate that every engine"),
        ];
        for (name, rule) in cases {
            let error = Name::parse(name).unwrap_err().to_string();
            assert!(error.contains(rule), "{name}: {error}");
        }
    }

    /// The names that a text imports.
    fn imported(text: &str) -> Vec<String> {
        let names = |tree: &syn::UseTree| {
            let (mut open, mut names) = (vec![tree.clone()], Vec::new());
            while let Some(tree) = open.pop() {
                match tree {
                    syn::UseTree::Path(path) => open.push(*path.tree),
                    syn::UseTree::Group(group) => open.extend(group.items),
                    syn::UseTree::Name(name) => names.push(name.ident.to_string()),
                    syn::UseTree::Rename(name) => names.push(name.rename.to_string()),
                    syn::UseTree::Glob(_) => panic!("what it brings is not known"),
                }
            }
            names
        };
        let items = syn::parse_file(text).unwrap().items.into_iter();
        let uses = items.filter_map(|item| match item {
            syn::Item::Use(item) => Some(names(&item.tree)),
            _ => None,
        });
        uses.flatten().collect()
    }

    #[test]
    fn the_state_is_called_like_nothing_that_the_templates_import() {
        let contract = Contract::Folder {
            abi: Path::new("/abi"),
        };
        let files = files(&Name::parse("hello").unwrap(), contract).unwrap();
        let sources = files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let all: Vec<_> = sources.flat_map(|(_, text)| imported(text)).collect();
        for known in ["Context", "Serialize", "Testkit"] {
            assert!(all.iter().any(|name| name == known), "{known} in {all:?}");
        }
        for name in all.into_iter().filter(|name| name != "Hello") {
            let state = Name::parse(&name.to_lowercase()).unwrap().type_name();
            assert_ne!(state, name);
        }
    }

    #[test]
    fn nothing_of_the_template_is_left_unfilled() {
        let name = Name::parse("hello").unwrap();
        let contract = Contract::Folder {
            abi: Path::new("/a \"b\"/abi"),
        };
        for (path, text) in files(&name, contract).unwrap() {
            for place in [
                "{{name}}",
                "{{crate}}",
                "{{Type}}",
                "{{abi}}",
                "{{testkit}}",
            ] {
                assert!(!text.contains(place), "{path}: {text}");
            }
        }
    }

    #[test]
    fn the_manifest_names_the_contract_by_its_folder_or_by_its_repository() {
        let name = Name::parse("hello").unwrap();
        let manifest = |contract| {
            let text = &files(&name, contract).unwrap()[0].1;
            text.parse::<toml::Table>().unwrap()
        };
        let folder = manifest(Contract::Folder {
            abi: Path::new("/a \"b\"/abi"),
        });
        assert_eq!(
            folder["dependencies"]["refit-abi"]["path"].as_str(),
            Some("/a \"b\"/abi")
        );
        let testkit = &folder["dev-dependencies"]["refit-testkit"];
        assert_eq!(testkit["path"].as_str(), Some("/a \"b\"/abi/testkit"));
        let git = manifest(Contract::Git {
            url: "https://example.org/refit",
            rev: Some("v1"),
        });
        for (table, package) in [
            ("dependencies", "refit-abi"),
            ("dev-dependencies", "refit-testkit"),
        ] {
            let named = &git[table][package];
            assert_eq!(named["git"].as_str(), Some("https://example.org/refit"));
            assert_eq!(named["rev"].as_str(), Some("v1"));
        }
    }
}
