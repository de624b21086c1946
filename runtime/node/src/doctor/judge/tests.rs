//! Finding by finding: what each fact means.

use super::judge;
use crate::doctor::Severity::{self, Fault, Note, Ok, Warning};
use crate::doctor::facts::*;
use refit_abi::host::Explained;
use refit_abi::{Generation, Height};
use std::path::PathBuf;

const ARTIFACT: &str = "aa";

fn checkpoint(number: u64, height: u64) -> CheckpointFacts {
    CheckpointFacts {
        number,
        height: Height(height),
        bytes: 100,
        generation: Some(Generation(1)),
        image: ImageState::Whole,
        artifacts: vec![ARTIFACT.to_owned()],
    }
}

fn log(first: u64, last: u64) -> LogFacts {
    LogFacts {
        first: Height(first),
        last: Height(last),
        count: last - first + 1,
        looked: last - first + 1,
        ..LogFacts::default()
    }
}

/// A chain of ten blocks, with checkpoints behind the fourth and the eighth.
fn chain() -> ChainFacts {
    let kind = LiveKindFacts {
        kind: "kv".to_owned(),
        artifact: ARTIFACT.to_owned(),
        file: "/libs/kv.so".to_owned(),
    };
    ChainFacts {
        chain: Some("solo".to_owned()),
        log: Some(log(5, 10)),
        checkpoints: vec![checkpoint(0, 4), checkpoint(1, 8)],
        code: vec![code(CodeState::Kept {
            package: "kv".to_owned(),
            version: "3.0.0".to_owned(),
        })],
        starts_max: 2,
        live: Some(LiveFacts {
            generation: Generation(1),
            kinds: vec![kind],
        }),
        ..ChainFacts::default()
    }
}

fn code(state: CodeState) -> CodeFacts {
    CodeFacts {
        artifact: ARTIFACT.to_owned(),
        bytes: 9,
        state,
    }
}

fn healthy() -> Facts {
    Facts {
        folder: PathBuf::from("/data"),
        is_data_folder: true,
        names_engines: true,
        rights: Some(RightsFacts {
            is_folder: true,
            mode: 0o700,
            is_usable: true,
        }),
        lock: LockFacts::Free,
        node: None,
        space: Some(SpaceFacts {
            free: 1 << 30,
            reserve: 64 << 20,
        }),
        quarantine: QuarantineFacts::Read {
            refusing: 0,
            failed: 0,
        },
        stray: Vec::new(),
        store: StoreFacts::Read(Box::new(chain())),
        configured: None,
        refused: Vec::new(),
        distrusted: None,
    }
}

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = healthy();
    change(&mut facts);
    facts
}

fn with_chain(change: impl FnOnce(&mut ChainFacts)) -> Facts {
    let mut chain = chain();
    change(&mut chain);
    with(|facts| facts.store = StoreFacts::Read(Box::new(chain)))
}

/// The facts have a finding of this severity and code that says so, and names a next step if it is bad.
#[track_caller]
fn finds(facts: &Facts, severity: Severity, code: &str, says: &str) {
    let findings = judge(facts);
    let is_it = |finding: &&crate::doctor::Finding| {
        (finding.severity, finding.code.as_str()) == (severity, code)
            && finding.detail.contains(says)
    };
    let found = findings.iter().find(is_it);
    let found = found.unwrap_or_else(|| panic!("no {severity:?} {code} {says}: {findings:#?}"));
    assert!(severity < Warning || found.next.is_some(), "{found:?}");
}

fn lacks(facts: &Facts, code: &str) {
    let findings = judge(facts);
    assert!(findings.iter().all(|it| it.code != code), "{findings:#?}");
}

fn why(code: &str) -> Explained {
    Explained::new(code, "it is so", "do that")
}

#[test]
fn nothing_is_wrong_with_a_folder_in_order_and_each_part_of_it_is_said() {
    let findings = judge(&healthy());
    assert!(findings.iter().all(|it| it.severity == Ok), "{findings:#?}");
    for (code, says) in [
        ("folder-free", ""),
        ("disk-room", "1024 MiB"),
        ("store-sound", ""),
        (
            "checkpoint-sound",
            "checkpoint 1 (block 8, generation 1, 100 bytes)",
        ),
        ("log-sound", "blocks 5 to 10: each follows the one before"),
        ("replay-due", "2 blocks again, 9 to 10"),
        ("release-live", "generation 1 goes on, with kv: kv 3.0.0 aa"),
        ("quarantine-list", "no code"),
    ] {
        finds(&healthy(), Ok, code, says);
    }
}

