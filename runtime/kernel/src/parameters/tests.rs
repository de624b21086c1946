//! Parameters come back from their bytes, and each of them is in their hash.

use super::*;
use refit_abi::descriptor::{Ability, CapabilityDescriptor};
use refit_abi::host::Explain;

fn granted() -> Grants {
    let grant = CapabilityDescriptor {
        ability: Ability::Message,
        kind: "index".to_owned(),
    };
    Grants {
        listed: [("kv".to_owned(), vec![grant])].into(),
    }
}

#[test]
fn parameters_come_back_from_their_bytes() {
    let parameters = Parameters::granting(granted());
    let back = Parameters::from_bytes(&parameters.to_bytes());
    assert_eq!(back.as_ref(), Ok(&parameters));
    assert_eq!(back.map(|it| it.hash()), Ok(parameters.hash()));
}

/// Each byte of the canonical bytes comes from some bound: whichever changes, the hash does.
#[test]
fn each_bound_and_grant_is_in_the_hash() {
    let default = Parameters::default();
    let changes: [fn(&mut Parameters); 13] = [
        |it| it.block.messages += 1,
        |it| it.block.effect_bytes += 1,
        |it| it.round.deeds += 1,
        |it| it.cause.rounds_per_block += 1,
        |it| it.cause.regained.starts += 1,
        |it| it.message.reply_bytes += 1,
        |it| it.mailbox.messages += 1,
        |it| it.timers.per_engine += 1,
        |it| it.engines.spawn_depth += 1,
        |it| it.dead_letters.letters += 1,
        |it| it.events.topic_bytes += 1,
        |it| it.keys.reply_bytes += 1,
        |it| it.grants = granted(),
    ];
    let mut hashes: Vec<ParametersHash> = changes
        .iter()
        .map(|change| {
            let mut changed = default.clone();
            change(&mut changed);
            changed.hash()
        })
        .collect();
    hashes.push(default.hash());
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), changes.len() + 1);
}

#[test]
fn bytes_that_are_no_parameters_are_refused_with_the_reason() {
    let bytes = Parameters::default().to_bytes();
    let refused = |bytes: &[u8]| Parameters::from_bytes(bytes).unwrap_err();
    let mut other = bytes.clone();
    other[0] = PARAMETERS_FORMAT + 1;
    let found = PARAMETERS_FORMAT + 1;
    assert_eq!(refused(&other), ParametersError::Format { found });
    let cut = &bytes[..bytes.len() - 1];
    assert!(matches!(refused(cut), ParametersError::Malformed { .. }));
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(refused(&longer), ParametersError::NotCanonical);
    let large = vec![PARAMETERS_FORMAT; PARAMETERS_BYTES_MAX + 1];
    assert!(matches!(refused(&large), ParametersError::TooLarge { .. }));
}

#[test]
fn an_absurd_value_is_refused_with_its_name_its_unit_and_its_bounds() {
    let parameters = Parameters {
        block: BlockBounds {
            messages: 0,
            ..BlockBounds::default()
        },
        ..Parameters::default()
    };
    let refused = parameters.check().unwrap_err();
    let bytes = parameters.to_bytes();
    assert_eq!(Parameters::from_bytes(&bytes), Err(refused.clone()));
    let most = Field::named("block.messages").unwrap().most();
    assert_eq!(
        refused.to_string(),
        format!("`block.messages` is 0 messages; it may be 1 to {most}")
    );
    for value in [0, most + 1, u64::MAX] {
        let changes = set(&[("block.messages", value)]);
        assert!(matches!(
            changes.check(),
            Err(ParametersError::Beyond { .. })
        ));
        assert!(Parameters::default().changed(&changes).is_err());
        assert!(ParameterChanges::from_bytes(&changes.to_bytes()).is_err());
    }
    let unknown = set(&[("block.mesages", 5)]).check().unwrap_err();
    assert_eq!(unknown.code(), "parameter-unknown");
}

