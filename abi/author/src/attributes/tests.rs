//! Tests which changes of names and attributes change how JSON is read.

use super::*;

#[test]
fn json_is_other_when_a_name_is_and_not_when_more_is_understood() {
    for (old, new) in [
        (r#"rename_all = "snake_case""#, ""),
        ("", r#"rename = "set""#),
        (r#"rename = "set""#, r#"rename = "put""#),
        (r#"alias = "put""#, ""),
        ("", "deny_unknown_fields"),
    ] {
        assert!(is_other(old, new), "{old} → {new}");
    }
    for (old, new) in [
        ("", ""),
        (r#"rename = "a", default"#, r#"default, rename = "a""#),
        ("", r#"alias = "put""#),
        ("deny_unknown_fields", ""),
        ("default", ""),
    ] {
        assert!(!is_other(old, new), "{old} → {new}");
    }
}
