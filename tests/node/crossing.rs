//! States that outlive the code that made them, between builds that share no optimisation: made by
//! one, its code unmapped, then read, changed, written and dropped by another.

use crate::{put, workshop};
use refit_abi::host::{BlockFrame, Bus, HandleContext, Instance, Kind, Services, Wanted};
use refit_abi::raw::{CallStatus, Codec, Delivery, DeliveryKind, HostStatus, RawBudget};
use refit_abi::schema::SchemaId;
use refit_abi::{ClientId, EngineId, Height, Sender, TimerAt, TimerId};
use refit_build::Profile;
use refit_loader::sys::maps;
use refit_loader::{LoadedModule, Loader};
use refit_tests::Source;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The profiles by which one source is compiled into different code.
const BUILDS: [&str; 3] = ["debug", "fast", "small"];

/// Keys that the first code puts.
const KEYS: u64 = 100;

/// The library of `source`, compiled in one of the ways.
fn library(version: &str, build: &str, source: fn() -> Source) -> PathBuf {
    const SMALL: &str = "\n[profile.release]\nopt-level = \"s\"\nlto = true\ncodegen-units = 1\n";
    let workshop = workshop();
    match build {
        "debug" => workshop.library(version, source),
        "fast" => workshop.library_as(&format!("{version}-fast"), Profile::Release, source),
        _ => workshop.library_as(&format!("{version}-small"), Profile::Release, || {
            source().appending("Cargo.toml", SMALL)
        }),
    }
}

fn kv_v1(build: &str) -> PathBuf {
    library("kv-v1", build, Source::kv_v1)
}

fn kv_v2(build: &str) -> PathBuf {
    library("kv-v2", build, Source::kv_v2)
}

/// A host that keeps replies and gives nothing else.
#[derive(Default)]
struct Replies(Vec<(CallStatus, Vec<u8>)>);

impl Services for Replies {
    fn send(&mut self, _: usize, _: EngineId, _: SchemaId, _: &[u8]) -> HostStatus {
        HostStatus::Unknown
    }
    fn spawn(&mut self, _: usize, _: Wanted<'_>) -> Result<EngineId, HostStatus> {
        Err(HostStatus::Unknown)
    }
    fn stop(&mut self, _: usize, _: EngineId) -> HostStatus {
        HostStatus::Unknown
    }
    fn timer(
        &mut self,
        _: usize,
        _: TimerAt,
        _: SchemaId,
        _: &[u8],
    ) -> Result<TimerId, HostStatus> {
        Ok(TimerId(0))
    }

    fn cancel_timer(&mut self, _: usize, _: TimerId) -> HostStatus {
        HostStatus::Unknown
    }

    fn budget_left(&self, _: usize) -> RawBudget {
        RawBudget::default()
    }
    fn log(&mut self, _: u8, _: &str) {}
    fn emit(&mut self, _: usize, _: &str, _: &[u8]) -> HostStatus {
        HostStatus::Ok
    }
    fn reply(&mut self, _: usize, status: CallStatus, bytes: &[u8]) {
        self.0.push((status, bytes.to_vec()));
    }
}

/// A bus on which nothing happens.
struct NoBus;

impl Bus for NoBus {
    fn cancelled(&self) -> bool {
        false
    }
    fn log(&mut self, _: u8, _: &str) {}
}

fn kv() -> EngineId {
    EngineId::root("kv").unwrap()
}

/// Has the engine handle one message.
fn handle(kind: &Kind, state: &mut Instance, message: Value) -> Value {
    let message = message.to_string();
    let delivery = Delivery {
        sender: Sender::Client(ClientId::of("client")).into(),
        sequence: 1,
        schema: SchemaId([0; 16]),
        codec: Codec::Json,
        kind: DeliveryKind::Message,
        wants_reply: true,
        payload: message.as_bytes().into(),
    };
    let mut replies = Replies::default();
    let mut context = HandleContext::new(kv(), BlockFrame::default(), 0, &mut replies);
    let outcome = kind.handle(state, &[delivery], &mut context).unwrap();
    assert_eq!((outcome.status, outcome.done), (CallStatus::Ok, 1));
    let [(CallStatus::Ok, reply)] = replies.0.as_slice() else {
        panic!("{:?}", replies.0)
    };
    serde_json::from_slice(reply).unwrap()
}

fn query(kind: &Kind, state: &Instance, query: Value) -> Value {
    let mut answer = Vec::new();
    kind.query(
        state,
        Codec::Json,
        query.to_string().as_bytes(),
        &mut answer,
    )
    .unwrap();
    serde_json::from_slice(&answer).unwrap()
}

