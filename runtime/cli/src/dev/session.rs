//! [`Session`]: takes a save from its source to the live generation.

use super::kept::Kept;
use super::node::{Recipe, StartedNode};
use super::restarts::{self, Restarts};
use super::timing::{Timing, ms, ms_since};
use super::watch::Save;
use super::{DevError, tell};
use crate::args::{BuildingArgs, CommonArgs};
use crate::artifact;
use crate::client::{Client, NodeAddress};
use crate::commands::upgrade_end;
use crate::commands::upgrade_plan;
use crate::config::{self, File};
use crate::failure::Failure;
use crate::package::published;
use crate::show;
use crate::source::Sources;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{KindStatus, Status, UpgradeAccepted, UpgradeReport, UpgradeState};
use refit_build::{Built, Profile, Watched};
use refit_upgrade::{Directives, OfferedModule, Plan};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tell::{Outcome, Poisoned};

/// Between two looks at an upgrade: a part of the time that the author waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Longest wait for the end of an upgrade.
const END_WAIT_MAX: Duration = Duration::from_secs(300);

/// Longest wait until the code before the last swap is put away; no upgrade begins before that.
const RETIRE_WAIT_MAX: Duration = Duration::from_secs(30);

/// One engine's package and the node that runs it.
#[derive(Debug)]
pub(super) struct Session {
    source: PathBuf,
    sources: Arc<Sources>,
    client: Client,
    address: NodeAddress,
    recipe: Recipe,
    /// The node that was started here.
    started: Option<StartedNode>,
    /// Whether the node that answers was found to run this engine.
    joined: bool,
    /// The process that answered last.
    node: Option<u32>,
    kept: Kept,
    restarts: Restarts,
    /// The upgrade that was committed last; 0 if there is none.
    brought: AtomicU64,
}

/// What was typed, and the file under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) common: &'a CommonArgs,
    pub(super) file: &'a File,
    pub(super) building: &'a BuildingArgs,
}

impl Session {
    /// For the package in the folder `source`.
    pub(super) fn new(source: &Path, typed: &Typed<'_>, recipe: Recipe) -> Result<Self, Failure> {
        let Typed {
            common,
            file,
            building,
        } = *typed;
        let address = config::node_address(common, file);
        Ok(Self {
            source: source.to_owned(),
            sources: Arc::new(Sources::of(&config::data_dir(common, file), building)),
            client: Client::new(address.clone(), config::token(common, file)?),
            address,
            recipe,
            started: None,
            joined: false,
            node: None,
            kept: Kept::default(),
            restarts: Restarts::default(),
            brought: AtomicU64::new(0),
        })
    }

    /// The session, with these restarts.
    pub(super) fn restarting(mut self, restarts: Restarts) -> Self {
        self.restarts = restarts;
        self
    }

