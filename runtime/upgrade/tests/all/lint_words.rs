//! The linter, where types stay and their JSON words do not.

use super::lint::{codes, kind, plain};
use refit_abi::State;
use refit_abi::descriptor::{InterfaceWords, KindDescriptor, OlderMessageDescriptor};
use refit_abi::schema::{Describer, SchemaId};
use refit_abi::words::Words;
use refit_upgrade::{Finding, Level};
use serde::{Deserialize, Serialize};

/// Types of one schema that differ in their serde attributes alone.
macro_rules! message {
    ($name:ident, $(#[$ty:meta])*, $(#[$variant:meta])*, $(#[$field:meta])*) => {
        mod $name {
            use super::*;

            #[derive(State, Serialize, Deserialize)]
            $(#[$ty])*
            pub(super) enum Message {
                $(#[$variant])*
                Add(Vec<Amount>),
            }

            #[derive(State, Serialize, Deserialize)]
            $(#[$ty])*
            pub(super) struct Amount {
                $(#[$field])*
                amount: u64,
            }
        }
    };
}

message!(plainly, , , );
message!(also, , , #[serde(alias = "qty", default)]);
message!(renamed, , , #[serde(rename = "qty", default)]);
message!(renamed_with_alias, , , #[serde(rename = "qty", alias = "amount")]);
message!(other_variant, , #[serde(rename = "add")], );
message!(strict, #[serde(deny_unknown_fields)], , );
message!(same_by_rule, #[serde(rename_all = "PascalCase")], , #[serde(rename = "amount")]);

fn words<T: State>() -> Words {
    let mut describer = Describer::default();
    T::describe(&mut describer);
    describer.into_words()
}

/// A kind with these words on one part of its interface.
fn speaks(part: fn(&mut InterfaceWords) -> &mut Words, words: Words) -> KindDescriptor {
    let mut kind = kind("a", 1, 1, 1);
    *part(&mut kind.words) = words;
    kind
}

fn change(part: fn(&mut InterfaceWords) -> &mut Words, old: Words, new: Words) -> Vec<Finding> {
    plain(vec![speaks(part, old)], vec![speaks(part, new)])
}

fn message(words: &mut InterfaceWords) -> &mut Words {
    &mut words.message
}

#[test]
fn a_message_that_is_read_in_other_words_refuses_the_plan_and_says_which() {
    assert_eq!(
        plainly::Message::schema_id(),
        renamed::Message::schema_id(),
        "the schema does not show it"
    );
    let found = change(
        message,
        words::<plainly::Message>(),
        words::<renamed::Message>(),
    );
    assert_eq!(codes(&found), [("words-changed", Level::Error)]);
    for part in ["`a`", "`Amount.amount` was read as `amount`", "`qty`"] {
        assert!(found[0].reason.contains(part), "{found:?}");
    }
    assert!(found[0].next.contains("--allow words-changed"), "{found:?}");
    let lost = |old: Words, new: Words| {
        codes(&change(message, old, new)) == [("words-changed", Level::Error)]
    };
    assert!(lost(
        words::<plainly::Message>(),
        words::<other_variant::Message>()
    ));
    assert!(lost(
        words::<plainly::Message>(),
        words::<strict::Message>()
    ));
    assert!(lost(words::<also::Message>(), words::<plainly::Message>()));
}

#[test]
fn words_that_are_read_beside_the_old_ones_are_a_note_and_the_same_said_otherwise_is_nothing() {
    for more in [
        words::<also::Message>(),
        words::<renamed_with_alias::Message>(),
    ] {
        let found = change(message, words::<plainly::Message>(), more);
        assert_eq!(codes(&found), [("words-changed", Level::Note)], "{found:?}");
    }
    let found = change(
        message,
        words::<plainly::Message>(),
        words::<same_by_rule::Message>(),
    );
    assert_eq!(found, []);
}

#[test]
fn every_part_of_the_interface_is_looked_at_in_the_way_that_it_is_used() {
    let (old, new) = (words::<plainly::Message>, words::<renamed::Message>);
    let level = |part, new| {
        let found: Vec<Finding> = change(part, old(), new);
        codes(&found).first().map(|(_, level)| *level)
    };
    assert_eq!(level(|words| &mut words.query, new()), Some(Level::Error));
    assert_eq!(
        level(|words| &mut words.config, new()),
        Some(Level::Warning)
    );
    assert_eq!(level(|words| &mut words.reply, new()), Some(Level::Warning));
    assert_eq!(
        level(|words| &mut words.answer, new()),
        Some(Level::Warning)
    );
    // Whoever reads a reply reads one name, whatever else the engine would read.
    let also = words::<also::Message>();
    assert_eq!(level(|words| &mut words.reply, also), None);
}

#[test]
fn a_frozen_message_that_lost_its_words_is_told_and_another_type_is_no_matter_of_words() {
    let live = speaks(message, words::<renamed::Message>());
    let next = |frozen: Words| KindDescriptor {
        message: SchemaId([9; 16]),
        older_messages: vec![OlderMessageDescriptor {
            schema: live.message,
            words: frozen,
        }],
        ..kind("a", 1, 1, 1)
    };
    assert_eq!(
        plain(vec![live.clone()], vec![next(words::<renamed::Message>())]),
        []
    );
    let found = plain(vec![live.clone()], vec![next(words::<plainly::Message>())]);
    assert_eq!(codes(&found), [("words-changed", Level::Warning)]);
    assert!(found[0].reason.contains("`qty`"), "{found:?}");
    let other = KindDescriptor {
        older_messages: Vec::new(),
        ..next(Words::default())
    };
    let found = plain(vec![live.clone()], vec![other]);
    assert_eq!(codes(&found), [("messages-not-accepted", Level::Warning)]);
}
