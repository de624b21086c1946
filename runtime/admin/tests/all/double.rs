//! A node that is none: fixed answers, so that a test of the interface or of the command line sees
//! exactly what it expects. Engine names and plan texts choose the behaviour.
//!
//! * engine `kv` echoes; `slow` never answers; `full` is refused with 503; `faulty` returned a fault in block 7; all
//!   others are unknown.
//! * the state of `kv` can be had; `cache` is poisoned.
//! * plan `{"rehearsal": N}` is rehearsed with a pause of `N` µs; others are not rehearsed.
//! * plan `{"stale": …}` is refused; `{"upgrade": N}` is accepted as upgrade `N`.
//! * the longest pause 0 is refused; the artifact `ab…` is in quarantine.
//! * the events are those of `feed.rs`.
//! * upgrade 1 is committed, 2 aborted, 3 refused, 4 waits for its height and can be cancelled, 5 is staged and
//!   takes its time to end.

use crate::feed::Feed;
use refit_abi::descriptor::{
    Ability, CapabilityDescriptor, InterfaceDescriptor, InterfaceWords, KindDescriptor,
};
use refit_abi::fixture::{FIXTURE_FORMAT, Fixture};
use refit_abi::schema::{LayoutId, SchemaId, Type};
use refit_abi::{BlockTime, EngineId, Generation, Height};
use refit_admin::api::{
    Class, DeadLetter, DeadLetters, EngineState, EngineStatus, ForgottenKeys, KindStatus,
    Libraries, Life, NodeInfo, Phase, PhaseTime, PoisonStatus, QuarantineEntry, QuarantineState,
    Reason, RehearsalReport, Status, UpgradeAccepted, UpgradeReport, UpgradeState, UpgradedKind,
    WithoutBlock,
};
use refit_admin::{
    ANSWERS_BYTES_MAX, Answer, Bytes, EventFeed, Metrics, Moment, Node, Pending, Refusal, Replied,
    RequestId, Room, Sent, Wishes,
};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Where the double is in its history.
pub(crate) const MOMENT: Moment = Moment {
    height: Height(41),
    generation: Generation(2),
};

/// Where its engine `faulty` returned its fault.
const FAULT_MOMENT: Moment = Moment {
    height: Height(7),
    generation: Generation(1),
};

/// Its only life.
pub(crate) const LIFE: Life = Life(0x00c0_ffee_1234_5678);

pub(crate) struct Double {
    pub(crate) metrics: Metrics,
    pub(crate) feed: Arc<Feed>,
    pub(crate) answers: Room,
    pub(crate) unready: bool,
    pub(crate) seen: Mutex<BTreeSet<String>>,
    /// How many messages each group had.
    pub(crate) groups: Mutex<Vec<usize>>,
}

impl Default for Double {
    fn default() -> Self {
        Self {
            metrics: Metrics::default(),
            answers: Room::new(ANSWERS_BYTES_MAX),
            feed: Arc::default(),
            unready: false,
            seen: Mutex::default(),
            groups: Mutex::default(),
        }
    }
}

impl Double {
    fn answer(
        &self,
        engine: EngineId,
        body: &Bytes,
        key: Option<RequestId>,
    ) -> Answer<'_, Replied> {
        let repeated = key
            .as_ref()
            .is_some_and(|key| !self.seen.lock().unwrap().insert(key.to_string()));
        let body = format!("{{\"echo\":{}}}", String::from_utf8_lossy(body));
        let body = match self.answers.hold(body) {
            Ok(body) => body,
            Err(no_room) => return Box::pin(async move { Err(no_room.into()) }),
        };
        let replied = Replied {
            body,
            height: MOMENT.height,
            generation: MOMENT.generation,
            repeated,
        };
        match engine.to_string().as_str() {
            "kv" => Box::pin(async move { Ok(replied) }),
            "slow" => Box::pin(std::future::pending()),
            "full" => Box::pin(async {
                let detail = "the ingress queue is full";
                Err(Refusal::new(
                    503,
                    "ingress-full",
                    detail,
                    "send it again in a moment",
                ))
            }),
            "faulty" => {
                let refusal = Refusal::new(422, "no-such-key", "`a` is not there", "put it first");
                let refusal = refusal.at(FAULT_MOMENT, repeated);
                Box::pin(async { Err(refusal) })
            }
            name => {
                let detail = format!("there is no engine `{name}`");
                let next = "see the engines with `refit status`";
                let refusal = Refusal::new(404, "engine-unknown", detail, next);
                Box::pin(async { Err(refusal) })
            }
        }
    }
}

