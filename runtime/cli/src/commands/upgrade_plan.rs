//! `refit upgrade plan KIND=PATH…`: what new code would do to the node, written down.
//!
//! The plan is made from what the node says is live and what the probe says of the new libraries;
//! applying it does exactly that, or is refused.

use super::input::InputError;
use super::{rehearse, upgrade_release};
use crate::args::{Brought, OrderArgs, PlanArgs};
use crate::artifact;
use crate::client::Client;
use crate::destination::{Content, Destination};
use crate::exit::Exit;
use crate::failure::{Failure, Reported};
use crate::progress::progress;
use crate::release::{Named, ReleaseFileError};
use crate::show;
use crate::show::upgrade::microseconds;
use crate::source::Sources;
use refit_abi::host::Explain;
use refit_abi::{Height, codes};
use refit_admin::api::{QuarantineEntry, QuarantineState, RehearsalReport, Status};
use refit_node::{Grants, ParameterChanges};
use refit_upgrade::{
    BusBudget, Directives, Finding, LintContext, Live, LiveKind, OfferedModule, Plan, PlanError,
    PlannedRelease, Strategy, lint, refusal,
};
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

/// A plan that cannot be made: the reason, shown as one of our own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PlanRefused(pub(crate) PlanError);

pub(crate) async fn run(client: &Client, sources: &Sources, args: PlanArgs) -> Result<(), Failure> {
    let destination = Destination::at(&args.out, Content::Plan)?;
    // A plan that fails must not leave an older one where the next command looks for it.
    destination.set_aside()?;
    let Made {
        plan,
        text,
        refused,
    } = make(client, sources, &args).await?;
    destination.write_json(&plan)?;
    if destination.is_stdout() {
        show::talk(text);
        refused.iter().for_each(show::talk);
        return Ok(());
    }
    match args.output.json {
        true => show::json(&plan)?,
        false => show::data(&text)?,
    }
    refused.iter().for_each(show::talk);
    show::talk(format_args!("the plan is in {}", args.out.display()));
    if args.no_rehearsal {
        show::talk("apply rehearses it all the same, unless it is told --no-rehearsal too");
    }
    // What a rehearsal would refuse was planned without one, and is refused again by an apply with one.
    let without = if args.no_rehearsal {
        " --no-rehearsal"
    } else {
        ""
    };
    show::next(format_args!(
        "refit upgrade apply {}{without}",
        args.out.display()
    ));
    Ok(())
}

/// A plan, and what there is to say of it.
pub(super) struct Made {
    pub(super) plan: Plan,
    pub(super) text: String,
    /// Why the node would not begin it as it is now, and what to do first.
    pub(super) refused: Option<String>,
}

/// Makes the plan that `args` ask for.
pub(super) async fn make(
    client: &Client,
    sources: &Sources,
    args: &PlanArgs,
) -> Result<Made, Failure> {
    let mut directives = directives(&args.orders)?;
    let Coming {
        candidates,
        release,
    } = coming(client, sources, &args.brought, &mut directives).await?;
    // What is typed goes over what the release asks for: the node refuses where it must not.
    if let Some(strategy) = args.strategy {
        directives.strategy = strategy.into();
    }
    let status: Status = client.get("/v1/status").await?;
    let wanted = Wanted {
        candidates: &candidates,
        at_height: at_height(args, &status),
        directives: &directives,
    };
    let context = context(client, &status).await?;
    let falls_back = args.strategy.is_none() && status.node.max_downtime_ms.unwrap_or(0) > 0;
    let mut plan = match linted(&context, &status, wanted) {
        Err(failure) if falls_back && failure.code() == codes::PLAN_NEEDS_OFFLINE => {
            show::talk(format_args!(
                "it does not go while the node serves, and max_downtime allows that it stops: planned as offline"
            ));
            let directives = &Directives {
                strategy: Strategy::Offline,
                ..directives.clone()
            };
            linted(
                &context,
                &status,
                Wanted {
                    directives,
                    ..wanted
                },
            )?
        }
        planned => planned?,
    };
    plan.release = release;
    let is_offline = plan.directives.strategy == Strategy::Offline;
    // What a pause may be is said of a node that serves.
    let max_pause = match is_offline {
        true => Some(Duration::MAX),
        false => args.max_pause,
    };
    let rehearsal = match args.no_rehearsal {
        // Whoever applies it need not have the files.
        true => client.offer(&plan).await.map(|()| None)?,
        false => rehearse::run(client, &plan, max_pause).await?,
    };
    plan.predicted_pause_us = rehearsal.as_ref().and_then(|report| report.predicted_us);
    let found = rehearsal.as_ref();
    let found = found.map(|report| rehearse::findings(report, &plan));
    plan.findings.extend(found.unwrap_or_default());
    let predicted = rehearsal.as_ref().map(rehearse::text).unwrap_or_default();
    let downtime = downtime(&plan, rehearsal.as_ref());
    let text = show::plan::text(&plan, &status) + &predicted + &downtime;
    let refused = refused_now(&plan, &status);
    Ok(Made {
        plan,
        text,
        refused,
    })
}

