//! How a double of a node says that it is.

use crate::double::LIFE;
use crate::told::{committed, node};
use refit_abi::descriptor::{
    Ability, CapabilityDescriptor, InterfaceDescriptor, InterfaceWords, KindDescriptor,
};
use refit_abi::schema::{LayoutId, SchemaId, Type};
use refit_abi::{BlockTime, Generation, Height};
use refit_admin::api::{
    DeadLetter, DeadLetters, EngineState, EngineStatus, ForgottenKeys, KindStatus, Libraries,
    ParametersStatus, PoisonStatus, Status,
};

pub(crate) fn status() -> Status {
    let engine = |id: &str, state, mailbox, messages| EngineStatus {
        id: id.to_owned(),
        kind: "kv".to_owned(),
        state,
        mailbox,
        messages,
    };
    Status {
        node: node(LIFE),
        height: Height(41),
        generation: Generation(2),
        block_time_ms: BlockTime(1_790_000_000_000),
        block_us: 1_000_000,
        engines: vec![
            engine("kv", EngineState::Live, 3, 120),
            engine("cache", EngineState::Poisoned, 0, 7),
        ],
        engines_total: 2,
        poisoned: vec![PoisonStatus {
            engine: "cache".to_owned(),
            kind: "kv".to_owned(),
            version: 1,
            schema: SchemaId([0x3b; 16]),
            height: Height(7),
            sender: Some("client 38e81b27".to_owned()),
            sequence: 3,
            detail: "index out of bounds: the len is 3 but the index is 7".to_owned(),
        }],
        dead_letters: DeadLetters {
            total: 5,
            kept: 1,
            newest: vec![DeadLetter {
                to: "cache".to_owned(),
                sender: "a timer".to_owned(),
                reason: "poisoned".to_owned(),
                bytes: 12,
            }],
        },
        forgotten: ForgottenKeys {
            answers: 12,
            clients: 3,
        },
        kinds: vec![KindStatus {
            descriptor: kind(),
            package: "kv".to_owned(),
            package_version: "3.0.1".to_owned(),
            build_id: "b1d0".repeat(8),
            artifact: "a47f".repeat(16),
            file: "/srv/kv-3.0.1.so".to_owned(),
            generation_since: Generation(2),
            engines: 2,
            poisoned: 1,
        }],
        grants: granted(),
        upgrade: Some(4),
        upgrade_at: Some(Height(1_000_000)),
        last_upgrade: Some(committed()),
        quarantined: 1,
        quarantine_unwritten: None,
        upgrades_refused: None,
        libraries: Libraries {
            mapped: 1,
            pinned: 0,
            pinned_reasons: Vec::new(),
        },
        workers: 2,
        engines_at: None,
        starting: None,
        probation: None,
        branch: 0,
        stuck: None,
        parameters: Some(ParametersStatus {
            hash: "7c".repeat(32),
            since: Height(30),
        }),
        halted: None,
    }
}

pub(crate) fn kind() -> KindDescriptor {
    let schema = SchemaId([0x5c; 16]);
    let ty = || Type::Scalar {
        name: "u64".to_owned(),
        shape: refit_abi::schema::Shape::of::<u64>(),
    };
    KindDescriptor {
        kind: "kv".to_owned(),
        version: 2,
        schema,
        layout: LayoutId([0x1a; 16]),
        state: ty(),
        crosses_as_bytes: false,
        config: schema,
        message: schema,
        reply: schema,
        query: schema,
        answer: schema,
        interface: InterfaceDescriptor {
            config: ty(),
            message: ty(),
            reply: ty(),
            query: ty(),
            answer: ty(),
        },
        words: InterfaceWords::default(),
        older_messages: Vec::new(),
        upgrade_message: None,
        after: Vec::new(),
        rollback: false,
        needs: Vec::new(),
        migrations: Vec::new(),
        ways_back: Vec::new(),
    }
}

/// The grants that the configuration lists.
pub(crate) fn granted() -> std::collections::BTreeMap<String, Vec<CapabilityDescriptor>> {
    let index = |ability| CapabilityDescriptor {
        ability,
        kind: "index".to_owned(),
    };
    let of_kv = vec![index(Ability::Message), index(Ability::Spawn)];
    [("index".to_owned(), Vec::new()), ("kv".to_owned(), of_kv)].into()
}
