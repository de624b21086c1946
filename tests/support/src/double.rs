//! A double of a node: fixed answers, so that a test of the interface or of the command line sees
//! exactly what it expects. Engine names and plan texts choose the behaviour.
//!
//! * engine `kv` echoes, and so does `held` in a batch once the gate lets it; `slow` never answers; `full` is refused with 503; `faulty` returned a fault in block 7; all
//!   others are unknown.
//! * the state of `kv` can be had; `cache` is poisoned.
//! * plan `{"rehearsal": N}` is rehearsed with a pause of `N` µs; others are not rehearsed.
//! * plan `{"stale": …}` is refused; `{"upgrade": N}` is accepted as upgrade `N`.
//! * the longest pause 0 is refused; the artifact `ab…` is in quarantine.
//! * its snapshot is a small one that was taken of a real node; with code there is one under way already.
//! * two parameters can be set, within their bounds; `kv` and `cache` can be started afresh.
//! * what is ordered under a key whose number has one digit was ordered before.
//! * the events are those of `feed.rs`.
//! * upgrade 1 is committed, 2 aborted, 3 refused, 4 waits for its height and can be cancelled, 5 is staged and
//!   takes its time to end.

use crate::feed::Feed;
use crate::looked::{granted, status};
use crate::told::{
    aborted, armed, cancelled, committed, fixture, kept, on_probation, quarantined, refused,
    rehearsal,
};
use crate::{releases, revived};
use refit_abi::{EngineId, Generation, Height};
use refit_admin::api::{
    CodeBefore, CodeTaken, EngineRestarted, EngineRevived, HaltedStatus, Imported, KeptRelease,
    KeysetInForce, Life, OfferedRelease, ParameterChange, ParameterValue, ParametersOrdered,
    ParametersReport, ProbationStatus, QuarantineEntry, RehearsalReport, ReleaseBuild,
    ReleasesPruned, RevisedReply, RollBackAccepted, RollBackReport, Status, UpgradeAccepted,
    UpgradeRecord, UpgradeReport, UpgradeState,
};
use refit_admin::{
    ANSWERS_BYTES_MAX, Answer, Answered, ApplyOptions, Bytes, CapturedState, CarriedOut, Entrance,
    EventFeed, GoodState, LastGood, Metrics, Moment, Node, OfferedCode, OrderedBy, Part, Pending,
    Refusal, Replied, RequestId, Room, Sent, Share, TakenSnapshot,
};
use std::collections::BTreeSet;
use std::io::Read;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::sync::Semaphore;

/// The double's place in its history.
pub(crate) const MOMENT: Moment = Moment {
    height: Height(41),
    generation: Generation(2),
};

/// The place in history at which its engine `faulty` returned its fault.
const FAULT_MOMENT: Moment = Moment {
    height: Height(7),
    generation: Generation(1),
};

/// A snapshot of form 1, which a test of `tests/node` writes.
pub const SNAPSHOT: &[u8] = include_bytes!("../../fixtures/snapshots/form-1.snapshot");

/// Its only life.
pub const LIFE: Life = Life(0x00c0_ffee_1234_5678);

/// A node with fixed answers, and what a test looks at afterwards.
#[derive(Debug)]
pub struct Double {
    /// Its counters.
    pub metrics: Metrics,
    /// Its events.
    pub feed: Arc<Feed>,
    /// Room for answers.
    pub answers: Room,
    /// Whether it says that it is not ready.
    pub unready: bool,
    /// Whether it is starting: it executes its log, and knows no upgrade yet.
    pub starting: Arc<AtomicBool>,
    /// Why it executes no more blocks, if it does not.
    pub halted: Option<HaltedStatus>,
    /// The keys of requests that were carried out.
    pub seen: Mutex<BTreeSet<String>>,
    /// The number of messages of each group.
    pub groups: Mutex<Vec<usize>>,
    /// By which way each message or group came in.
    pub shares: Mutex<Vec<Share>>,
    /// The last change of the parameters.
    pub changed: Mutex<ParameterChange>,
    /// One permit for each group with a message for `held`.
    pub gate: Arc<Semaphore>,
    /// The bytes of its snapshot.
    pub snapshot: &'static [u8],
}

