//! Parameters come back from their bytes, and each of them is in their hash.

use super::*;
use refit_abi::descriptor::{Ability, CapabilityDescriptor};

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
    let changes: [fn(&mut Parameters); 11] = [
        |it| it.block.messages += 1,
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
fn parameters_under_which_nothing_would_be_done_are_refused_by_name() {
    let mut parameters = Parameters::default();
    parameters.block.messages = 0;
    let zero = ParametersError::Zero {
        name: "block.messages",
    };
    assert_eq!(parameters.check(), Err(zero.clone()));
    let bytes = parameters.to_bytes();
    assert_eq!(Parameters::from_bytes(&bytes), Err(zero));
}
