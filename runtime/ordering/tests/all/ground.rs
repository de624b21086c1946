//! Whether a block stands on what a node has: the first thing that is not as it must be is named.

use crate::common::{Executes, entry, message};
use refit_abi::host::Explain;
use refit_abi::{BlockHash, BlockTime, EngineId, Height};
use refit_ordering::{
    AUTHENTICATOR_BYTES_MAX, BLOCK_BYTES_MAX, Block, BlockRefused, BlockSource, Branch, ChainId,
    ENTRIES_PER_BLOCK_MAX, Entry, EntryKind, Ground, Header, ManifestHash, Message,
    PLAN_ENTRY_BYTES_MAX, ParametersHash, PlanDigest, PlanEntry, PlanOptions, PlannedCode,
    REVIVED_STATE_BYTES_MAX, ReceiptHash, Scripted, StateHash, StateOf, Tip, UpgradeEnd,
    UpgradeOutcome,
};

fn outcome() -> UpgradeOutcome {
    UpgradeOutcome {
        plan: PlanDigest([5; 32]),
        end: UpgradeEnd::Committed,
    }
}

fn ground() -> Ground {
    Ground {
        chain: ChainId([1; 32]),
        branch: Branch(1),
        tip: Tip {
            height: Height(6),
            time: BlockTime(900),
            hash: BlockHash([2; 32]),
        },
        receipt: ReceiptHash([3; 32]),
        outcome: Some(outcome()),
        manifest: ManifestHash([4; 32]),
        parameters: ParametersHash([6; 32]),
        state: None,
    }
}

fn next() -> Block {
    ground().extend(BlockTime(1_000), vec![entry(1, 1)])
}

/// The code of the refusal of the next block with a changed header.
fn refused(change: impl FnOnce(&mut Header)) -> String {
    let mut block = next();
    change(&mut block.header);
    ground().check(&block).unwrap_err().code().to_owned()
}

#[test]
fn what_a_ground_extends_to_stands_on_it() {
    assert_eq!(ground().check(&next()), Ok(()));
    let early = ground().extend(BlockTime(5), Vec::new());
    assert_eq!(early.header.time, BlockTime(900), "time stands still");
    assert_eq!(ground().check(&early), Ok(()));
}

#[test]
fn each_field_that_is_not_as_it_must_be_is_named() {
    assert_eq!(
        refused(|header| header.chain = ChainId([9; 32])),
        "block-chain"
    );
    assert_eq!(refused(|header| header.branch = Branch(0)), "block-branch");
    assert_eq!(refused(|header| header.height = Height(8)), "block-height");
    assert_eq!(refused(|header| header.height = Height(6)), "block-height");
    assert_eq!(
        refused(|header| header.parent = BlockHash([9; 32])),
        "block-parent"
    );
    assert_eq!(refused(|header| header.time = BlockTime(899)), "block-time");
    assert_eq!(
        refused(|header| header.receipt = ReceiptHash([9; 32])),
        "block-receipt"
    );
    assert_eq!(refused(|header| header.outcome = None), "block-outcome");
    let aborted = || UpgradeOutcome {
        end: UpgradeEnd::Aborted {
            code: "transition-failed".to_owned(),
        },
        ..outcome()
    };
    assert_eq!(
        refused(|header| header.outcome = Some(aborted())),
        "block-outcome"
    );
    assert_eq!(
        refused(|header| header.manifest = ManifestHash([9; 32])),
        "block-code"
    );
    let parameters = ParametersHash([9; 32]);
    assert_eq!(
        refused(|header| header.parameters = parameters),
        "block-parameters"
    );
}

#[test]
fn a_block_may_name_the_state_of_a_checkpoint_16_blocks_before_that_is_this_node_s_or_unknown_to_it()
 {
    let state = |checkpoint: u64, hash: u8| StateOf {
        form: 1,
        checkpoint: Height(checkpoint),
        hash: StateHash([hash; 32]),
    };
    let mut ground = Ground {
        state: Some(state(4, 1)),
        ..ground()
    };
    ground.tip.height = Height(20);
    let block = ground.extend(BlockTime(1_000), Vec::new());
    assert_eq!(block.header.state, ground.state);
    let check = |claimed: Option<StateOf>| {
        let mut block = block.clone();
        block.header.state = claimed;
        ground.check(&block)
    };
    // A node that had another clock, or took no checkpoint, has said nothing of it.
    for good in [
        None,
        Some(state(4, 1)),
        Some(state(5, 9)),
        Some(state(3, 9)),
    ] {
        assert_eq!(check(good), Ok(()));
    }
    let other_form = StateOf {
        form: 2,
        ..state(4, 9)
    };
    assert_eq!(check(Some(other_form)), Ok(()));
    let refused = [check(Some(state(4, 9))), check(Some(state(6, 1)))];
    let codes = refused.map(|refused| refused.unwrap_err().code().to_owned());
    assert_eq!(codes, ["block-state", "block-state"]);
}