impl Node for Double {
    fn send(
        &self,
        engine: EngineId,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Answer<'_, Replied> {
        self.answer(engine, &body, request)
    }

    fn submit(&self, group: Vec<Sent>) -> Pin<Box<dyn Future<Output = Pending> + Send + '_>> {
        self.groups.lock().unwrap().push(group.len());
        let outcome = |sent: Sent| {
            // Of all engines, `slow` alone gives no answer at once: the node that waits for it says so.
            let late = Refusal::new(504, "no-reply-yet", "no reply within 0 s", "send it again");
            let body = sent.body.into();
            let mut answer = self.answer(sent.engine, &body, sent.request);
            let mut context = Context::from_waker(Waker::noop());
            match answer.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => Err(late),
            }
        };
        let outcomes: Vec<_> = group.into_iter().map(outcome).collect();
        let pending: Pending = Box::pin(async { outcomes });
        Box::pin(std::future::ready(pending))
    }

    fn query(&self, engine: EngineId, body: Bytes) -> Answer<'_, Replied> {
        self.answer(engine, &body, None)
    }

    fn state(&self, engine: EngineId) -> Result<(Fixture, Generation), Refusal> {
        let refuse = |status, code, detail: String| {
            let next = "see the engines with `refit status`";
            Err(Refusal::new(status, code, detail, next))
        };
        match engine.to_string().as_str() {
            "kv" => Ok((fixture(), Generation(2))),
            "cache" => {
                let detail = "engine `cache` has no state to be captured: it is poisoned";
                refuse(503, "engine-poisoned", detail.to_owned())
            }
            name => refuse(
                404,
                "engine-unknown",
                format!("there is no engine `{name}`"),
            ),
        }
    }

    fn apply(
        &self,
        plan: Bytes,
        request: Option<RequestId>,
        wishes: Wishes,
    ) -> Answer<'_, UpgradeAccepted> {
        let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
        Box::pin(async move {
            if plan.get("stale").is_some() {
                let detail = "the plan starts from generation 1, but generation 2 is live";
                let next = "make a new plan with `refit upgrade plan`";
                return Err(Refusal::new(
                    409,
                    "plan-for-another-generation",
                    detail,
                    next,
                ));
            }
            if wishes.max_pause_us == Some(0) {
                let (detail, next) = ("it takes a pause", "accept a longer one");
                return Err(Refusal::new(409, "pause-too-long", detail, next));
            }
            Ok(UpgradeAccepted {
                id: plan["upgrade"].as_u64().unwrap_or(1),
                repeated: request.is_some_and(|request| request.sequence < 10),
            })
        })
    }

    fn rehearse(&self, plan: Bytes) -> Answer<'_, RehearsalReport> {
        let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
        Box::pin(async move {
            match plan["rehearsal"].as_u64() {
                Some(predicted) => Ok(rehearsal(predicted)),
                None => Err(Refusal::new(
                    409,
                    "rehearsal-off",
                    "the node does not rehearse",
                    "start it without --no-rehearsal",
                )),
            }
        })
    }

    fn quarantine(&self) -> Vec<QuarantineEntry> {
        vec![QuarantineEntry {
            artifacts: vec!["ab".repeat(32)],
            height: 40,
            state: QuarantineState::Quarantined,
            code: "pause-stuck".to_owned(),
            reason: "a transition did not return within 30 s".to_owned(),
        }]
    }

    fn clear_quarantine(&self, artifact: &str) -> Result<usize, Refusal> {
        let entries = self.quarantine();
        let named = |entry: &&QuarantineEntry| entry.artifacts.iter().any(|a| a == artifact);
        Ok(entries.iter().filter(named).count())
    }

    fn upgrade(&self, id: u64) -> Option<UpgradeReport> {
        self.upgrades().into_iter().find(|report| report.id == id)
    }

    fn upgrades(&self) -> Vec<UpgradeReport> {
        vec![committed(), aborted(), refused(), armed()]
    }

    fn cancel_upgrade(&self, id: u64) -> Result<Option<UpgradeReport>, Refusal> {
        match id {
            4 => Ok(Some(cancelled())),
            5 => Ok(Some(UpgradeReport {
                id,
                state: UpgradeState::Staging,
                ..armed()
            })),
            id => match self.upgrade(id) {
                None => Ok(None),
                Some(UpgradeReport { state, .. }) => Err(Refusal::new(
                    409,
                    "upgrade-ended",
                    format!("upgrade {id} has ended already: it was {state}"),
                    format!("see how: refit upgrade status {id}"),
                )),
            },
        }
    }

    fn status(&self) -> Result<Status, Refusal> {
        Ok(status())
    }

    fn ready(&self) -> Result<(), Refusal> {
        if !self.unready {
            return Ok(());
        }
        let detail = "the node replays block 12 of 40";
        Err(Refusal::new(
            503,
            "not-ready",
            detail,
            "ask again in a moment",
        ))
    }

    fn events(&self) -> Arc<dyn EventFeed> {
        self.feed.clone()
    }

    fn answers(&self) -> &Room {
        &self.answers
    }

    fn moment(&self) -> Moment {
        MOMENT
    }

    fn life(&self) -> Life {
        LIFE
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

fn status() -> Status {
    let engine = |id: &str, state, mailbox, messages| EngineStatus {
        id: id.to_owned(),
        kind: "kv".to_owned(),
        state,
        mailbox,
        messages,
    };
    Status {
        node: NodeInfo {
            version: "0.1.0".to_owned(),
            abi_epoch: 1,
            compiler: "59807616e1fa".to_owned(),
            pid: 4242,
            life: Some(LIFE),
            uptime_s: None,
        },
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
                reason: "Poisoned".to_owned(),
                bytes: 12,
            }],
        },
        forgotten: ForgottenKeys {
            answers: 12,
            clients: 3,
        },
        kinds: vec![KindStatus {
            descriptor: kind(),
            build_id: "b1d0".repeat(8),
            artifact: "a47f".repeat(16),
            generation_since: Generation(2),
            engines: 2,
            poisoned: 1,
        }],
        grants: granted(),
        upgrade: Some(4),
        upgrade_at: Some(Height(1_000_000)),
        last_upgrade: Some(committed()),
        quarantined: 1,
        libraries: Libraries {
            mapped: 1,
            pinned: 0,
            pinned_reasons: Vec::new(),
        },
        workers: 2,
        stuck: None,
    }
}

