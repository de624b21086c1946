//! Whatever bytes come as a block: the decoder does not panic, and what it takes are the bytes that it would write.
//!
//! Seeds and counts: see `refit_fuzzing`.

use crate::common::message;
use refit_abi::host::{Ingress, Share};
use refit_abi::raw::Codec;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_fuzzing::{Random, each_case};
use refit_ordering::{
    BLOCK_FORMAT, Block, Branch, ChainId, Entry, Header, ManifestHash, Message, OrderKey,
    ParametersHash, PlanDigest, ReceiptHash, Seal, SealedBlock, StateHash, StateOf, UpgradeEnd,
    UpgradeOutcome,
};

/// Cases of each test.
const CASES: u64 = 20_000;

/// Longest bytes that are made from nothing.
const BYTES_MAX: usize = 400;

/// What a block consists of: lengths that say much.
const WORDS: [&[u8]; 2] = [&[0xff; 9], &[0xff, 0xff, 0xff, 0x7f]];

fn chance(random: &mut Random, of: usize) -> bool {
    random.below(of) == 0
}

fn hash(random: &mut Random) -> [u8; 32] {
    std::array::from_fn(|_| random.next_u64() as u8)
}

fn outcome(random: &mut Random) -> UpgradeOutcome {
    let code = || "transition-failed".to_owned();
    UpgradeOutcome {
        plan: PlanDigest(hash(random)),
        end: match chance(random, 2) {
            true => UpgradeEnd::Committed,
            false => UpgradeEnd::Aborted { code: code() },
        },
    }
}

fn share(random: &mut Random) -> Share {
    Share(random.next_u64() as u16)
}

fn key(random: &mut Random) -> Option<OrderKey> {
    chance(random, 2).then(|| OrderKey {
        client: ClientId::of(&random.number().to_string()),
        sequence: random.number(),
        share: share(random),
    })
}

fn entry(random: &mut Random) -> Entry {
    let engine = EngineId::root("kv").unwrap();
    match random.below(7) {
        0 => Entry::Parameters {
            key: key(random),
            changes: random.bytes(20),
        },
        1 => Entry::Plan {
            key: key(random),
            plan: random.bytes(20),
        },
        2 => Entry::Skip {
            height: Height(random.number()),
            index: random.number(),
        },
        3 => Entry::Revive {
            key: key(random),
            engine,
            poisoned_at: Height(random.number()),
            state: random.bytes(20),
        },
        4 => Entry::Restart {
            key: key(random),
            engine,
        },
        _ => Entry::Message(Message {
            ingress: Ingress {
                share: share(random),
                sequence: chance(random, 2).then(|| random.number()),
                codec: match chance(random, 2) {
                    true => Codec::Json,
                    false => Codec::Postcard,
                },
                payload: random.bytes(200),
                ..message(0, 0).ingress
            },
            authenticator: random.bytes(8),
        }),
    }
}

fn sealed(random: &mut Random) -> SealedBlock {
    let header = Header {
        chain: ChainId(hash(random)),
        branch: Branch(random.number()),
        height: Height(random.number()),
        time: BlockTime(random.number()),
        parent: BlockHash(hash(random)),
        receipt: ReceiptHash(hash(random)),
        outcome: chance(random, 2).then(|| outcome(random)),
        manifest: ManifestHash(hash(random)),
        parameters: ParametersHash(hash(random)),
        state: chance(random, 4).then(|| StateOf {
            form: random.number() as u32,
            checkpoint: Height(random.number()),
            hash: StateHash(hash(random)),
        }),
    };
    let entries = (0..random.below(5)).map(|_| entry(random)).collect();
    let block = Block { header, entries };
    let seal = match random.below(3) {
        0 => Seal::Nothing,
        1 => Seal::Signature(random.bytes(64)),
        _ => Seal::Certificate(random.bytes(64)),
    };
    SealedBlock { block, seal }
}

/// What is taken is what would be written; whether something was.
fn decode(bytes: &[u8]) -> bool {
    let (block, sealed) = (Block::from_bytes(bytes), SealedBlock::from_bytes(bytes));
    if let Ok(block) = &block {
        assert_eq!(block.to_bytes(), bytes);
    }
    if let Ok(sealed) = &sealed {
        assert_eq!(sealed.to_bytes(), bytes);
    }
    block.is_ok() || sealed.is_ok()
}

#[test]
fn any_bytes_are_a_block_in_its_one_form_or_are_refused() {
    each_case(1, CASES, |random| {
        let mut bytes = random.bytes(BYTES_MAX);
        if let Some(first) = bytes.first_mut() {
            *first = BLOCK_FORMAT;
        }
        decode(&bytes);
    });
}

#[test]
fn every_block_reads_back_with_its_seal_and_without() {
    each_case(2, CASES, |random| {
        let sealed = sealed(random);
        let bytes = sealed.block.to_bytes();
        assert_eq!(Block::from_bytes(&bytes).as_ref(), Ok(&sealed.block));
        let read = SealedBlock::from_bytes(&sealed.to_bytes());
        assert_eq!(read.as_ref(), Ok(&sealed));
    });
}

#[test]
fn a_block_with_changed_bytes_is_another_block_in_its_one_form_or_is_refused() {
    let (mut taken, mut refused) = (0, 0);
    each_case(3, CASES, |random| {
        let mut bytes = sealed(random).to_bytes();
        random.mutate(&mut bytes, &WORDS);
        match decode(&bytes) {
            true => taken += 1,
            false => refused += 1,
        }
    });
    assert!(taken > 0 && refused > 0, "both were tried");
}