#[test]
fn an_entry_that_is_not_carried_out_is_refused_by_name_and_never_passed_over() {
    let skip = Entry::Skip {
        height: Height(3),
        index: 0,
    };
    let block = ground().extend(BlockTime(1_000), vec![entry(1, 1), skip]);
    let refused = BlockRefused::EntryKind {
        height: Height(7),
        index: 1,
        kind: EntryKind::Skip,
    };
    assert!(refused.to_string().contains("`skip`"));
    assert_eq!(ground().check(&block), Err(refused));
}

#[test]
fn a_revived_state_has_a_bound() {
    let revive = |bytes| Entry::Revive {
        key: None,
        engine: EngineId::root("kv").unwrap(),
        poisoned_at: Height(3),
        state: vec![0; bytes],
    };
    let check = |bytes| {
        let block = ground().extend(BlockTime(1_000), vec![revive(bytes)]);
        ground().check(&block)
    };
    assert_eq!(check(REVIVED_STATE_BYTES_MAX), Ok(()));
    let refused = check(REVIVED_STATE_BYTES_MAX + 1).unwrap_err();
    assert_eq!(refused.code(), "block-entry");
}

#[test]
fn an_authenticator_that_nobody_checks_is_refused() {
    let check = |bytes| {
        let message = Message {
            authenticator: vec![1; bytes],
            ..message(1, 1)
        };
        let block = ground().extend(BlockTime(1_000), vec![Entry::Message(message)]);
        ground().check(&block)
    };
    assert_eq!(check(0), Ok(()));
    let (height, index) = (Height(7), 0);
    let unchecked = Err(BlockRefused::Authenticator { height, index });
    assert_eq!(check(AUTHENTICATOR_BYTES_MAX), unchecked);
    let bytes = AUTHENTICATOR_BYTES_MAX + 1;
    let too_long = Err(BlockRefused::AuthenticatorTooLong {
        height,
        index,
        bytes,
    });
    assert_eq!(check(bytes), too_long);
}

#[test]
fn a_block_has_a_bound_of_entries_and_of_bytes() {
    let of = |entries: usize| {
        let entries = vec![entry(1, 0); entries];
        ground().extend(BlockTime(1_000), entries)
    };
    assert_eq!(ground().check(&of(ENTRIES_PER_BLOCK_MAX)), Ok(()));
    let many = ground().check(&of(ENTRIES_PER_BLOCK_MAX + 1));
    assert!(matches!(many, Err(BlockRefused::TooManyEntries { .. })));
    let long = ground().extend(BlockTime(1_000), vec![entry(1, BLOCK_BYTES_MAX)]);
    let long = ground().check_proposal(&long, BlockTime(1_000));
    assert!(matches!(long, Err(BlockRefused::TooLarge { .. })));
}

#[test]
fn the_time_of_a_proposal_is_held_against_the_clock_and_that_of_a_decided_block_is_not() {
    let mut node = Executes::new(Scripted::new());
    let at = |millis| Ground::default().extend(BlockTime(millis), Vec::new());
    let now = BlockTime(1_000);
    assert_eq!(node.source.validate(&at(11_000), now), Ok(()));
    let ahead = node.source.validate(&at(11_001), now);
    assert!(matches!(ahead, Err(BlockRefused::TimeAhead { .. })));
    assert_eq!(node.ground.check(&at(11_001)), Ok(()));
    // A parent that is ahead is no fault of its child: time stands still.
    node.executed(&at(90_000));
    let child = node.ground.extend(now, Vec::new());
    assert_eq!(node.source.validate(&child, now), Ok(()));
}

#[test]
fn a_plan_in_a_block_is_in_its_one_form_or_the_block_is_refused() {
    let plan = PlanEntry {
        digest: PlanDigest([7; 32]),
        at_height: Some(Height(9)),
        kinds: vec![PlannedCode {
            kind: "kv".to_owned(),
            artifact: "ab".repeat(32),
        }],
        parameters: vec![1, 0, 0],
        options: PlanOptions {
            max_pause_us: Some(5_000),
            no_rehearsal: false,
            rehearsal_wait_us: None,
        },
    };
    let check = |bytes: Vec<u8>| {
        let plan = Entry::Plan {
            key: None,
            plan: bytes,
        };
        let block = ground().extend(BlockTime(1_000), vec![plan]);
        ground()
            .check(&block)
            .map_err(|refused| refused.code().to_owned())
    };
    let bytes = plan.to_bytes();
    assert_eq!(PlanEntry::from_bytes(&bytes), Ok(plan));
    assert_eq!(check(bytes.clone()), Ok(()));
    let longer = [&bytes[..], &[0]].concat();
    let mut other_form = bytes.clone();
    other_form[0] += 1;
    let cut = bytes[..bytes.len() - 1].to_vec();
    for wrong in [
        longer,
        other_form,
        cut,
        vec![],
        vec![0; PLAN_ENTRY_BYTES_MAX + 1],
    ] {
        assert_eq!(check(wrong), Err("block-entry".to_owned()));
    }
}