fn kind() -> KindDescriptor {
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

pub(crate) fn fixture() -> Fixture {
    let KindDescriptor {
        kind,
        version,
        schema,
        ..
    } = kind();
    Fixture {
        format: FIXTURE_FORMAT,
        kind,
        version,
        schema,
        build_id: "b1d0".repeat(8),
        height: Height(41),
        state: b"state".to_vec(),
    }
}

fn committed() -> UpgradeReport {
    UpgradeReport {
        id: 1,
        state: UpgradeState::Committed,
        from: Generation(1),
        to: Generation(2),
        at_height: None,
        height: Some(Height(30)),
        engines: vec![UpgradedKind {
            kind: "kv".to_owned(),
            class: Class::Migrate,
            from_version: Some(1),
            to_version: 2,
            engines: 2,
        }],
        class: Class::Migrate,
        reason: None,
        stage_us: 41_200,
        wait_us: 900,
        pause_us: 87,
        without_block: Some(WithoutBlock {
            sweep_us: 40,
            next_us: 110,
            handover_us: 60,
            total_us: 297 + 6_400,
        }),
        copy_us: Some(6_400),
        predicted_us: Some(120),
        digest: Some("d1".repeat(32)),
        timers_dropped: 0,
        phases: vec![
            PhaseTime {
                phase: Phase::Quiesced,
                us: 20,
            },
            PhaseTime {
                phase: Phase::Transitioned,
                us: 50,
            },
            PhaseTime {
                phase: Phase::Committed,
                us: 2,
            },
            PhaseTime {
                phase: Phase::Resumed,
                us: 15,
            },
        ],
        retired: true,
        pinned: Vec::new(),
    }
}

fn aborted() -> UpgradeReport {
    let reason = Reason {
        code: "transition-failed".to_owned(),
        detail: "the transition of engine `kv` failed: at key `x`: `soon`: invalid digit found in string (value-is-no-number)".to_owned(),
        next: "correct the migration and make a new plan".to_owned(),
        phase: Phase::Transitioned,
        engine: Some("kv".to_owned()),
        key: Some("x".to_owned()),
    };
    UpgradeReport {
        id: 2,
        state: UpgradeState::Aborted,
        from: Generation(2),
        to: Generation(3),
        height: Some(Height(35)),
        reason: Some(reason),
        without_block: Some(WithoutBlock {
            sweep_us: 0,
            next_us: 130,
            handover_us: 0,
            total_us: 217,
        }),
        copy_us: None,
        predicted_us: None,
        digest: None,
        phases: vec![PhaseTime {
            phase: Phase::Quiesced,
            us: 20,
        }],
        ..committed()
    }
}

fn refused() -> UpgradeReport {
    let reason = Reason {
        code: "elf-not-elf".to_owned(),
        detail: "the file is no ELF file".to_owned(),
        next: "build it with `refit engine build`".to_owned(),
        phase: Phase::Staged,
        engine: None,
        key: None,
    };
    UpgradeReport {
        id: 3,
        state: UpgradeState::Refused,
        height: None,
        reason: Some(reason),
        wait_us: 0,
        pause_us: 0,
        without_block: None,
        predicted_us: None,
        digest: None,
        phases: Vec::new(),
        ..aborted()
    }
}

fn armed() -> UpgradeReport {
    UpgradeReport {
        id: 4,
        state: UpgradeState::Armed,
        from: Generation(2),
        to: Generation(3),
        at_height: Some(Height(1_000_000)),
        height: None,
        wait_us: 0,
        pause_us: 0,
        without_block: None,
        copy_us: None,
        predicted_us: None,
        digest: None,
        phases: vec![PhaseTime {
            phase: Phase::Staged,
            us: 41_200,
        }],
        retired: false,
        ..committed()
    }
}

fn cancelled() -> UpgradeReport {
    let reason = Reason {
        code: "upgrade-cancelled".to_owned(),
        detail: "an operator took it back before its gate closed".to_owned(),
        next: "nothing came in; plan again when it is time".to_owned(),
        phase: Phase::Armed,
        engine: None,
        key: None,
    };
    UpgradeReport {
        state: UpgradeState::Refused,
        reason: Some(reason),
        retired: true,
        ..armed()
    }
}

fn rehearsal(predicted_us: u64) -> RehearsalReport {
    RehearsalReport {
        predicted_us: Some(predicted_us),
        max_pause_us: None,
        runs: 3,
        engines: 2,
        state_bytes: 3 << 20,
        memory_bytes: 1 << 20,
        digest: "cd".repeat(32),
        took_us: 120_000,
        copy_us: 6_400,
        reason: None,
    }
}

/// What the configuration lists.
fn granted() -> std::collections::BTreeMap<String, Vec<CapabilityDescriptor>> {
    let index = |ability| CapabilityDescriptor {
        ability,
        kind: "index".to_owned(),
    };
    let of_kv = vec![index(Ability::Message), index(Ability::Spawn)];
    [("index".to_owned(), Vec::new()), ("kv".to_owned(), of_kv)].into()
}
