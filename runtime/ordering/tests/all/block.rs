//! The canonical bytes of a block, and its hash.

use crate::common::message;
use refit_abi::host::{Ingress, Share};
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_ordering::{
    BLOCK_FORMAT, Block, BlockError, BlockRefused, Branch, ChainId, Entry, Header, ManifestHash,
    Message, OrderKey, ParametersHash, PlanDigest, ReceiptHash, SEAL_BYTES_MAX, Seal, SealedBlock,
    StateHash, StateOf, UpgradeEnd, UpgradeOutcome,
};

fn outcome(code: &str) -> UpgradeOutcome {
    UpgradeOutcome {
        plan: PlanDigest([8; 32]),
        end: UpgradeEnd::Aborted {
            code: code.to_owned(),
        },
    }
}

fn block(entries: Vec<Entry>) -> Block {
    let header = Header {
        chain: ChainId([1; 32]),
        branch: Branch(2),
        height: Height(7),
        time: BlockTime(1000),
        parent: BlockHash([3; 32]),
        receipt: ReceiptHash([4; 32]),
        outcome: Some(outcome("transition-failed")),
        manifest: ManifestHash([5; 32]),
        parameters: ParametersHash([6; 32]),
        state: None,
    };
    Block { header, entries }
}

fn state(form: u32, checkpoint: u64, hash: u8) -> StateOf {
    StateOf {
        form,
        checkpoint: Height(checkpoint),
        hash: StateHash([hash; 32]),
    }
}

/// One entry of each kind.
fn all_kinds() -> Vec<Entry> {
    let engine = EngineId::root("kv").unwrap();
    vec![
        Entry::Message(message(1, 9)),
        Entry::Message(Message {
            ingress: Ingress {
                sequence: None,
                codec: Codec::Postcard,
                ..message(0, 3).ingress
            },
            authenticator: vec![1, 2, 3],
        }),
        Entry::Parameters {
            key: Some(key()),
            changes: vec![1, 2],
        },
        Entry::Plan {
            key: Some(key()),
            plan: vec![3],
        },
        Entry::Skip {
            height: Height(3),
            index: 4,
        },
        Entry::Revive {
            key: Some(key()),
            engine,
            poisoned_at: Height(5),
            state: vec![6, 7],
        },
        Entry::Restart {
            key: Some(key()),
            engine,
        },
    ]
}

fn key() -> OrderKey {
    OrderKey {
        client: ClientId::of("op"),
        sequence: 7,
        share: Share(9),
    }
}

/// The same entry under another key, or under none.
fn under(mut entry: Entry, other: Option<OrderKey>) -> Entry {
    match &mut entry {
        Entry::Parameters { key, .. }
        | Entry::Plan { key, .. }
        | Entry::Revive { key, .. }
        | Entry::Restart { key, .. } => {
            *key = other;
        }
        _ => {}
    }
    entry
}

#[test]
fn a_block_of_every_kind_of_entry_reads_back_from_its_bytes() {
    let sent = block(all_kinds());
    let read = Block::from_bytes(&sent.to_bytes()).unwrap();
    assert_eq!(read, sent);
    assert_eq!(read.hash(), sent.hash());
    assert_eq!(sent.to_bytes()[0], BLOCK_FORMAT);
}

#[test]
fn every_field_is_in_the_hash() {
    let base = block(all_kinds());
    let header = |change: fn(&mut Header)| {
        let mut other = base.clone();
        change(&mut other.header);
        other
    };
    let message = |change: fn(&mut Message)| {
        let mut other = base.clone();
        if let Entry::Message(message) = &mut other.entries[0] {
            change(message);
        }
        other
    };
    let ordered = |place: usize, key: Option<OrderKey>| {
        let mut other = base.clone();
        other.entries[place] = under(other.entries[place].clone(), key);
        other
    };
    let keys = [
        None,
        Some(OrderKey {
            client: ClientId::of("other"),
            ..key()
        }),
        Some(OrderKey {
            sequence: 8,
            ..key()
        }),
        Some(OrderKey {
            share: Share(8),
            ..key()
        }),
    ];
    let orders = [2, 3, 6].map(|place| keys.map(|key| ordered(place, key)));
    let mut swapped = base.clone();
    swapped.entries.swap(0, 1);
    let others = [
        header(|header| header.chain = ChainId([9; 32])),
        header(|header| header.branch = Branch(3)),
        header(|header| header.height = Height(8)),
        header(|header| header.time = BlockTime(1001)),
        header(|header| header.parent = BlockHash([9; 32])),
        header(|header| header.receipt = ReceiptHash([9; 32])),
        header(|header| header.outcome = None),
        header(|header| header.outcome = Some(outcome("check-failed"))),
        header(|header| header.manifest = ManifestHash([9; 32])),
        header(|header| header.parameters = ParametersHash([9; 32])),
        header(|header| header.state = Some(state(1, 2, 3))),
        header(|header| header.state = Some(state(2, 2, 3))),
        header(|header| header.state = Some(state(1, 3, 3))),
        header(|header| header.state = Some(state(1, 2, 4))),
        message(|message| message.ingress.engine = EngineId::root("bank").unwrap()),
        message(|message| message.ingress.client = ClientId::of("bob")),
        message(|message| message.ingress.share = Share(4)),
        message(|message| message.ingress.sequence = Some(3)),
        message(|message| message.ingress.sequence = None),
        message(|message| message.ingress.codec = Codec::Postcard),
        message(|message| message.ingress.payload.push(b' ')),
        message(|message| message.authenticator.push(0)),
        swapped,
    ];
    let others: Vec<_> = others.into_iter().chain(orders.concat()).collect();
    let mut hashes: Vec<BlockHash> = others.iter().map(Block::hash).collect();
    hashes.push(base.hash());
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), others.len() + 1);
}

