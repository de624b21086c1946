//! What a restore takes over leads from the keysets of before to the one that it goes by, whichever the operator names.

use super::*;
use crate::hex::hex;

/// A folder into which a snapshot of a node was restored that went by these keysets, the last one in force.
fn restored(keysets: &[&[u8]], vouched: Vouched<'_>) -> tempfile::TempDir {
    let carried = |bytes: &&[u8]| CarriedKeyset {
        version: read(bytes).record().version.0,
        signed: hex(bytes),
    };
    let mut keysets: Vec<_> = keysets.iter().map(carried).collect();
    let carried = CarriedTrust {
        keyset: keysets.pop(),
        before: keysets,
        ..CarriedTrust::default()
    };
    let taken_over = TakenOver::of(Some(&carried)).unwrap().vouched(vouched);
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path()).unwrap();
    let changes = taken_over.unwrap().changes().unwrap();
    store.archive().unwrap().set_records(changes).unwrap();
    folder
}

/// With which keyset a node goes on there whose configuration names this one.
fn starts(folder: &tempfile::TempDir, configured: &[u8]) -> Result<u64, String> {
    let opened = on(folder.path(), Some(configured));
    let shown = opened.map(|trust| trust.shown().unwrap().version);
    shown.map_err(|error| error.code().to_owned())
}

#[test]
fn a_later_keyset_that_the_snapshots_one_leads_to_leaves_the_ones_of_before() {
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let second = keyset(2, Some(&first), &[2, 3, 4], &[1, 2, 4]);
    let third = keyset(3, Some(&second), &[2, 3, 4], &[2, 3]);
    let folder = restored(&[&first, &second], Vouched::Keyset(&read(&third)));
    for configured in [&first, &second, &third] {
        assert_eq!(starts(&folder, configured), Ok(3));
    }
    // One that says it is the second has not led to the third.
    let forged = keyset(2, Some(&first), &[7, 8, 9], &[7, 8]);
    let folder = restored(&[&forged], Vouched::Keyset(&read(&third)));
    assert_eq!(starts(&folder, &third), Ok(3));
    let refused = Err("keyset-unrelated".to_owned());
    assert_eq!(starts(&folder, &first), refused);
    assert_eq!(starts(&folder, &forged), refused);
}

#[test]
fn a_keyset_whose_signatures_were_taken_away_has_them_again_from_the_operators() {
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let whole = keyset(2, Some(&first), &[2, 3, 4], &[1, 2, 4]);
    // Its own root keys have signed it, and too few of those of before.
    let stripped = keyset(2, Some(&first), &[2, 3, 4], &[3, 4]);
    let folder = restored(&[&stripped], Vouched::Keyset(&read(&whole)));
    assert_eq!(starts(&folder, &first), Ok(2));

    let by_id = Vouched::Id(read(&stripped).id());
    let folder = restored(&[&stripped], by_id);
    let refused = Err("keyset-unrelated".to_owned());
    assert_eq!(starts(&folder, &first), refused);
    on(folder.path(), None).unwrap().install(&whole).unwrap();
    assert_eq!(starts(&folder, &first), Ok(2));
    // The configuration's does the same, and one with fewer takes none away.
    let folder = restored(&[&stripped], by_id);
    assert_eq!(starts(&folder, &whole), Ok(2));
    assert_eq!(starts(&folder, &stripped), Ok(2));
    assert_eq!(starts(&folder, &first), Ok(2));
}

#[test]
fn a_keyset_that_leads_nowhere_is_said_once() {
    let first = keyset(1, None, &[1, 2, 3], &[1, 2]);
    let forged = keyset(2, Some(&first), &[7, 8, 9], &[7, 8]);
    let carried = CarriedTrust {
        keyset: Some(CarriedKeyset {
            version: 2,
            signed: hex(&forged),
        }),
        ..CarriedTrust::default()
    };
    let taken_over = TakenOver::of(Some(&carried)).unwrap();
    let first = read(&first);
    let error = taken_over.vouched(Vouched::Keyset(&first)).unwrap_err();
    let said = error.to_string();
    assert_eq!(said.matches("does not lead to").count(), 1, "{said}");
    // A cause is told behind the error: it would be the same words.
    assert!(std::error::Error::source(&error).is_none());
}