    /// Builds what was saved and brings it to life. What fails leaves the node as it was.
    pub(super) async fn take_up(&mut self, save: &Save) -> Outcome {
        let mut timing = Timing {
            settle_ms: ms(save.settled.duration_since(save.at)),
            ..Timing::default()
        };
        match self.bring(save, &mut timing).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                let generation = self.generation().await;
                let failure = Box::new(failure);
                Outcome::Refused {
                    failure,
                    generation,
                }
            }
        }
    }

    async fn bring(&mut self, save: &Save, timing: &mut Timing) -> Result<Outcome, Failure> {
        let built = self.build(timing).await?;
        self.kept.add(&built);
        self.look_after_node();
        let start = Instant::now();
        let status = match self.quiet_status().await {
            Err(failure) if is_gone(&failure) && self.has_joined_another() => {
                // Its owner will start it again, at the address where one would be started here.
                let address = self.address.clone();
                return Err(Box::new(DevError::NodeGone { address }).into());
            }
            Err(failure) if is_unreachable(&failure) && self.recipe.may_start() => {
                return self.start(save, &built, timing).await;
            }
            status => status?,
        };
        self.joined &= self.node == Some(status.node.pid);
        self.node = Some(status.node.pid);
        if runs(&status, &built) {
            self.joined = true;
            let generation = status.generation;
            let poisoned = poisoned(&status, &built);
            return Ok(Outcome::Unchanged {
                generation,
                poisoned,
            });
        }
        let plan = self.plan(&status, &built).await?;
        timing.plan_ms = ms_since(start);
        let start = Instant::now();
        let report = self.apply(&plan).await?;
        timing.swap_ms = ms_since(start);
        timing.stage_ms = Some(ms(Duration::from_micros(report.stage_us)));
        timing.close(save.at);
        let report = upgrade_end::check(report.clone()).map(|()| report)?;
        let status: Status = self.client.get("/v1/status").await?;
        Ok(Outcome::Live {
            report: Box::new(report),
            poisoned: poisoned(&status, &built),
            timing: timing.clone(),
            warnings: built.warnings(),
        })
    }

    /// The files that the engine is built from.
    pub(super) fn watched(&self) -> Result<Watched, Failure> {
        self.sources.watched(&self.source)
    }

    /// Ends the build that is under way, if there is one.
    pub(super) fn give_up_build(&self) {
        self.sources.builder().cancel();
    }

    /// Builds away from this thread, which listens for signals meanwhile.
    async fn build(&self, timing: &mut Timing) -> Result<Built, Failure> {
        let (sources, source) = (self.sources.clone(), self.source.clone());
        let start = Instant::now();
        let build = move || sources.build(&source, Profile::Dev);
        let built = tokio::task::spawn_blocking(build).await;
        let built = built.map_err(|error| {
            let reason = error.to_string();
            Box::new(DevError::BuildLost { reason })
        })??;
        timing.cargo_ms = ms(built.cargo_time);
        timing.build_rest_ms = (ms_since(start) - timing.cargo_ms).max(0.0);
        Ok(built)
    }

    /// Whether somebody else's node ran the engine where one would be started here.
    fn has_joined_another(&self) -> bool {
        self.joined && self.started.is_none() && self.recipe.may_start()
    }

    /// Lets go of a node that was started here and has ended, so that another one is started.
    fn look_after_node(&mut self) {
        let ended = self.started.as_mut().and_then(StartedNode::ended);
        if let Some(status) = ended {
            show::talk(format_args!(
                "the node that was started for this engine has ended ({status}), and its state is gone"
            ));
            self.started = None;
            self.joined = false;
        }
    }

    async fn start(
        &mut self,
        save: &Save,
        built: &Built,
        timing: &mut Timing,
    ) -> Result<Outcome, Failure> {
        let start = Instant::now();
        let examined = artifact::examine(&built.library)?;
        let kinds = examined.descriptor.kinds;
        let kind = kinds
            .first()
            .map(|kind| kind.kind.clone())
            .unwrap_or_default();
        timing.plan_ms = ms_since(start);
        let start = Instant::now();
        let node = self.recipe.start(&built.library, &kind).await?;
        timing.swap_ms = ms_since(start);
        timing.close(save.at);
        let outcome = Outcome::Started {
            engine: node.name.clone(),
            address: node.address.clone(),
            timing: timing.clone(),
        };
        self.node = Some(node.process());
        self.started = Some(node);
        self.joined = true;
        Ok(outcome)
    }

    /// How the node is when no upgrade is under way.
    async fn quiet_status(&self) -> Result<Status, Failure> {
        let deadline = Instant::now() + RETIRE_WAIT_MAX;
        loop {
            let status: Status = self.client.get("/v1/status").await?;
            if status.upgrade.is_none() {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                let wait_s = RETIRE_WAIT_MAX.as_secs();
                return Err(Box::new(DevError::Busy { wait_s }).into());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn plan(&mut self, status: &Status, built: &Built) -> Result<Plan, Failure> {
        let examined = artifact::examine(&built.library)?;
        let kinds = examined.descriptor.kinds.iter();
        let kinds: Vec<String> = kinds.map(|kind| kind.kind.clone()).collect();
        let is_live = |kind: &String| {
            let mut live = status.kinds.iter();
            live.any(|live| live.descriptor.kind == *kind)
        };
        if !self.joined && !kinds.iter().any(is_live) {
            let address = self.address.clone();
            return Err(Box::new(DevError::OtherNode { address, kinds }).into());
        }
        self.joined = true;
        let stranded = restarts::stranded(&examined.descriptor.kinds, status);
        let directives = Directives {
            restart: self.restarts.among(&examined.descriptor.kinds, status),
            // The author saves and sends: a change of words is meant.
            allow: BTreeSet::from([codes::WORDS_CHANGED.to_owned()]),
            ..Directives::default()
        };
        let candidate = OfferedModule {
            path: examined.path.display().to_string(),
            artifact: examined.id.to_string(),
            meant: None,
            outside: examined.inspection.outside_words(),
            descriptor: examined.descriptor,
        };
        let context = upgrade_plan::context(&self.client, status).await?;
        let wanted = upgrade_plan::Wanted {
            candidates: &[candidate],
            at_height: None,
            directives: &directives,
        };
        let plan = upgrade_plan::linted(&context, status, wanted);
        plan.map_err(|failure| self.explained(failure, &stranded))
    }

    /// What the author can do about a state that has no step from the live one.
    fn explained(&self, failure: Failure, stranded: &[&KindStatus]) -> Failure {
        let is_of_a_step = failure.code() == codes::PLAN_NO_MIGRATION;
        match stranded.first() {
            Some(live) if is_of_a_step => Box::new(DevError::NoStep {
                reason: failure.to_string(),
                folder: self.source.clone(),
                library: live.file.clone(),
                is_published: !published::is_unpublished(&self.source),
            })
            .into(),
            _ => failure,
        }
    }

    /// Makes what was brought by the save before permanent: no two are on probation. What others have brought stays so.
    async fn confirm(&self) {
        let id = self.brought.load(Ordering::Relaxed);
        if id > 0 {
            let path = format!("/v1/upgrades/{id}/confirm");
            // It is permanent already, as a rule.
            let _ = self.client.post(&path, &[], String::new()).await;
        }
    }

    /// Hands the plan over and waits for the end of its upgrade.
    async fn apply(&self, plan: &Plan) -> Result<UpgradeReport, Failure> {
        self.client.offer(plan).await?;
        let plan = serde_json::to_string(plan)
            .map_err(|error| Failure::output(std::io::Error::other(error)))?;
        self.confirm().await;
        let answer = self.client.post("/v1/upgrades", &[], plan).await?;
        let UpgradeAccepted { id, .. } = self.client.decode(&answer)?;
        let deadline = Instant::now() + END_WAIT_MAX;
        while Instant::now() < deadline {
            let report: UpgradeReport = self.client.get(&format!("/v1/upgrades/{id}")).await?;
            if report.state.is_final() {
                if report.state == UpgradeState::Committed {
                    self.brought.store(id, Ordering::Relaxed);
                }
                return Ok(report);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        let wait_s = END_WAIT_MAX.as_secs();
        Err(Box::new(DevError::Unfinished { wait_s }).into())
    }

    /// The generation that goes on, if a node answers.
    async fn generation(&self) -> Option<refit_abi::Generation> {
        let status: Result<Status, _> = self.client.get("/v1/status").await;
        status.ok().map(|status| status.generation)
    }
}

/// Whether no node answers.
fn is_unreachable(failure: &Failure) -> bool {
    failure.code() == codes::NODE_UNREACHABLE
}

/// Whether the node that answered does not any more.
fn is_gone(failure: &Failure) -> bool {
    is_unreachable(failure) || failure.code() == codes::NODE_BROKE_OFF
}

/// The first kind of this library with poisoned engines.
fn poisoned(status: &Status, built: &Built) -> Option<Poisoned> {
    let mut kinds = status.kinds.iter();
    let kind = kinds.find(|kind| kind.artifact == built.artifact && kind.poisoned > 0)?;
    Some(Poisoned {
        kind: kind.descriptor.kind.clone(),
        engines: kind.poisoned,
    })
}

/// Whether the node runs this very library.
fn runs(status: &Status, built: &Built) -> bool {
    let mut kinds = status.kinds.iter();
    kinds.any(|kind| kind.artifact == built.artifact)
}