impl Default for Double {
    fn default() -> Self {
        Self {
            metrics: Metrics::default(),
            answers: Room::new(ANSWERS_BYTES_MAX),
            feed: Arc::default(),
            unready: false,
            starting: Arc::default(),
            halted: None,
            seen: Mutex::default(),
            groups: Mutex::default(),
            shares: Mutex::default(),
            changed: Mutex::default(),
            gate: Arc::new(Semaphore::new(0)),
            snapshot: SNAPSHOT,
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
            "kv" | "held" => Box::pin(async move { Ok(replied) }),
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

impl Double {
    fn carried_out<T>(&self, done: T, by: &OrderedBy) -> CarriedOut<T> {
        self.shares.lock().unwrap().push(by.share);
        CarriedOut {
            done,
            moment: ORDER_MOMENT,
            repeated: is_repeat(by),
        }
    }
}

/// The block of every order.
const ORDER_MOMENT: Moment = Moment {
    height: Height(42),
    generation: Generation(2),
};

/// Numbers of one digit were used before.
fn is_repeat(by: &OrderedBy) -> bool {
    let request = by.request.as_ref();
    request.is_some_and(|request| request.sequence < 10)
}

/// The branch of its chain.
const BRANCH: u64 = 3;

impl Node for Double {
    fn send(
        &self,
        engine: EngineId,
        at: Entrance,
        request: Option<RequestId>,
        body: Bytes,
    ) -> Answer<'_, Replied> {
        self.shares.lock().unwrap().push(at.share);
        self.answer(engine, &body, request)
    }

    fn submit(
        &self,
        at: Entrance,
        group: Vec<Sent>,
    ) -> Pin<Box<dyn Future<Output = Pending> + Send + '_>> {
        self.shares.lock().unwrap().push(at.share);
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
        let is_held = group.iter().any(|sent| sent.engine.to_string() == "held");
        let outcomes: Vec<_> = group.into_iter().map(outcome).collect();
        let gate = self.gate.clone();
        let pending: Pending = Box::pin(async move {
            if is_held {
                gate.acquire().await.unwrap().forget();
            }
            Answered {
                answers: outcomes,
                part: Part::default(),
            }
        });
        Box::pin(std::future::ready(pending))
    }

    fn query(&self, engine: EngineId, body: Bytes) -> Answer<'_, Replied> {
        self.answer(engine, &body, None)
    }

    fn state(&self, engine: EngineId) -> Result<CapturedState, Refusal> {
        let next = "see the engines with `refit status`";
        let refuse = |status, code, detail: String| Err(Refusal::new(status, code, detail, next));
        match engine.to_string().as_str() {
            "kv" => Ok(CapturedState {
                fixture: fixture(),
                generation: Generation(2),
            }),
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

    fn snapshot(&self, with_code: bool) -> Result<TakenSnapshot, Refusal> {
        if with_code {
            let detail = "another snapshot of this node is under way";
            let next = "take one when that has ended";
            return Err(Refusal::new(503, "snapshot-under-way", detail, next));
        }
        Ok(TakenSnapshot {
            body: Box::new(self.snapshot),
            bytes: self.snapshot.len() as u64,
            moment: MOMENT,
        })
    }

    fn offer(&self, code: OfferedCode) -> Result<CodeTaken, Refusal> {
        let OfferedCode { from, mut bytes } = code;
        let mut taken = Vec::new();
        bytes
            .read_to_end(&mut taken)
            .map_err(|error| Refusal::new(500, "code-not-taken", error.to_string(), "try again"))?;
        Ok(CodeTaken {
            artifact: from,
            bytes: taken.len() as u64,
        })
    }

    fn restart(&self, engine: EngineId, by: OrderedBy) -> Answer<'_, CarriedOut<EngineRestarted>> {
        let name = engine.to_string();
        Box::pin(async move {
            if name != "kv" && name != "cache" {
                let detail =
                    format!("engine `{name}` cannot be started afresh: there is no such engine");
                let next = "see the engines with: refit status";
                return Err(Refusal::new(404, "engine-unknown", detail, next));
            }
            let restarted = EngineRestarted {
                was_poisoned: name == "cache",
                timers_dropped: u64::from(name == "kv") * 2,
                engine: name,
                height: Height(42),
            };
            Ok(self.carried_out(restarted, &by))
        })
    }

    fn last_good(&self, engine: EngineId, by: &OrderedBy) -> Result<LastGood, Refusal> {
        revived::last_good(engine, by)
    }

    fn revive(
        &self,
        engine: EngineId,
        state: GoodState,
        by: OrderedBy,
    ) -> Answer<'_, CarriedOut<EngineRevived>> {
        let revived = EngineRevived {
            engine: engine.to_string(),
            height: Height(42),
            poisoned_at: Some(state.poisoned_at),
            state_bytes: Some(state.state.len() as u64),
        };
        Box::pin(async move { Ok(self.carried_out(revived, &by)) })
    }

    fn parameters(&self) -> ParametersReport {
        let changed = self.changed.lock().unwrap().clone();
        let value = |name: &str, unit: &str, default: u64, least: u64| ParameterValue {
            name: name.to_owned(),
            value: changed.set.get(name).copied().unwrap_or(default),
            unit: unit.to_owned(),
            default,
            least,
            most: default * 16,
        };
        let mut grants = granted();
        for (kind, granted) in &changed.grants {
            match granted {
                Some(granted) => grants.insert(kind.clone(), granted.clone()),
                None => grants.remove(kind),
            };
        }
        ParametersReport {
            hash: "7c".repeat(32),
            since: Height(if changed == ParameterChange::default() {
                0
            } else {
                42
            }),
            values: vec![
                value("block.messages", "messages", 1 << 20, 1),
                value("dead_letters.bytes", "bytes", 16 << 20, 0),
            ],
            grants,
            ordered: None,
        }
    }

