//! What a block's bytes and hash promise.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_ordering::{BLOCK_FORMAT, Block, BlockError, Ingress};

fn message(sequence: u64) -> Ingress {
    Ingress {
        engine: EngineId::root("kv").unwrap(),
        client: ClientId::of("ada"),
        sequence: Some(sequence),
        payload: br#"{"Get":{"key":"a"}}"#.to_vec(),
    }
}

fn block(messages: Vec<Ingress>) -> Block {
    Block {
        height: Height(7),
        time: BlockTime(1000),
        parent: BlockHash([3; 32]),
        messages,
    }
}

fn keyless() -> Ingress {
    Ingress {
        sequence: None,
        ..message(0)
    }
}

#[test]
fn a_block_reads_back_from_its_bytes() {
    let sent = block(vec![message(1), keyless(), message(2)]);
    let read = Block::from_bytes(&sent.to_bytes()).unwrap();
    assert_eq!(read, sent);
    assert_eq!(read.hash(), sent.hash());
}

#[test]
fn every_field_is_in_the_hash() {
    let base = block(vec![message(1), message(2)]);
    let mut others = vec![base.clone(); 8];
    others[0].height = Height(8);
    others[1].time = BlockTime(1001);
    others[2].parent = BlockHash([4; 32]);
    others[3].messages.swap(0, 1);
    others[4].messages[0].client = ClientId::of("bob");
    others[5].messages[1].payload.push(b' ');
    others[6].messages[0].sequence = Some(3);
    others[7].messages[0].sequence = None;
    assert!(others.iter().all(|other| other.hash() != base.hash()));
}

#[test]
fn the_hash_of_a_known_block_of_form_2_never_changes() {
    let hash = block(vec![message(1)]).hash().to_string();
    assert_eq!(
        hash,
        "d95123cb7db133824fd9d4476ed183b78c764499dfb983915e91343e1c9be718"
    );
}

#[test]
fn cut_lengthened_and_overlong_bytes_are_refused() {
    let bytes = block(vec![message(1)]).to_bytes();
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
    // The height 7 as a varint of two bytes.
    let overlong = [&[BLOCK_FORMAT, 0x87, 0x00], &bytes[2..]].concat();
    assert!(Block::from_bytes(&overlong).is_err());
}

#[test]
fn a_block_of_another_form_is_told_from_bytes_that_are_none() {
    let mut bytes = block(vec![message(1)]).to_bytes();
    bytes[0] = BLOCK_FORMAT + 1;
    let found = BLOCK_FORMAT + 1;
    assert_eq!(Block::from_bytes(&bytes), Err(BlockError::Format { found }));
}