#[test]
fn a_place_that_is_no_data_folder_is_one_fault_and_nothing_more() {
    let none = with(|facts| (facts.is_data_folder, facts.rights) = (false, None));
    finds(&none, Fault, "folder-none", "there is no folder /data");
    let next = |facts: &Facts| judge(facts)[0].next.clone().unwrap();
    assert!(next(&none).ends_with("refit run --data-dir /data"));
    let unnamed = Facts {
        names_engines: false,
        ..none.clone()
    };
    assert!(next(&unnamed).contains("--engine NAME=PATH"));
    let mut file = unnamed.clone();
    file.rights = healthy().rights.map(|rights| RightsFacts {
        is_folder: false,
        ..rights
    });
    finds(&file, Fault, "folder-none", "/data is no folder");
    assert!(!next(&file).contains("refit run"));
    let empty = with(|facts| facts.is_data_folder = false);
    finds(
        &empty,
        Fault,
        "folder-none",
        "nothing of a node is in /data",
    );
    assert_eq!(judge(&empty).len(), 1);
}

#[test]
fn a_restore_that_has_not_come_to_its_end_is_a_fault_that_names_its_snapshot() {
    let chain = ChainFacts {
        restoring: Some(PathBuf::from("/backups/one.snapshot")),
        ..ChainFacts::default()
    };
    let facts = with(|facts| facts.store = StoreFacts::Read(Box::new(chain)));
    finds(&facts, Fault, "restore-unfinished", "/backups/one.snapshot");
    // No start begins a chain there.
    lacks(&facts, "store-none");
}

#[test]
fn who_has_the_folder_is_named_and_whether_it_answers() {
    let held = |is_alive, node: Option<NodeAnswer>| {
        with(|facts| {
            facts.lock = LockFacts::Held {
                pid: Some(7),
                socket: None,
                is_alive,
            };
            facts.store = StoreFacts::InUse;
            facts.node = node;
        })
    };
    finds(&held(true, None), Note, "data-folder-in-use", "process 7");
    finds(&held(false, None), Warning, "folder-held", "process 7 had");
    let serves = |halted| NodeAnswer::Serves {
        height: Height(9),
        generation: Generation(2),
        halted,
    };
    let facts = held(true, Some(serves(None)));
    finds(&facts, Ok, "node-serves", "block 9, generation 2");
    let facts = held(true, Some(serves(Some(why("block-receipt")))));
    finds(&facts, Fault, "block-receipt", "it is so");
    let starts = NodeAnswer::Starts {
        height: Height(3),
        last: Height(9),
    };
    finds(&held(true, Some(starts)), Ok, "node-serves", "block 3 of 9");
    let why = "no answer".to_owned();
    let facts = held(true, Some(NodeAnswer::Silent { why: why.clone() }));
    finds(&facts, Warning, "node-unreachable", "no answer");
    let pipe = with(|facts| facts.lock = LockFacts::Foreign { what: "no file" });
    finds(&pipe, Fault, "data-folder-unlockable", "is no file");
    let unknown = with(|facts| facts.lock = LockFacts::Unknown { why });
    finds(&unknown, Fault, "data-folder-unlockable", "no answer");
}

#[test]
fn rights_disk_and_lists_are_judged() {
    let rights = |mode, is_usable| {
        with(|facts| {
            facts.rights = Some(RightsFacts {
                is_folder: true,
                mode,
                is_usable,
            })
        })
    };
    finds(&rights(0o755, true), Warning, "folder-open", "0755");
    finds(&rights(0o700, false), Fault, "folder-rights", "0700");
    let full = with(|facts| {
        facts.space = Some(SpaceFacts {
            free: 10 << 20,
            reserve: 64 << 20,
        });
    });
    finds(&full, Warning, "disk-full", "10 MiB");
    let listed = with(|facts| {
        facts.quarantine = QuarantineFacts::Read {
            refusing: 1,
            failed: 2,
        };
    });
    finds(&listed, Note, "quarantine-list", "1 entries");
    let unread = why("quarantine-not-understood");
    let unread = with(|facts| facts.quarantine = QuarantineFacts::Unreadable(unread));
    finds(&unread, Fault, "quarantine-not-understood", "it is so");
    let stray = vec![FileFacts {
        path: "/data/quarantine.new".into(),
        bytes: 3,
    }];
    let stray = with(|facts| facts.stray = stray);
    finds(&stray, Note, "folder-stray", "quarantine.new (3 bytes)");
}

