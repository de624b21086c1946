//! Whatever bytes come as a block: the decoder does not panic, and what it takes are the bytes that it would write.
//!
//! A bounded number of cases runs with each `cargo test`. Another seed, or more cases: `REFIT_FUZZ_SEED` and
//! `REFIT_FUZZ_CASES`.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod common;

use common::message;
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Height};
use refit_ordering::{
    BLOCK_FORMAT, Block, Branch, ChainId, Codec, Entry, Header, ManifestHash, Message, OrderKey,
    ParametersHash, PlanDigest, ReceiptHash, Seal, SealedBlock, Share, StateHash, UpgradeEnd,
    UpgradeOutcome,
};

/// Cases of each test.
const CASES: u64 = 20_000;

/// Longest bytes that are made from nothing.
const BYTES_MAX: u64 = 400;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`, which is not 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.next() as u8)
            .collect()
    }

    fn hash(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.next() as u8)
    }

    /// Small and large numbers: varints of every length.
    fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.next() >> shift
    }
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(otherwise, |text| text.parse().unwrap())
}

/// Runs the cases, and says the seed for when one fails.
fn each_case(default_seed: u64, case: impl Fn(&mut Random)) {
    let seed = from_environment("REFIT_FUZZ_SEED", default_seed);
    let cases = from_environment("REFIT_FUZZ_CASES", CASES);
    println!("REFIT_FUZZ_SEED={seed} REFIT_FUZZ_CASES={cases}");
    let mut random = Random(seed);
    for _ in 0..cases {
        case(&mut random);
    }
}

fn outcome(random: &mut Random) -> UpgradeOutcome {
    let code = || "transition-failed".to_owned();
    UpgradeOutcome {
        plan: PlanDigest(random.hash()),
        end: match random.chance(2) {
            true => UpgradeEnd::Committed,
            false => UpgradeEnd::Aborted { code: code() },
        },
    }
}

fn share(random: &mut Random) -> Share {
    Share(random.next() as u16)
}

fn key(random: &mut Random) -> Option<OrderKey> {
    random.chance(2).then(|| OrderKey {
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
        3 => Entry::Revive { engine },
        4 => Entry::Restart {
            key: key(random),
            engine,
        },
        _ => Entry::Message(Message {
            share: share(random),
            sequence: random.chance(2).then(|| random.number()),
            codec: match random.chance(2) {
                true => Codec::Json,
                false => Codec::Postcard,
            },
            payload: random.bytes(200),
            authenticator: random.bytes(8),
            ..message(0, 0)
        }),
    }
}

fn sealed(random: &mut Random) -> SealedBlock {
    let header = Header {
        chain: ChainId(random.hash()),
        branch: Branch(random.number()),
        height: Height(random.number()),
        time: BlockTime(random.number()),
        parent: BlockHash(random.hash()),
        receipt: ReceiptHash(random.hash()),
        outcome: random.chance(2).then(|| outcome(random)),
        manifest: ManifestHash(random.hash()),
        parameters: ParametersHash(random.hash()),
        state: random.chance(4).then(|| StateHash(random.hash())),
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

/// Changes some bytes, cuts some out or puts some in.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..(at + random.below(9) as usize).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, random.bytes(8))),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
        }
    }
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
    each_case(1, |random| {
        let mut bytes = random.bytes(BYTES_MAX);
        if let Some(first) = bytes.first_mut() {
            *first = BLOCK_FORMAT;
        }
        decode(&bytes);
    });
}

#[test]
fn every_block_reads_back_with_its_seal_and_without() {
    each_case(2, |random| {
        let sealed = sealed(random);
        let bytes = sealed.block.to_bytes();
        assert_eq!(Block::from_bytes(&bytes).as_ref(), Ok(&sealed.block));
        let read = SealedBlock::from_bytes(&sealed.to_bytes());
        assert_eq!(read.as_ref(), Ok(&sealed));
    });
}

#[test]
fn a_block_with_changed_bytes_is_another_block_in_its_one_form_or_is_refused() {
    let (taken, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    each_case(3, |random| {
        let mut bytes = sealed(random).to_bytes();
        mutate(random, &mut bytes);
        let counter = match decode(&bytes) {
            true => &taken,
            false => &refused,
        };
        counter.set(counter.get() + 1);
    });
    assert!(taken.get() > 0 && refused.get() > 0, "both were tried");
}
