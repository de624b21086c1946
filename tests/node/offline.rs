//! Offline upgrades: a snapshot that is upgraded without a node has the states that a node comes to by the same upgrade, to
//! the byte, and a node goes on from it.

use crate::snapshots::take;
use crate::{entry, put, workshop};
use refit_abi::host::Explain;
use refit_abi::{EngineId, Generation};
use refit_admin::Node as _;
use refit_admin::api::{Offline, UpgradeState};
use refit_node::offline::{Coming, MigrateError, Migrated, Migration, OldCode, Runs};
use refit_node::snapshot::{Offered, Restore, SnapshotDifference, SnapshotFile, Vouched, diff};
use refit_node::{NodeParts, RehearsalCommand};
use refit_tests::{Harness, Source, UPGRADE_WAIT_MAX, opened};
use refit_upgrade::{Class, Directives, Plan, Strategy};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How upgrades without a node run in these tests.
fn runs() -> Runs {
    let child = RehearsalCommand::new(env!("CARGO_BIN_EXE_refit-test-rehearsal"));
    Runs {
        probe: workshop().probe(),
        // The machine may be busy.
        child: child.deadline(Duration::from_secs(120)),
        workers: 2,
    }
}

/// Upgrades the snapshot `from` into the file `to`.
pub(crate) fn migrate(from: &Path, to: &Path, coming: &Coming) -> Result<Migrated, MigrateError> {
    let migration = Migration::prepare(from, OldCode::default(), coming, runs())?;
    File::create(to).unwrap();
    migration.write(to, true)
}

fn difference(a: &Path, b: &Path) -> SnapshotDifference {
    let open = |path| SnapshotFile::open(path).unwrap();
    diff(&mut open(a), &mut open(b), 20).unwrap()
}

/// A node, its files, and the snapshot of before.
struct Both {
    node: Harness,
    before: PathBuf,
}

impl Both {
    fn new(node: Harness) -> Self {
        let before = node.folder().join("before");
        take(node.node(), true, &before).unwrap();
        Self { node, before }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.node.folder().join(name)
    }

    /// Applies the plan to the node, and to the snapshot; both must come to the same.
    fn come_to_the_same(&self, plan: &Plan) -> PathBuf {
        let report = self.node.apply(plan).unwrap();
        assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
        let (online, offline) = (self.path("online"), self.path("offline"));
        take(self.node.node(), true, &online).unwrap();
        let migrated = migrate(
            &self.before,
            &offline,
            &Coming::Plan(Box::new(plan.clone())),
        );
        assert_eq!(migrated.unwrap().record.report.class, report.class);
        let found = difference(&online, &offline);
        assert_eq!(found.engines, []);
        // The node's next block has collected the causes of before.
        assert!(
            found.tables.iter().all(|table| table == "causes"),
            "{found:?}"
        );
        // The node has made blocks since; the code, the parameters and the generation are the same.
        let facts: Vec<_> = found.facts.iter().map(|fact| &*fact.path).collect();
        let of_blocks = ["block", "height", "time"];
        assert!(
            facts.iter().all(|fact| of_blocks.contains(fact)),
            "{facts:?}"
        );
        offline
    }
}

/// A node with a store of this version that has some entries, and a timer.
fn store(library: &Path) -> Both {
    let node = Harness::start(&workshop(), &[("kv", "kv", library)]);
    for number in 0..50 {
        node.send("kv", put(&format!("key {number}"), "old"))
            .unwrap();
    }
    let expires = json!({"expire_at": {"key": "key 7", "height": 1_000_000}});
    node.send("kv", expires).unwrap();
    Both::new(node)
}

fn plan(both: &Both, modules: &[(&str, &Path)], class: Class) -> Plan {
    let plan = both.node.plan(modules, None).unwrap();
    assert_eq!(plan.class(), class);
    plan
}

#[test]
fn online_and_offline_come_to_the_same_bytes_by_every_way_in_which_states_cross() {
    let workshop = workshop();
    let (v1, v2, v4) = (workshop.kv_v1(), workshop.kv_v2(), workshop.kv_v4());

    let both = store(&v1);
    let v2_here = both.node.own_copy(&v2);
    both.come_to_the_same(&plan(&both, &[("kv", &v2_here)], Class::Migrate));

    let both = store(&v2);
    let v4_here = both.node.own_copy(&v4);
    both.come_to_the_same(&plan(&both, &[("kv", &v4_here)], Class::Adopt));

    let both = store(&v1);
    let other = both.node.own_copy(&workshop.kv_v2_of_another_layout());
    both.come_to_the_same(&plan(&both, &[("kv", &other)], Class::Translate));

    // Its state is dropped, and its parameters change with it.
    let both = store(&v1);
    let candidate = both.node.candidate("kv", &v2).unwrap();
    let mut directives = Directives::default();
    directives.restart.insert("kv".to_owned());
    let mailbox = ("mailbox.messages".to_owned(), 1_000);
    directives.parameters.set.extend([mailbox]);
    let afresh = Plan::make_with(&both.node.live(), &[candidate], None, &directives).unwrap();
    assert_eq!(afresh.class(), Class::Restart);
    both.come_to_the_same(&afresh);
}