#[test]
fn the_hash_of_a_known_block_of_form_6_never_changes() {
    let hash = block(all_kinds()).hash().to_string();
    assert_eq!(
        hash,
        "08acd8266292f0bb0d37e7a7fb91ce0cc70affa81831fd09a5634b0cfaf1ba8d"
    );
}

#[test]
fn a_block_that_names_a_state_reads_back_and_its_header_is_read_without_its_entries() {
    let mut named = block(all_kinds());
    named.header.state = Some(state(1, 300, 9));
    let bytes = named.to_bytes();
    assert_eq!(Block::from_bytes(&bytes), Ok(named.clone()));
    assert_eq!(Block::header_of(&bytes), Ok(named.header.clone()));
    // No entry is looked at.
    let header = postcard::to_allocvec(&(BLOCK_FORMAT, &named.header)).unwrap();
    assert_eq!(Block::header_of(&header), Ok(named.header));
    let short = &header[..header.len() - 1];
    assert!(matches!(
        Block::header_of(short),
        Err(BlockError::Malformed { .. })
    ));
    assert_eq!(
        Block::header_of(&[9, 0]),
        Err(BlockError::Format { found: 9 })
    );
}

#[test]
fn cut_lengthened_and_overlong_bytes_are_refused() {
    let bytes = block(all_kinds()).to_bytes();
    for end in 0..bytes.len() {
        assert!(matches!(
            Block::from_bytes(&bytes[..end]),
            Err(BlockError::Malformed { .. })
        ));
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(
        Block::from_bytes(&longer),
        Err(BlockError::NotCanonical { height: Height(7) })
    );
    // The branch 2, after the form and the chain, as a varint of two bytes.
    assert_eq!(bytes[33], 2);
    let overlong = [&bytes[..33], &[0x82, 0x00], &bytes[34..]].concat();
    assert_eq!(
        Block::from_bytes(&overlong),
        Err(BlockError::NotCanonical { height: Height(7) })
    );
}

#[test]
fn a_block_of_another_form_is_told_from_bytes_that_are_none() {
    let mut bytes = block(all_kinds()).to_bytes();
    bytes[0] = BLOCK_FORMAT - 1;
    let found = BLOCK_FORMAT - 1;
    assert_eq!(Block::from_bytes(&bytes), Err(BlockError::Format { found }));
}

#[test]
fn a_seal_stands_beside_its_block_and_in_no_hash() {
    let block = block(all_kinds());
    let seals = [
        Seal::Nothing,
        Seal::Signature(vec![1; 64]),
        Seal::Certificate(vec![2; SEAL_BYTES_MAX]),
    ];
    for seal in seals {
        let sealed = SealedBlock {
            block: block.clone(),
            seal,
        };
        let bytes = sealed.to_bytes();
        let read = SealedBlock::from_bytes(&bytes).unwrap();
        assert_eq!((read.block.hash(), &read), (block.hash(), &sealed));
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(SealedBlock::from_bytes(&longer).is_err());
    }
    let sealed = SealedBlock {
        block,
        seal: Seal::Certificate(vec![2; SEAL_BYTES_MAX + 1]),
    };
    let (height, bytes) = (Height(7), SEAL_BYTES_MAX + 1);
    let too_long = Err(BlockRefused::SealTooLong { height, bytes });
    assert_eq!(sealed.seal.check(height), too_long);
    let refused = SealedBlock::from_bytes(&sealed.to_bytes());
    assert_eq!(refused, Err(BlockError::SealTooLong { height, bytes }));
}

/// The fields of a message in a block of form 6, one after the other, each as it is written there.
#[derive(serde::Serialize)]
struct MessageForm6<'a> {
    engine: EngineId,
    client: ClientId,
    share: u16,
    sequence: Option<u64>,
    codec: CodecForm6,
    payload: &'a [u8],
    authenticator: &'a [u8],
}

#[derive(serde::Serialize)]
enum CodecForm6 {
    Json,
    Postcard,
}

#[test]
fn a_message_has_the_bytes_of_its_fields_one_after_the_other() {
    for codec in [Codec::Json, Codec::Postcard] {
        let ingress = Ingress {
            codec,
            ..message(300, 5).ingress
        };
        let form = MessageForm6 {
            engine: ingress.engine,
            client: ingress.client,
            share: ingress.share.0,
            sequence: ingress.sequence,
            codec: match codec {
                Codec::Json => CodecForm6::Json,
                Codec::Postcard => CodecForm6::Postcard,
            },
            payload: &[b'1'; 5],
            authenticator: &[7, 8],
        };
        let message = Message {
            ingress,
            authenticator: vec![7, 8],
        };
        let written = postcard::to_allocvec(&message).unwrap();
        assert_eq!(written, postcard::to_allocvec(&form).unwrap());
        assert_eq!(postcard::from_bytes(&written), Ok(message));
    }
}