    fn set_parameters(
        &self,
        change: ParameterChange,
        by: OrderedBy,
    ) -> Answer<'_, CarriedOut<ParametersReport>> {
        Box::pin(async move {
            let next = "see the names and bounds with: refit parameters show";
            let values = self.parameters().values;
            for (name, value) in &change.set {
                let known = values.iter().find(|known| known.name == *name);
                let (code, detail) = match known {
                    None => (
                        "parameter-unknown",
                        format!("no parameter is called `{name}`"),
                    ),
                    Some(known) if !(known.least..=known.most).contains(value) => (
                        "parameter-beyond",
                        format!("`{name}` is {value} {}", known.unit),
                    ),
                    Some(_) => continue,
                };
                return Err(Refusal::new(422, code, detail, next));
            }
            if !is_repeat(&by) {
                *self.changed.lock().unwrap() = change;
            }
            let ordered = ParametersOrdered {
                hash: "7c".repeat(32),
                height: Height(42),
            };
            let report = ParametersReport {
                ordered: Some(ordered),
                ..self.parameters()
            };
            Ok(self.carried_out(report, &by))
        })
    }

    fn apply(
        &self,
        plan: Bytes,
        by: OrderedBy,
        options: ApplyOptions,
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
            self.shares.lock().unwrap().push(by.share);
            if options.max_pause_us == Some(0) {
                let (detail, next) = ("it takes a pause", "accept a longer one");
                return Err(Refusal::new(409, "pause-too-long", detail, next));
            }
            Ok(UpgradeAccepted {
                id: plan["upgrade"].as_u64().unwrap_or(1),
                repeated: is_repeat(&by),
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
        quarantined()
    }

    fn clear_quarantine(&self, artifact: &str) -> Result<usize, Refusal> {
        let entries = self.quarantine();
        let named = |entry: &&QuarantineEntry| entry.artifacts.iter().any(|a| a == artifact);
        Ok(entries.iter().filter(named).count())
    }

    fn upgrade(&self, id: u64) -> Option<UpgradeReport> {
        self.upgrades().into_iter().find(|report| report.id == id)
    }

    fn upgrade_record(&self, id: u64) -> Option<UpgradeRecord> {
        let report = self.upgrade(id)?;
        Some(UpgradeRecord {
            plan: Some(serde_json::json!({"format": 2, "base": report.from})),
            before: Some(CodeBefore {
                generation: report.from,
                kinds: Vec::new(),
            }),
            made_by: None,
            report,
        })
    }

    fn releases(&self) -> Result<Vec<KeptRelease>, Refusal> {
        Ok(kept())
    }

    fn import(&self, body: Box<dyn Read + Send>) -> Result<Imported, Refusal> {
        Ok(releases::imported(body))
    }

    fn build_release(&self, release: &str) -> Result<ReleaseBuild, Refusal> {
        Ok(releases::built(release))
    }

    fn release_build(&self, release: &str) -> Result<ReleaseBuild, Refusal> {
        Ok(releases::built(release))
    }

    fn offered(&self, release: &str) -> Result<OfferedRelease, Refusal> {
        Ok(releases::offered(release))
    }

    fn prune_releases(&self) -> Result<ReleasesPruned, Refusal> {
        Ok(releases::pruned())
    }

    fn keyset(&self) -> Result<KeysetInForce, Refusal> {
        Err(releases::no_keyset())
    }

    fn install_keyset(&self, bytes: &[u8]) -> Result<KeysetInForce, Refusal> {
        Ok(releases::installed(bytes))
    }

    fn upgrades(&self) -> Vec<UpgradeReport> {
        if self.starting.load(Ordering::Acquire) {
            return Vec::new();
        }
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

    fn confirm_upgrade(&self, id: u64) -> Result<ProbationStatus, Refusal> {
        on_probation(id)
    }

    fn roll_back(&self, id: u64) -> Result<RollBackAccepted, Refusal> {
        Ok(RollBackAccepted {
            probation: on_probation(id)?,
            height: MOMENT.height,
        })
    }

    fn check_roll_back(&self, id: u64) -> Result<RollBackReport, Refusal> {
        let probation = on_probation(id)?;
        Ok(RollBackReport {
            branch: BRANCH + 1,
            after: probation.after,
            through: MOMENT.height,
            code: "trial".to_owned(),
            detail: "it is tried".to_owned(),
            at_ms: 0,
            same: 12,
            revised: 1,
            lost: 0,
            is_whole: true,
            shown: vec![RevisedReply {
                height: MOMENT.height,
                engine: "kv".to_owned(),
                key: Some("client 0102, 7".to_owned()),
            }],
        })
    }

    fn status(&self) -> Result<Status, Refusal> {
        Ok(Status {
            halted: self.halted.clone(),
            starting: self
                .starting
                .load(Ordering::Acquire)
                .then_some(MOMENT.height),
            ..status()
        })
    }

    fn ready(&self) -> Result<(), Refusal> {
        if !self.unready {
            return Ok(());
        }
        let detail = "the node replays block 12 of 40";
        let next = "ask again in a moment";
        Err(Refusal::new(503, "not-ready", detail, next))
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

    fn is_unconfirmed(&self) -> bool {
        false
    }

    fn branch(&self) -> u64 {
        BRANCH
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