#[test]
fn transitions_that_ask_and_start_engines_come_to_the_same_offline() {
    let workshop = workshop();
    let (kv, accounts) = (workshop.kv_v1(), workshop.accounts_v1());
    let engines = [
        ("kv", "kv", kv.as_path()),
        ("accounts", "accounts", &accounts),
    ];
    let node = Harness::start(&workshop, &engines);
    crate::accounts::bank(&node);
    let both = Both::new(node);
    let (kv, accounts) = (
        both.node.own_copy(&workshop.kv_v3()),
        both.node.own_copy(&workshop.accounts_v2()),
    );
    let modules = [("kv", kv.as_path()), ("accounts", accounts.as_path())];
    let plan = plan(&both, &modules, Class::MigrateByHand);
    let report = both.node.apply(&plan).unwrap();
    assert_eq!(report.state, UpgradeState::Committed, "{report:?}");
    let offline = both.path("offline");
    migrate(&both.before, &offline, &Coming::Plan(Box::new(plan))).unwrap();
    // The messages of the transitions are handled in the block after it: there both are compared.
    let (folder, online) = (both.path("store"), both.path("online"));
    let (kv, accounts) = (workshop.kv_v1(), workshop.accounts_v1());
    let engines = [
        ("kv", "kv", kv.as_path()),
        ("accounts", "accounts", accounts.as_path()),
    ];
    let restored = restored(&offline, &folder, &engines);
    let settled = |node: &Harness| {
        let deadline = Instant::now() + UPGRADE_WAIT_MAX;
        while node.status().engines.iter().any(|it| it.mailbox > 0) {
            assert!(Instant::now() < deadline, "messages wait for ever");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    settled(&both.node);
    settled(&restored);
    take(both.node.node(), false, &online).unwrap();
    let offline = both.path("offline-later");
    take(restored.node(), false, &offline).unwrap();
    assert_eq!(difference(&online, &offline).engines, []);
}

/// A node that goes on from a snapshot, in this folder.
fn restored(file: &Path, folder: &Path, engines: &[(&str, &str, &Path)]) -> Harness {
    if !folder.exists() {
        let libraries = &[];
        let restore = Restore {
            file,
            libraries,
            vouched: Vouched::Nobody,
        };
        restore.check().unwrap().into_store(folder).unwrap();
    }
    let parts = NodeParts {
        store: Arc::new(opened(folder)),
        ..NodeParts::default()
    };
    Harness::start_on(&workshop(), engines, parts, |config| {
        config.live_code = true;
    })
}

/// Libraries that come in, in the place of a plan.
fn coming(kind: &str, library: &Path) -> Coming {
    Coming::Libraries {
        offered: vec![Offered {
            kind: kind.to_owned(),
            path: library.to_owned(),
        }],
        directives: Box::default(),
    }
}

#[test]
fn a_node_goes_on_from_what_was_upgraded_offline_and_its_history_says_so() {
    let workshop = workshop();
    let both = store(&workshop.kv_v1());
    let (second, third) = (both.path("second"), both.path("third"));
    migrate(&both.before, &second, &coming("kv", &workshop.kv_v2())).unwrap();
    // Once more, from there.
    migrate(&second, &third, &coming("kv", &workshop.kv_v4())).unwrap();

    let (folder, v1) = (both.path("store"), workshop.kv_v1());
    let engines = [("kv", "kv", v1.as_path())];
    for start in 0..2 {
        let node = restored(&third, &folder, &engines);
        assert_eq!(node.generation(), Generation(3));
        assert_eq!(entry(&node, "key 3").0, "old");
        node.send("kv", put(&format!("start {start}"), "new"))
            .unwrap();
        let history = node.node().upgrades();
        let told = history.iter().map(|it| (it.id, it.state, it.offline));
        let committed = |id| (id, UpgradeState::Committed, Some(Offline::Snapshot));
        assert_eq!(told.collect::<Vec<_>>(), [committed(1), committed(2)]);
    }
}

#[test]
fn what_a_node_would_refuse_is_refused_offline_and_nothing_is_written() {
    let workshop = workshop();
    let both = store(&workshop.kv_v2());
    let to = both.path("never");
    let refused = |coming: &Coming| {
        let error = migrate(&both.before, &to, coming).unwrap_err();
        assert!(!error.next().is_empty());
        let code = error.code().to_owned();
        // The file is the caller's; there is no snapshot in it.
        let is_there = SnapshotFile::open(&to).is_ok();
        assert!(!is_there, "{code}");
        code
    };
    assert_eq!(
        refused(&coming("no", &workshop.kv_v2())),
        "plan-kind-not-in-module"
    );
    // Its published version 3 has no way back.
    let third = store(&workshop.kv_v3());
    let older = migrate(&third.before, &to, &coming("kv", &workshop.kv_v2())).unwrap_err();
    assert_eq!(older.code(), "plan-no-way-back");
    // A value that is no number: the transition itself fails, in the child.
    let fails = coming("kv", &workshop.kv_v3_fails());
    let error = migrate(&both.before, &both.path("failed"), &fails).unwrap_err();
    assert_eq!(error.code(), "transition-failed");
    assert_eq!(error.engine_name().as_deref(), Some("kv"));
    assert!(SnapshotFile::open(&both.path("failed")).is_err());

    // A plan for another height, and one for other code.
    let v2 = both.node.own_copy(&workshop.kv_v4());
    let mut later = both.node.plan(&[("kv", &v2)], None).unwrap();
    later.at_height = Some(refit_abi::Height(1_000));
    let late = Coming::Plan(Box::new(later.clone()));
    let prepare = |coming: &Coming| {
        let prepared = Migration::prepare(&both.before, OldCode::default(), coming, runs());
        prepared.map(drop).unwrap_err().code().to_owned()
    };
    assert_eq!(prepare(&late), "snapshot-other-height");
    later.base = Generation(7);
    assert_eq!(
        prepare(&Coming::Plan(Box::new(later))),
        "plan-other-generation"
    );
}

#[test]
fn code_that_is_not_in_the_snapshot_is_found_by_its_hash_where_the_operator_says() {
    let workshop = workshop();
    let both = store(&workshop.kv_v1());
    let bare = both.path("bare");
    take(both.node.node(), false, &bare).unwrap();
    let coming = coming("kv", &workshop.kv_v2());
    let with = |code: OldCode<'_>| {
        let migration = Migration::prepare(&bare, code, &coming, runs())?;
        migration.check().map(|it| it.digest)
    };
    let error = with(OldCode::default()).unwrap_err();
    assert_eq!(error.code(), "snapshot-code-missing");
    let offered = |path: PathBuf| {
        [Offered {
            kind: "kv".to_owned(),
            path,
        }]
    };
    let other = offered(workshop.kv_v2());
    let libraries = &other;
    let error = with(OldCode {
        libraries,
        ..OldCode::default()
    })
    .unwrap_err();
    assert_eq!(error.code(), "snapshot-other-code");

    let status = both.node.status();
    let own = offered(status.kinds[0].file.clone().into());
    let named = with(OldCode {
        libraries: &own,
        ..OldCode::default()
    })
    .unwrap();
    // As a data folder keeps it.
    let store = both.path("kept");
    let restore = Restore {
        file: &both.before,
        libraries: &[],
        vouched: Vouched::Nobody,
    };
    restore.check().unwrap().into_store(&store).unwrap();
    let kept = with(OldCode {
        store: Some(&store),
        ..OldCode::default()
    })
    .unwrap();
    assert_eq!(named, kept);
}

/// Version 2 of `kv` whose states one function makes: the revision of a store is the number of entries of the stores
/// beside it, which no transition could know that begins before theirs has ended.
pub(crate) fn version_2_at_once() -> PathBuf {
    const FUNCTION: &str = r#"
use crate::{Kv, Versioned, v1};
use refit_abi::Fault;
use refit_abi::snapshot::Snapshot;

pub(crate) fn transform(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut snapshot = Snapshot::read(bytes)?;
    let stores = snapshot.of_kind_mut("kv");
    let old = stores.map(|store| Ok((store.id, store.read::<v1::Kv>()?)));
    let old = old.collect::<Result<Vec<_>, Fault>>()?;
    let has = |key: &str| old.iter().find(|(_, store)| store.entries.contains_key(key));
    if has("fail").is_some() {
        return Err(Fault::new("no-way", "an entry says so"));
    }
    if let Some((id, _)) = has("drop") {
        snapshot.drop_engine(*id);
    }
    if let Some((id, _)) = has("forget") {
        snapshot.engines.retain(|engine| engine.id != *id);
    }
    for (at, store) in snapshot.of_kind_mut("kv").enumerate() {
        let (_, before) = old.iter().find(|(id, _)| *id == store.id).cloned().unwrap();
        let beside = old.iter().filter(|(id, _)| *id != store.id);
        let entries = before.entries.into_iter();
        let versioned = |value| Versioned { value, revision: at as u64 };
        store.write(&Kv {
            entries: entries.map(|(key, value)| (key, versioned(value))).collect(),
            expiries: before.expiries,
            revision: beside.map(|(_, other)| other.entries.len() as u64).sum(),
        })?;
    }
    Ok(snapshot.to_bytes())
}
"#;
    workshop().library("kv-v2-at-once", || {
        let source = Source::kv_v2().with_file("src/offline.rs", FUNCTION);
        let exported =
            "mod offline;\nrefit_abi::export_engines!(Kv; snapshot = offline::transform);";
        source.replacing("src/lib.rs", "refit_abi::export_engines!(Kv);", exported)
    })
}

/// Two stores of version 1, and a dog that is no part of any plan.
fn two_stores(special: &str) -> Both {
    let workshop = workshop();
    let herd = workshop.library("herd", || Source::fixture("herd"));
    let kv = workshop.kv_v1();
    let engines = [
        ("kv", "kv", kv.as_path()),
        ("second", "kv", kv.as_path()),
        ("dog", "shepherd", herd.as_path()),
    ];
    let node = Harness::start(&workshop, &engines);
    for number in 0..5 {
        node.send("kv", put(&format!("key {number}"), "old"))
            .unwrap();
    }
    for key in ["a", "b", special] {
        node.send("second", put(key, "old")).unwrap();
    }
    Both::new(node)
}

fn at_once() -> Coming {
    Coming::Libraries {
        offered: vec![Offered {
            kind: "kv".to_owned(),
            path: version_2_at_once(),
        }],
        directives: Box::new(at_once_directives()),
    }
}

pub(crate) fn at_once_directives() -> Directives {
    Directives {
        strategy: Strategy::Offline,
        ..Directives::default()
    }
}

#[test]
fn a_function_over_the_whole_snapshot_moves_data_between_engines() {
    let both = two_stores("c");
    let to = both.path("after");
    let migrated = migrate(&both.before, &to, &at_once()).unwrap();
    assert_eq!(migrated.record.report.class.to_string(), "snapshot");
    let mut file = SnapshotFile::open(&to).unwrap();
    type Version2 = (BTreeMap<String, (String, u64)>, BTreeMap<u64, ()>, u64);
    let mut store = |name: &str| -> Version2 {
        let fixture = file.fixture(EngineId::root(name).unwrap()).unwrap();
        assert_eq!(fixture.version, 2);
        postcard::from_bytes(&fixture.state).unwrap()
    };
    let ((kv, _, of_second), (second, _, of_kv)) = (store("kv"), store("second"));
    assert_eq!((kv.len(), of_kv, second.len(), of_second), (5, 5, 3, 3));
    // What is no part of the plan is as it was, and so is the node that goes on from it.
    let found = difference(&both.before, &to);
    let changed: Vec<_> = found.engines.iter().map(|it| &*it.engine).collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    let (v1, herd) = (
        workshop().kv_v1(),
        workshop().library("herd", || Source::fixture("herd")),
    );
    let engines = [
        ("kv", "kv", v1.as_path()),
        ("second", "kv", v1.as_path()),
        ("dog", "shepherd", herd.as_path()),
    ];
    let node = restored(&to, &both.path("store"), &engines);
    assert_eq!(entry(&node, "key 3").0, "old");
    node.send("second", put("d", "new")).unwrap();
}

#[test]
fn what_the_function_does_not_give_back_is_dropped_if_it_says_so_and_else_nothing_is_written() {
    let both = two_stores("drop");
    let to = both.path("after");
    migrate(&both.before, &to, &at_once()).unwrap();
    let file = SnapshotFile::open(&to).unwrap();
    let names: Vec<_> = file.engines().iter().map(|it| it.id.to_string()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(!names.contains(&"second".to_owned()), "{names:?}");

    for (special, code) in [
        ("forget", "snapshot-function-result"),
        ("fail", "snapshot-function-failed"),
    ] {
        let both = two_stores(special);
        let to = both.path("never");
        let error = migrate(&both.before, &to, &at_once()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(SnapshotFile::open(&to).is_err());
    }
}

#[test]
fn a_module_with_such_a_function_does_not_come_in_while_the_node_serves() {
    let both = two_stores("c");
    let library = both.node.own_copy(&version_2_at_once());
    let refused = both.node.plan(&[("kv", &library)], None).unwrap_err();
    assert_eq!(refused.code, "plan-needs-offline");
    assert!(refused.next.contains("--strategy offline"), "{refused:?}");
}