fn set(values: &[(&str, u64)]) -> ParameterChanges {
    let values = values.iter();
    ParameterChanges {
        set: values
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect(),
        ..ParameterChanges::default()
    }
}

/// Whatever number is in the parameters can be shown and set by its name: each leaf of them is a field, and each field
/// sets the one number that it shows.
#[test]
fn each_number_of_the_parameters_is_a_field_and_a_field_sets_that_number_alone() {
    fn leaves(value: &serde_json::Value, path: &str, names: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(value, &format!("{path}{dot}{name}"), names);
            }),
            serde_json::Value::Number(_) => names.push(path.to_owned()),
            other => panic!("a parameter that is no number: {path}: {other}"),
        }
    }
    let mut value = serde_json::to_value(Parameters::default()).unwrap();
    value.as_object_mut().unwrap().remove("grants");
    let mut found = Vec::new();
    leaves(&value, "", &mut found);
    let mut named: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    found.sort();
    named.sort_unstable();
    assert_eq!(found, named);
    let before = Parameters::default();
    assert_eq!(before.check(), Ok(()));
    for field in FIELDS {
        assert!(field.least <= field.default_value(), "{}", field.name);
        let to = match field.default_value() == field.most() {
            true => field.default_value() - 1,
            false => field.most(),
        };
        let after = before.changed(&set(&[(field.name, to)])).unwrap();
        let changed = Changed {
            name: field.name,
            from: field.default_value(),
            to,
        };
        assert_eq!(before.differences(&after), [changed]);
    }
}

#[test]
fn changes_come_back_from_their_bytes_and_those_that_name_others_both_hold() {
    let mut granting = set(&[("keys.names", 7)]);
    let granted = granted().listed;
    granting.grants = granted
        .into_iter()
        .map(|(kind, to)| (kind, Some(to)))
        .collect();
    let back = ParameterChanges::from_bytes(&granting.to_bytes());
    assert_eq!(back.as_ref(), Ok(&granting));
    let first = Parameters::default().changed(&granting).unwrap();
    let both = first.changed(&set(&[("block.rounds", 9)])).unwrap();
    assert_eq!((both.keys.names, both.block.rounds), (7, 9));
    assert_eq!(both.grants, self::granted());
    let mut taken_back = ParameterChanges::default();
    taken_back.grants.insert("kv".to_owned(), None);
    let declared = both.changed(&taken_back).unwrap();
    assert_eq!(declared.grants, Grants::default());
    let mut longer = granting.to_bytes();
    longer.push(0);
    assert_eq!(
        ParameterChanges::from_bytes(&longer),
        Err(ParametersError::NotCanonical)
    );
}

#[test]
fn changes_that_name_something_twice_are_refused_by_its_name() {
    for (text, name) in [
        (
            r#"{"set":{"block.effect_bytes":17000000,"block.effect_bytes":19000000}}"#,
            "`block.effect_bytes` is named twice",
        ),
        (r#"{"grants":{"kv":null,"kv":[]}}"#, "`kv` is named twice"),
    ] {
        let refused = serde_json::from_str::<ParameterChanges>(text).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn grants_name_kinds_and_nothing_that_a_terminal_would_obey() {
    let named = |kind: &str, to: &str| {
        let mut changes = ParameterChanges::default();
        let to = CapabilityDescriptor {
            ability: Ability::Message,
            kind: to.to_owned(),
        };
        changes.grants.insert(kind.to_owned(), Some(vec![to]));
        changes.check()
    };
    assert_eq!(named("kv", "kv-index"), Ok(()));
    for none in ["", "\u{1b}[2J", "Kv", "../kv"] {
        let kind = none.to_owned();
        let refused = Err(ParametersError::NoKind { kind });
        assert_eq!(named(none, "kv"), refused);
        assert_eq!(named("kv", none), refused);
    }
    let shown = named("\u{1b}[2J", "kv").unwrap_err().to_string();
    assert!(!shown.contains('\u{1b}'), "{shown}");
}
