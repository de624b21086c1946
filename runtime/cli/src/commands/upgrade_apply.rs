//! `refit upgrade apply PLAN`: hands the plan over, and follows the upgrade to its end.

use super::upgrade_end::{self, UpgradeEnd};
use crate::args::ApplyArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::files::{FileError, read_text};
use crate::show;
use refit_admin::api::{UpgradeAccepted, UpgradeReport, UpgradeState};
use refit_admin::{
    HEADER_KEY, HEADER_MAX_PAUSE, HEADER_REHEARSAL, HEADER_REHEARSAL_WAIT, PLAN_BYTES_MAX,
};
use serde::de::IgnoredAny;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Time between two looks at the upgrade.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Longest wait, after an upgrade has ended, for the time without a block around it: a busy node changes its crews
/// within a second.
const WHOLE_WAIT_MAX: Duration = Duration::from_secs(3);

/// Longest wait for a node that does not answer any more: it may be restarting.
const RESTART_WAIT_MAX: Duration = Duration::from_secs(10);

pub(super) async fn run(client: &Client, args: ApplyArgs) -> Result<(), Failure> {
    let plan = read_plan(&args.plan)?;
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
    let report = follow(client, id, Duration::from_secs(args.wait_s.into())).await?;
    print(&report, args.output.json)?;
    upgrade_end::check(report)?;
    show::next("refit status");
    Ok(())
}

/// The text of the plan. What is no JSON at all is another file than was meant; the rest the node looks at.
fn read_plan(path: &Path) -> Result<String, FileError> {
    let text = read_text(path, PLAN_BYTES_MAX as u64)?;
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(FileError::NoPlan {
            path: path.to_owned(),
        }),
    }
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

/// Whether the report of an upgrade that has ended says for how long no block ran, if that was so.
fn is_whole(report: &UpgradeReport) -> bool {
    report.state == UpgradeState::Refused || report.without_block.is_some()
}

/// Waits for the end of upgrade `id`, for at most `wait`.
async fn follow(client: &Client, id: u64, wait: Duration) -> Result<UpgradeReport, Failure> {
    let deadline = Instant::now() + wait;
    let mut said: Option<UpgradeState> = None;
    let mut ended = None;
    loop {
        let looked = client.get(&format!("/v1/upgrades/{id}")).await;
        let report: UpgradeReport = match looked {
            Ok(report) => report,
            Err(failure) => match is_known(client, id).await {
                Some(true) => continue,
                Some(false) => return Err(Box::new(UpgradeEnd::Restarted { id }).into()),
                None => return Err(failure),
            },
        };
        if report.state.is_final() {
            let now = Instant::now();
            let since = *ended.get_or_insert(now);
            if is_whole(&report) || now.duration_since(since) >= WHOLE_WAIT_MAX {
                return Ok(report);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
            continue;
        }
        if said.replace(report.state) != Some(report.state) {
            show::talk(format_args!("upgrade {id} is {}", report.state));
        }
        if Instant::now() >= deadline {
            return Err(Box::new(UpgradeEnd::Unfinished {
                report,
                wait_s: wait.as_secs(),
            })
            .into());
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Whether the node knows upgrade `id`, once it answers again; `None` if it does not in time.
async fn is_known(client: &Client, id: u64) -> Option<bool> {
    let deadline = Instant::now() + RESTART_WAIT_MAX;
    loop {
        if let Ok(reports) = client.get::<Vec<UpgradeReport>>("/v1/upgrades").await {
            return Some(reports.iter().any(|report| report.id == id));
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
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
}