/// Does something with the code of a loaded module on a thread that is joined, as a crew does.
fn enter<T: Send + 'static>(
    loaded: &LoadedModule,
    work: impl FnOnce(Kind) -> T + Send + 'static,
) -> T {
    let module = loaded.module().clone();
    std::thread::spawn(move || work(module.kind("kv").unwrap()))
        .join()
        .unwrap()
}

/// A state with keys, strings on the heap and a set, made by the code of `path`, which is then
/// unmapped.
fn made_and_orphaned(loader: &Loader, path: &Path) -> Instance {
    let loaded = loader.load_file(path).unwrap();
    let state = enter(&loaded, |kind| {
        let (frame, config) = (BlockFrame::default(), (Codec::Json, b"{}".as_slice()));
        let mut state = kind
            .init(kv(), config, frame, &mut Replies::default())
            .unwrap();
        for number in 0..KEYS {
            handle(
                &kind,
                &mut state,
                put(&format!("key-{number:03}"), &"v".repeat(number as usize)),
            );
        }
        let expiry = json!({"expire_at": {"key": "key-001", "height": 9}});
        handle(&kind, &mut state, expiry);
        state
    });
    let name = loaded.name().to_owned();
    assert!(loaded.retire().is_unmapped());
    assert!(
        !maps::read()
            .unwrap()
            .iter()
            .any(|mapping| mapping.path.contains(&name))
    );
    state
}

/// Reads, changes, writes and drops a state with the code of `kind`; gives what it wrote.
fn use_up(kind: &Kind, mut state: Instance, revision: u64) -> Vec<u8> {
    let answer = query(kind, &state, json!({"get": {"key": "key-042"}}));
    let entry = json!({"key": "key-042", "value": "v".repeat(42), "revision": revision});
    assert_eq!(answer, json!({"value": {"entry": entry}}));
    let reply = handle(kind, &mut state, put("key-042", "changed"));
    assert_eq!(reply, json!({"stored": {"previous": "v".repeat(42)}}));
    let reply = handle(kind, &mut state, json!({"delete": {"key": "key-099"}}));
    assert_eq!(reply, json!({"deleted": {"previous": "v".repeat(99)}}));
    handle(
        kind,
        &mut state,
        put("new", &"long enough for the heap ".repeat(9)),
    );
    kind.check(&state).unwrap();
    assert_eq!(
        query(kind, &state, json!("length")),
        json!({"length": {"keys": KEYS}})
    );
    let mut bytes = Vec::new();
    kind.encode(&state, &mut bytes).unwrap();
    kind.discard(state).unwrap();
    bytes
}

/// Every ordered pair of the ways to compile.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILDS
        .into_iter()
        .flat_map(|old| BUILDS.into_iter().map(move |new| (old, new)))
}

#[test]
fn a_state_is_adopted_by_code_that_is_optimised_otherwise_after_its_makers_code_is_gone() {
    let loader = Loader::new(workshop().probe()).unwrap();
    let mut written = Vec::new();
    for (old, new) in pairs().filter(|(old, new)| old != new) {
        let state = made_and_orphaned(&loader, &kv_v2(old));
        let loaded = loader.load_file(&kv_v2(new)).unwrap();
        written.push(enter(&loaded, move |kind| {
            assert_eq!(
                state.tag(),
                kind.tag(),
                "{old} to {new}: the layouts are equal"
            );
            use_up(&kind, state, 43)
        }));
        assert!(loaded.retire().is_unmapped());
    }
    assert_eq!((written.len(), loader.mapped()), (6, 0));
    assert!(
        written.iter().all(|bytes| *bytes == written[0]),
        "all pairs write the same"
    );
}

#[test]
fn a_state_is_migrated_by_code_that_is_optimised_otherwise_after_its_makers_code_is_gone() {
    let loader = Loader::new(workshop().probe()).unwrap();
    let mut written = Vec::new();
    for (old, new) in pairs() {
        let state = made_and_orphaned(&loader, &kv_v1(old));
        let loaded = loader.load_file(&kv_v2(new)).unwrap();
        written.push(enter(&loaded, move |kind| {
            let step = kind.migration_from(state.tag());
            let step = step.unwrap_or_else(|| panic!("{old} to {new}: the layouts are equal"));
            assert!(!step.descriptor().by_hand);
            let prepared = step.prepare(kv(), Height(9), &state, &mut NoBus).unwrap();
            let settled = step.settle(state, prepared).unwrap().unwrap();
            settled
                .rest
                .into_iter()
                .for_each(|rest| step.discard_rest(rest));
            use_up(&kind, settled.state, 0)
        }));
        assert!(loaded.retire().is_unmapped());
    }
    assert_eq!((written.len(), loader.mapped()), (9, 0));
    assert!(
        written.iter().all(|bytes| *bytes == written[0]),
        "all pairs write the same"
    );
}
