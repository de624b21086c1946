//! Tests what is read of a source, and for which types.

use crate::samples::described;
use refit_abi::{Deserialize, Serialize, State};
use refit_author::attributes::Declarations;

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
fn a_type_whose_names_for_json_changed_is_told() {
    let message = described::<Message>();
    let renamed = |source: &str, noted: &[(&str, &str)]| {
        let declared = Declarations::of_sources([source]);
        let noted = noted
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        declared.renamed(&message, &noted.collect(), &message)
    };
    let source = r#"
        #[serde(rename_all = "snake_case")]
        enum Message { Put { key: String, #[serde(rename = "v")] value: Other }, Get(u8) }
    "#;
    let same = [
        ("Message", r#"rename_all = "snake_case""#),
        ("Message.Put.value", r#"rename = "v""#),
        ("Other", "transparent"),
        ("Gone", r#"rename = "was""#),
    ];
    assert!(renamed(source, &same).is_empty(), "`Other` is not declared");
    assert_eq!(
        renamed(source, &[("Message", r#"rename_all = "lowercase""#)]),
        [
            r#"~ Message: #[serde(rename_all = "lowercase")] → #[serde(rename_all = "snake_case")]"#,
            r#"~ Message.Put.value: (none) → #[serde(rename = "v")]"#,
        ]
    );
}

#[test]
fn names_are_kept_by_type_variant_and_field() {
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
    let another = r#"#[serde(rename_all = "UPPERCASE")] enum Message { Put(u8), Get(u8) }"#;
    let declared = Declarations::of_sources([another, "struct {", text]);
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