/// What is to come in.
struct Coming {
    candidates: Vec<OfferedModule>,
    release: Option<PlannedRelease>,
}

/// The libraries that are named, or those of the release that is.
async fn coming(
    client: &Client,
    sources: &Sources,
    brought: &[Brought],
    directives: &mut Directives,
) -> Result<Coming, Failure> {
    let releases = brought.iter().filter_map(|brought| match brought {
        Brought::Release(text) => Some(text),
        Brought::Code(_) => None,
    });
    match (releases.collect::<Vec<_>>().as_slice(), brought.len()) {
        ([], _) => {
            let named = brought.iter().filter_map(|brought| match brought {
                Brought::Code(named) => Some(candidate(sources, &named.name, &named.path)),
                Brought::Release(_) => None,
            });
            Ok(Coming {
                candidates: named.collect::<Result<_, _>>()?,
                release: None,
            })
        }
        ([release], 1) => {
            let offered = upgrade_release::offered(client, &Named::of(release)?).await?;
            upgrade_release::order(&offered, directives);
            let release = upgrade_release::planned(&offered);
            Ok(Coming {
                candidates: upgrade_release::candidates(offered),
                release: Some(release),
            })
        }
        _ => Err(ReleaseFileError::Beside.into()),
    }
}

/// Why the node would refuse to begin this plan at once.
fn refused_now(plan: &Plan, status: &Status) -> Option<String> {
    if plan.directives.strategy == Strategy::Offline {
        let why = match (status.node.max_downtime_ms, status.node.outlives) {
            (Some(0), _) => "max_downtime = 0 says that it does not stop for an upgrade",
            (_, false) => "it keeps its blocks in memory, and would not go on behind its last one",
            (_, true) => return refused_meanwhile(status),
        };
        return Some(format!(
            "the node refuses this plan: {why}; upgrade a snapshot with `refit snapshot migrate`"
        ));
    }
    refused_meanwhile(status)
}

/// The same, of what passes.
fn refused_meanwhile(status: &Status) -> Option<String> {
    let on = status.probation.as_ref()?;
    Some(format!(
        "the node refuses this plan until block {}, while generation {} can be taken back: refit upgrade confirm, or \
         refit upgrade rollback",
        on.until, on.generation
    ))
}

/// For how long the node is expected not to serve.
fn downtime(plan: &Plan, rehearsal: Option<&RehearsalReport>) -> String {
    match (plan.directives.strategy, rehearsal) {
        (Strategy::Hot, _) => "expected downtime: none, the node serves\n".to_owned(),
        (Strategy::Offline, Some(report)) => format!(
            "expected downtime: {} for the transitions, as rehearsed, and the node's start\n",
            microseconds(report.took_us)
        ),
        (Strategy::Offline, None) => {
            "expected downtime: the transitions, which are not rehearsed, and the node's start\n"
                .to_owned()
        }
    }
}

/// What a plan is to bring, when and how.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) candidates: &'a [OfferedModule],
    pub(crate) at_height: Option<Height>,
    pub(crate) directives: &'a Directives,
}

