//! What is read of a source, and for which types.

use super::*;
use crate::author::samples::described;
use refit_abi::{Deserialize, Serialize, State};

#[derive(State, Serialize, Deserialize)]
enum Message {
    Put { key: String, value: Other },
    Get(u8),
}

#[derive(State, Serialize, Deserialize)]
struct Other {
    r#type: u8,
}

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
    let another = r#"#[serde(rename_all = "UPPERCASE")] enum Message { Put(u8), Get(u8) }"#;
    std::fs::write(source.join("another.rs"), another).unwrap();
    let frozen = "#[serde(transparent)] struct Other { r#type: u8 }";
    std::fs::write(source.join("v1.rs"), frozen).unwrap();
    std::fs::write(source.join("broken.rs"), "struct {").unwrap();
    let declared = Declarations::of_package(folder.path(), &["v1"]);
    let found = declared.attributes(&described::<Message>());
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