#[test]
fn a_store_that_is_not_there_or_cannot_be_read_is_said() {
    let none = with(|facts| facts.store = StoreFacts::None);
    finds(&none, Note, "store-none", "no chain");
    let unread = with(|facts| facts.store = StoreFacts::Unreadable(why("store-damaged")));
    finds(&unread, Fault, "store-damaged", "it is so");
    let empty = with(|facts| facts.store = StoreFacts::Read(Box::default()));
    finds(&empty, Note, "store-none", "begins a chain");
}

#[test]
fn a_damaged_checkpoint_matters_as_much_as_a_start_needs_it() {
    let damaged = || ImageState::Damaged("a digest differs".to_owned());
    let newest = with_chain(|chain| chain.checkpoints[1].image = damaged());
    finds(
        &newest,
        Warning,
        "checkpoint-damaged",
        "takes the one before",
    );
    finds(&newest, Ok, "replay-due", "6 blocks again, 5 to 10");
    let older = with_chain(|chain| chain.checkpoints[0].image = damaged());
    finds(&older, Note, "checkpoint-damaged", "the older one");
    let both = with_chain(|chain| {
        chain
            .checkpoints
            .iter_mut()
            .for_each(|it| it.image = damaged())
    });
    finds(&both, Fault, "checkpoint-unreadable", "there is no other");
    lacks(&both, "replay-due");
    let refused = ImageState::Refused("it is of form 9".to_owned());
    let refused = with_chain(|chain| chain.checkpoints[1].image = refused);
    finds(&refused, Fault, "checkpoint-unreadable", "form 9");
    let none = with_chain(|chain| chain.checkpoints.clear());
    finds(
        &none,
        Fault,
        "checkpoint-unreadable",
        "blocks up to 10, and no checkpoint",
    );
    let by_log = with_chain(|chain| {
        chain.checkpoints.clear();
        chain.is_by_log_alone = true;
        chain.log = Some(log(1, 10));
    });
    finds(
        &by_log,
        Ok,
        "replay-due",
        "10 blocks again, 1 to 10; there are no checkpoints",
    );
}

#[test]
fn a_log_that_a_start_cannot_execute_is_a_fault() {
    let faulty = |height: u64| {
        with_chain(|chain| {
            let log = chain.log.as_mut().unwrap();
            log.faults = vec![LogFault {
                height: Height(height),
                why: "it is missing".to_owned(),
            }];
        })
    };
    finds(&faulty(9), Fault, "log-unreadable", "block 9 of the log");
    finds(&faulty(6), Warning, "log-unreadable", "no start needs it");
    let gap = with_chain(|chain| chain.log.as_mut().unwrap().count = 5);
    finds(&gap, Fault, "log-unreadable", "5 blocks from 5 to 10");
    let short = with_chain(|chain| chain.log = Some(log(10, 12)));
    finds(&short, Fault, "log-unreadable", "a start needs block 9");
    let part = with_chain(|chain| chain.log.as_mut().unwrap().looked = 2);
    finds(&part, Ok, "log-sound", "the newest 2 were looked at");
    let behind = with_chain(|chain| chain.log = Some(log(5, 8)));
    finds(
        &behind,
        Ok,
        "replay-due",
        "after block 8, and executes none",
    );
}

#[test]
fn a_block_that_ends_starts_leads_to_the_command_that_takes_it_out() {
    let tried = |starts| with_chain(|chain| chain.starts_at_last = starts);
    finds(&tried(1), Warning, "block-tried", "1 of 2 starts");
    finds(&tried(2), Fault, "block-ends-node", "block 10");
    let findings = judge(&tried(2));
    let next = findings.iter().filter_map(|it| it.next.as_deref());
    let named = next.filter(|next| next.contains("refit block quarantine 10"));
    assert_eq!(named.count(), 1);
    let aside = AsideFacts {
        height: Height(11),
        bytes: 70,
    };
    let aside = with_chain(|chain| chain.aside.push(aside));
    finds(&aside, Note, "block-aside", "block 11 (70 bytes)");
}

