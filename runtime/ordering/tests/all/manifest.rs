//! A code manifest tells other code from the same, and names the kind.

use refit_abi::schema::{SchemaId, WordsId};
use refit_ordering::{CodeDifference, CodeManifest, KindCode, KindFlags, KindSchemas};

fn code(kind: &str) -> KindCode {
    let schema = SchemaId::default();
    KindCode {
        kind: kind.to_owned(),
        version: 1,
        artifact: "00ff".to_owned(),
        schemas: KindSchemas {
            state: schema,
            config: schema,
            message: schema,
            reply: schema,
            query: schema,
            answer: schema,
            older_messages: Vec::new(),
            upgrade_message: None,
        },
        words: [WordsId([0; 16]); 5],
        flags: KindFlags {
            rollback: false,
            crosses_as_bytes: false,
            transforms_snapshot: false,
        },
        needs: Vec::new(),
        toolchain: "1.95".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        profile: "unwind".to_owned(),
    }
}

#[test]
fn the_order_in_which_kinds_are_loaded_does_not_matter() {
    let one = CodeManifest::new(vec![code("bank"), code("kv")]);
    let other = CodeManifest::new(vec![code("kv"), code("bank")]);
    assert_eq!(one.hash(), other.hash());
    assert_eq!(one.difference(&other), None);
}

#[test]
fn anything_else_about_the_code_is_another_hash_and_the_kind_is_named() {
    let base = CodeManifest::new(vec![code("bank"), code("kv")]);
    let changes: [fn(&mut KindCode); 9] = [
        |code| code.version = 2,
        |code| code.artifact = "00fe".to_owned(),
        |code| code.schemas.upgrade_message = Some(SchemaId::default()),
        |code| {
            let older = (SchemaId::default(), WordsId([0; 16]));
            code.schemas.older_messages.push(older);
        },
        |code| code.words[3] = WordsId([1; 16]),
        |code| code.flags.rollback = true,
        |code| code.toolchain = "1.96".to_owned(),
        |code| code.target = "aarch64-unknown-linux-gnu".to_owned(),
        |code| code.profile = "abort".to_owned(),
    ];
    for change in changes {
        let mut kv = code("kv");
        change(&mut kv);
        let other = CodeManifest::new(vec![code("bank"), kv]);
        assert_ne!(base.hash(), other.hash());
        let kind = "kv".to_owned();
        assert_eq!(
            base.difference(&other),
            Some(CodeDifference::Other { kind })
        );
    }
}

#[test]
fn a_kind_that_only_one_of_two_has_is_named() {
    let few = CodeManifest::new(vec![code("kv")]);
    let many = CodeManifest::new(vec![code("bank"), code("kv"), code("zoo")]);
    let kind = || "bank".to_owned();
    assert_ne!(few.hash(), many.hash());
    assert_eq!(
        few.difference(&many),
        Some(CodeDifference::Extra { kind: kind() })
    );
    assert_eq!(
        many.difference(&few),
        Some(CodeDifference::Missing { kind: kind() })
    );
}
