//! `refit upgrade apply PLAN`: hands the plan over, and follows the upgrade to its end.

use super::upgrade_follow::Following;
use super::upgrade_plan::Made;
use super::{upgrade_before, upgrade_end, upgrade_plan, upgrade_served};
use crate::args::{ApplyArgs, Brought, BuildingArgs, OrderArgs, OutputArgs, PlanArgs};
use crate::client::Client;
use crate::failure::Failure;
use crate::files::{FileError, read_bounded, read_text};
use crate::release::Named;
use crate::show;
use crate::source::Sources;
use refit_admin::api::{Status, UpgradeAccepted, UpgradeReport, UpgradeState};
use refit_admin::{
    HEADER_KEY, HEADER_MAX_PAUSE, HEADER_REHEARSAL, HEADER_REHEARSAL_WAIT, PLAN_BYTES_MAX,
};
use refit_upgrade::{Plan, Strategy};
use serde::de::IgnoredAny;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) async fn run(
    client: &Client,
    sources: &Sources,
    args: ApplyArgs,
) -> Result<(), Failure> {
    let plan = match args
        .plan
        .to_str()
        .filter(|text| Named::find(text).is_some())
    {
        Some(release) => planned(client, sources, &args, release).await?,
        None => {
            let plan = read_plan(&args.plan)?;
            match args.strategy {
                Some(strategy) => with_strategy(&plan, strategy.into(), &args.plan)?,
                None => plan,
            }
        }
    };
    if upgrade_before::wants(args.snapshot_before, &plan) {
        upgrade_before::take(client, args.snapshot_out.as_deref()).await?;
    }
    let stops = upgrade_served::stops(&plan);
    client.offer_text(&plan).await?;
    let answer = client.post("/v1/upgrades", &wishes(&args), plan).await?;
    let UpgradeAccepted { id, repeated } = client.decode(&answer)?;
    let before = if repeated { " before" } else { "" };
    show::talk(format_args!(
        "the node has taken the plan on{before} as upgrade {id}"
    ));
    if args.no_wait && !args.wait {
        let report: UpgradeReport = client.get(&format!("/v1/upgrades/{id}")).await?;
        print(&report, args.output.json)?;
        show::next(format_args!("refit upgrade status {id}"));
        return Ok(());
    }
    let following = Following {
        client,
        id,
        wait_max: args.wait_max(),
        shows_phases: true,
    };
    let mut report = following.to_end().await?;
    if stops && report.state != UpgradeState::Refused {
        report = upgrade_served::again(client, report).await;
    }
    print(&report, args.output.json)?;
    let lasting = lasting(&report);
    upgrade_end::check(report)?;
    // The upgrade is committed, whether or not the node still says how it keeps it.
    if let Ok(status) = client.get::<Status>("/v1/status").await {
        show::talk(match status.node.outlives {
            true => KEPT.to_owned(),
            false => lasting,
        });
    }
    show::next("refit status");
    Ok(())
}

/// The plan of a release. The node rehearses it when it takes it on, unless it is told not to.
async fn planned(
    client: &Client,
    sources: &Sources,
    args: &ApplyArgs,
    release: &str,
) -> Result<String, Failure> {
    let wanted = PlanArgs {
        brought: vec![Brought::Release(release.to_owned())],
        at_height: None,
        in_time: None,
        orders: OrderArgs::default(),
        strategy: args.strategy,
        out: PathBuf::from(STDIN),
        max_pause: args.max_pause,
        no_rehearsal: true,
        building: BuildingArgs::default(),
        output: OutputArgs {
            json: args.output.json,
        },
    };
    let Made { plan, text, .. } = upgrade_plan::make(client, sources, &wanted).await?;
    show::talk(text);
    let no_plan = |_| FileError::NoPlan {
        path: args.plan.clone(),
    };
    Ok(serde_json::to_string(&plan).map_err(no_plan)?)
}

/// The same plan, which is done so.
fn with_strategy(text: &str, strategy: Strategy, path: &Path) -> Result<String, FileError> {
    let no_plan = |_| FileError::NoPlan {
        path: path.to_owned(),
    };
    let mut plan: Plan = serde_json::from_str(text).map_err(no_plan)?;
    plan.directives.strategy = strategy;
    serde_json::to_string(&plan).map_err(no_plan)
}

/// What becomes of an upgrade at the next start of a node that keeps its blocks and states.
const KEPT: &str = "the next start goes on with it, whatever code the configuration began with";

/// What has to be done so that an upgrade that was committed is still there after a restart of a node that keeps nothing.
fn lasting(report: &UpgradeReport) -> String {
    let files = report.engines.iter().filter(|kind| !kind.file.is_empty());
    let files: Vec<_> = files
        .map(|kind| format!("{} from {}", kind.kind, kind.file))
        .collect();
    match files.is_empty() {
        true => "it lasts until the node ends: have the next start name the new code".to_owned(),
        false => format!(
            "it lasts until the node ends: have the next start (refit.toml, --engine) take {}",
            files.join(", ")
        ),
    }
}