/// A plan that the linter lets pass.
pub(crate) fn linted(
    context: &LintContext,
    status: &Status,
    wanted: Wanted<'_>,
) -> Result<Plan, Failure> {
    let Wanted {
        candidates,
        at_height,
        directives,
    } = wanted;
    let live = live(status);
    let mut plan =
        Plan::make_with(&live, candidates, at_height, directives).map_err(PlanRefused)?;
    plan.findings = lint(&plan, &live, candidates, context);
    match refusal(&plan, &plan.findings) {
        Some(found) => Err(LintRefused(found).into()),
        None => Ok(plan),
    }
}

/// What a plan orders beside the code that it brings.
pub(super) fn directives(args: &OrderArgs) -> Result<Directives, InputError> {
    let set = |names: &[String]| names.iter().cloned().collect();
    let mut budget = BusBudget::default();
    args.budget.iter().for_each(|each| each.apply(&mut budget));
    let values = args.set.iter();
    let values = values.map(|setting| (setting.name.clone(), setting.value));
    Ok(Directives {
        restart: set(&args.restart),
        dead_letters: set(&args.dead_letters),
        expected: set(&args.expect_differences),
        allow: set(&args.allow),
        budget,
        parameters: ParameterChanges {
            set: super::parameters::once(values)?,
            ..ParameterChanges::default()
        },
        ..Directives::default()
    })
}

/// What the linter knows of the node.
pub(crate) async fn context(client: &Client, status: &Status) -> Result<LintContext, Failure> {
    let entries: Vec<QuarantineEntry> = match status.quarantined {
        0 => Vec::new(),
        _ => client.get("/v1/quarantine").await?,
    };
    let refused = entries
        .into_iter()
        .filter(|entry| entry.state == QuarantineState::Quarantined);
    let quarantined = refused.flat_map(|entry| {
        let reason = entry.reason;
        let artifacts = entry.artifacts.into_iter();
        artifacts.map(move |artifact| (artifact, reason.clone()))
    });
    let poisoned = status
        .kinds
        .iter()
        .map(|kind| (kind.descriptor.kind.clone(), kind.poisoned));
    Ok(LintContext {
        grants: Grants {
            listed: status.grants.clone(),
        },
        poisoned: poisoned.collect(),
        quarantined: quarantined.collect(),
        refuses_new_capabilities: status.node.refuses_new_capabilities,
        progress: Some(progress(status)),
    })
}

/// The height that the plan asks for, in blocks or by the time in which it is expected.
fn at_height(args: &PlanArgs, status: &Status) -> Option<Height> {
    let expected = |time: Duration| {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        progress(status).height_in(us)
    };
    args.at_height.map(Height).or(args.in_time.map(expected))
}

/// What the node says is live, as a plan needs it.
pub(crate) fn live(status: &Status) -> Live {
    let kind = |kind: &refit_admin::api::KindStatus| LiveKind {
        descriptor: kind.descriptor.clone(),
        artifact: kind.artifact.clone(),
    };
    Live {
        generation: status.generation,
        kinds: status.kinds.iter().map(kind).collect(),
    }
}

fn candidate(sources: &Sources, kind: &str, path: &Path) -> Result<OfferedModule, Failure> {
    library(kind, &sources.library(path)?)
}

/// The library at `path` as a candidate to replace `kind`.
pub(crate) fn library(kind: &str, path: &Path) -> Result<OfferedModule, Failure> {
    let examined = artifact::examine(path)?;
    Ok(OfferedModule {
        path: examined.path.display().to_string(),
        artifact: examined.id.to_string(),
        meant: Some(kind.to_owned()),
        outside: examined.inspection.outside_words(),
        descriptor: examined.descriptor,
    })
}

/// A plan that the linter refuses.
#[derive(Debug, thiserror::Error)]
#[error("{}", _0.reason)]
pub(crate) struct LintRefused(pub(crate) Finding);

impl Explain for LintRefused {
    fn code(&self) -> &str {
        &self.0.code
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0.next)
    }
}

impl Reported for LintRefused {
    /// Also where the same code is said of something else.
    fn exit(&self) -> Exit {
        Exit::PlanRefused
    }
}

impl Explain for PlanRefused {
    fn code(&self) -> &str {
        self.0.code()
    }

    fn next(&self) -> Cow<'_, str> {
        self.0.next()
    }
}

impl Reported for PlanRefused {}