#[test]
fn an_armed_upgrade_is_said_to_happen_again_or_not_at_all() {
    let armed = |base| ArmedFacts {
        plan: "03".to_owned(),
        base: Generation(base),
        packages: vec!["kv 3.0.1".to_owned()],
        artifacts: vec!["bb".to_owned()],
        open: OpenUpgrade::Over,
    };
    for (open, severity, says) in [
        (OpenUpgrade::Waits, Note, "wait on for its height"),
        (OpenUpgrade::TriedAgain, Note, "tries it once more"),
        (OpenUpgrade::GivenUp, Warning, "into quarantine"),
        (OpenUpgrade::Over, Note, "it did not happen"),
    ] {
        let armed = ArmedFacts { open, ..armed(1) };
        let undecided = with_chain(|chain| chain.armed = vec![armed]);
        finds(&undecided, severity, "upgrade-undecided", says);
        finds(
            &undecided,
            severity,
            "upgrade-undecided",
            "generation 1 (kv 3.0.1)",
        );
    }
    let ended = |height, is_committed| {
        with_chain(|chain| {
            chain.armed = vec![armed(1)];
            chain.live.as_mut().unwrap().generation = Generation(2);
            chain.log.as_mut().unwrap().ends = vec![UpgradeEnded {
                plan: "03".to_owned(),
                height: Height(height),
                is_committed,
            }];
        })
    };
    finds(&ended(8, true), Note, "upgrade-again", "after block 8");
    // The newest checkpoint has it.
    for over in [ended(7, true), ended(9, false)] {
        lacks(&over, "upgrade-again");
        lacks(&over, "upgrade-undecided");
    }
    // The block that told of it is gone: it is kept for the older checkpoint.
    let history = with_chain(|chain| {
        chain.armed = vec![armed(1)];
        chain.live.as_mut().unwrap().generation = Generation(2);
    });
    lacks(&history, "upgrade-undecided");
}

#[test]
fn code_that_is_missing_changed_or_refused_is_a_fault_where_a_start_needs_it() {
    let state = |state| with_chain(|chain| chain.code = vec![code(state)]);
    let missing = state(CodeState::Missing);
    finds(
        &missing,
        Fault,
        "kept-code-missing",
        "of the live kind `kv`",
    );
    let found = "cc".to_owned();
    finds(
        &state(CodeState::Changed { found }),
        Fault,
        "kept-code-changed",
        "its hash is cc",
    );
    let refused = state(CodeState::Refused(why("probe-compiler")));
    finds(&refused, Fault, "probe-compiler", "is not loaded: it is so");
    let needless = with_chain(|chain| {
        chain.code.push(CodeFacts {
            artifact: "dd".to_owned(),
            ..code(CodeState::Missing)
        });
    });
    finds(&needless, Warning, "kept-code-missing", "dd");
}

#[test]
fn a_configuration_is_compared_with_what_is_live_and_what_was_configured() {
    let configured = |artifact: Option<&str>| {
        with(|facts| {
            facts.configured = Some(ConfiguredFacts::Fits {
                code: vec![ConfiguredCode {
                    engine: "kv".to_owned(),
                    path: "/libs/kv.so".into(),
                    artifact: artifact.map(str::to_owned),
                    before: "00".to_owned(),
                }],
            });
        })
    };
    for same in [ARTIFACT, "00"] {
        finds(&configured(Some(same)), Ok, "config-same", "");
    }
    let other = configured(Some("ee"));
    finds(&other, Fault, "data-other-code", "which is ee");
    lacks(&other, "config-same");
    finds(
        &configured(None),
        Note,
        "config-source",
        "the source /libs/kv.so",
    );
    let refused = ConfiguredFacts::Refused(why("data-other-chain"));
    let refused = with(|facts| facts.configured = Some(refused));
    finds(&refused, Fault, "data-other-chain", "it is so");
}

#[test]
fn what_a_start_refuses_beside_the_store_is_a_fault() {
    let link = || vec![why("sandbox-leads-out")];
    let refused = with(|facts| facts.refused = link());
    finds(&refused, Fault, "sandbox-leads-out", "it is so");
    let none = with(|facts| (facts.is_data_folder, facts.refused) = (false, link()));
    finds(&none, Fault, "folder-none", "nothing of a node");
    finds(&none, Fault, "sandbox-leads-out", "it is so");
    let distrusted = with(|facts| facts.distrusted = Some(why("keyset-unrelated")));
    finds(&distrusted, Fault, "keyset-unrelated", "it is so");
}