/// How a user names stdin.
const STDIN: &str = "-";

/// The text of the plan. What is no JSON at all is another file than was meant; the rest the node looks at.
pub(super) fn read_plan(path: &Path) -> Result<String, FileError> {
    let (path, text) = match path == Path::new(STDIN) {
        true => (Path::new("stdin"), read_stdin()?),
        false => (path, read_file(path)?),
    };
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(FileError::NoPlan {
            path: path.to_owned(),
        }),
    }
}

/// The text of a file that is to be a plan.
fn read_file(path: &Path) -> Result<String, FileError> {
    let path = path.to_owned();
    read_text(&path, PLAN_BYTES_MAX as u64).map_err(|error| match error {
        // Signed records, snapshots and libraries are no text.
        FileError::Unreadable { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
            FileError::NoPlan { path }
        }
        FileError::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            match path.to_str().filter(|named| named.contains('=')) {
                Some(named) => FileError::PlanToMake {
                    named: named.to_owned(),
                },
                None => FileError::Unreadable { path, source },
            }
        }
        error => error,
    })
}

fn read_stdin() -> Result<String, FileError> {
    let (path, bytes_max) = (|| PathBuf::from("stdin"), PLAN_BYTES_MAX as u64);
    read_bounded(io::stdin().lock(), bytes_max)
        .map_err(|source| FileError::Unreadable {
            path: path(),
            source,
        })?
        .ok_or_else(|| FileError::TooLarge {
            path: path(),
            bytes_max,
        })
}

/// The key of the plan and what is wanted beside it, as headers.
fn wishes(args: &ApplyArgs) -> Vec<(&'static str, String)> {
    let micros = |time: Duration| time.as_micros().to_string();
    let off = args.no_rehearsal.then(|| "off".to_owned());
    let key = args.key.as_ref().map(ToString::to_string);
    let wishes = [
        (HEADER_KEY, key),
        (HEADER_MAX_PAUSE, args.max_pause.map(micros)),
        (HEADER_REHEARSAL, off),
        (HEADER_REHEARSAL_WAIT, args.rehearsal_wait.map(micros)),
    ];
    let wishes = wishes.into_iter();
    wishes
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn print(report: &UpgradeReport, json: bool) -> Result<(), Failure> {
    if json {
        show::json(report)
    } else {
        show::data(&show::upgrade::text(report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use refit_abi::host::Explain;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ApplyArgs,
    }

    #[test]
    fn a_file_that_is_no_plan_is_told_before_a_node_is_asked() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let error = read_plan(path).unwrap_err();
        assert!(matches!(error, FileError::NoPlan { .. }), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let signed = folder.path().join("acme.keyset");
        std::fs::write(&signed, b"refit/1\n\x01\xff\xfe").unwrap();
        let error = read_plan(&signed).unwrap_err();
        assert!(matches!(error, FileError::NoPlan { .. }), "{error}");
    }

    #[test]
    fn a_library_in_the_place_of_a_plan_is_told_to_be_planned_first() {
        let error = read_plan(Path::new("kv=kv3.so")).unwrap_err();
        assert!(error.next().ends_with("refit upgrade plan kv=kv3.so"));
        let error = read_plan(Path::new("none.json")).unwrap_err();
        assert!(matches!(error, FileError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn what_is_typed_beside_the_plan_goes_into_headers() {
        let typed = |words: &[&str]| {
            let words = [&["apply", "plan.json"], words].concat();
            wishes(&Typed::parse_from(words).args)
        };
        assert_eq!(typed(&[]), []);
        assert_eq!(typed(&["--key", "op/7"]), [(HEADER_KEY, "op/7".to_owned())]);
        assert_eq!(
            typed(&["--no-rehearsal"]),
            [(HEADER_REHEARSAL, "off".to_owned())]
        );
        assert_eq!(
            typed(&["--rehearsal-wait", "2min", "--max-pause", "5ms"]),
            [
                (HEADER_MAX_PAUSE, "5000".to_owned()),
                (HEADER_REHEARSAL_WAIT, "120000000".to_owned())
            ]
        );
    }

    #[test]
    fn a_script_that_waits_in_seconds_is_understood_and_the_newer_name_wants_a_unit() {
        let wait = |words: &[&str]| {
            let words = [&["apply", "plan.json"], words].concat();
            let typed = Typed::try_parse_from(words).ok()?;
            Some(typed.args.wait_max().as_secs())
        };
        assert_eq!(wait(&["--wait-s", "20"]), Some(20));
        assert_eq!(wait(&["--wait-max", "2min"]), Some(120));
        assert_eq!(wait(&[]), Some(300));
        let both = ["--wait-s", "20", "--wait-max", "30s"];
        assert_eq!(wait(&both), Some(30), "the last one counts");
        for wrong in [["--wait-max", "20"], ["--wait-s", "20s"]] {
            assert_eq!(wait(&wrong), None, "{wrong:?}");
        }
    }
}
