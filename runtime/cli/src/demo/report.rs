//! The demo's report: the story for people, one document for programs.

use super::DemoError;
use super::books::Closed;
use super::client::Row;
use super::faults::Faults;
use super::latency::Latency;
use super::load::Window;
use super::spawned::Spawned;
use super::tally::Tally;
use super::timeline::Timeline;
use crate::show::table::table;
use crate::show::upgrade::microseconds;
use refit_admin::api::{Phase, PhaseTime, Reason, Status, UpgradeReport, UpgradeState};
use serde::Serialize;
use std::collections::BTreeSet;

/// Everything that was seen.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    pub(crate) tally: Tally,
    pub(crate) control: Window,
    pub(crate) upgraded: Window,
    pub(crate) upgrades: Vec<UpgradeReport>,
    pub(crate) before: Status,
    pub(crate) after: Status,
    /// The modules that the system lists for the node at the end.
    pub(crate) mapped: Vec<String>,
    /// The service of the engines that were started while an upgrade ran.
    pub(crate) spawned: Spawned,
    /// The money before and after.
    pub(crate) books: Closed,
    /// The second part.
    pub(crate) faults: Faults,
}

/// The ends that the demo must show, one for each upgrade.
const EXPECTED: [UpgradeState; 4] = [
    UpgradeState::Aborted,
    UpgradeState::Committed,
    UpgradeState::Aborted,
    UpgradeState::Committed,
];

/// Which of them is measured beside the window without an upgrade, from 0.
const MEASURED: usize = 1;

/// The document of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    upgrades: Vec<Upgrade>,
    clients: Clients,
    lost: u64,
    duplicated: u64,
    reordered: u64,
    mixed_generation: u64,
    mapped_libraries: Mapped,
    latency: Latencies,
    spawned: Spawned,
    books: Closed,
    faults: Faults,
}

#[derive(Debug, Serialize)]
struct Upgrade {
    from: u64,
    to: u64,
    class: String,
    outcome: String,
    /// The release that it brought, and the level that the node has built that at; absent where libraries came.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    built: Option<String>,
    reason: Option<Reason>,
    stage_us: u64,
    wait_us: u64,
    pause_us: u64,
    phases: Vec<PhaseTime>,
}

#[derive(Debug, Serialize)]
struct Clients {
    sent: u64,
    answered: u64,
    retried: u64,
    errors: u64,
}

#[derive(Debug, Serialize)]
struct Mapped {
    before: u64,
    after: u64,
    pinned: u64,
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Latencies {
    control: Latency,
    upgrade: Latency,
}

impl Report {
    pub(crate) fn document(&self) -> Document {
        let Tally {
            sent,
            answered,
            retried,
            errors,
            ..
        } = self.tally;
        Document {
            upgrades: self.upgrades.iter().map(upgrade).collect(),
            clients: Clients {
                sent,
                answered,
                retried,
                errors,
            },
            lost: self.tally.lost,
            duplicated: self.tally.duplicated,
            reordered: self.tally.reordered,
            mixed_generation: self.tally.mixed_generation,
            mapped_libraries: Mapped {
                before: self.before.libraries.mapped,
                after: self.after.libraries.mapped,
                pinned: self.after.libraries.pinned,
                names: self.mapped.clone(),
            },
            latency: Latencies {
                control: Latency::of(&self.rows, self.control),
                upgrade: Latency::of(&self.rows, self.upgraded),
            },
            spawned: self.spawned.clone(),
            books: self.books,
            faults: self.faults.clone(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let tally = &self.tally;
        format!(
            "\nupgrades under load\n{}{}\nphases\n{}\nclients, from the time each request was meant to be sent\n{}\n{}\n\
             requests: {} sent, {} answered, {} retried, {} errors\n\
             messages: {} lost, {} duplicated, {} reordered, {} by a mixed generation\n\
             libraries mapped: {} before, {} after, {} pinned\n  {}\n{}{}{}",
            self.upgrade_rows(),
            self.came(),
            self.phase_rows(),
            self.latency_rows(),
            self.timeline(),
            tally.sent,
            tally.answered,
            tally.retried,
            tally.errors,
            tally.lost,
            tally.duplicated,
            tally.reordered,
            tally.mixed_generation,
            self.before.libraries.mapped,
            self.after.libraries.mapped,
            self.after.libraries.pinned,
            self.mapped.join(", "),
            self.spawned.text(),
            self.books.text(),
            self.faults.text(),
        )
    }

    /// Whether what was promised was seen.
    pub(crate) fn check(&self) -> Result<(), DemoError> {
        let tally = &self.tally;
        let counts = [
            ("messages lost", tally.lost),
            ("messages duplicated", tally.duplicated),
            ("messages reordered", tally.reordered),
            ("heights with a mixed generation", tally.mixed_generation),
            ("requests without an answer", tally.errors),
            ("libraries pinned", self.after.libraries.pinned),
        ];
        let mut broken: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        broken.extend(self.spawned.broken());
        broken.extend(self.books.broken());
        broken.extend(self.faults.broken());
        let states: Vec<_> = self.upgrades.iter().map(|upgrade| upgrade.state).collect();
        if states != EXPECTED {
            broken.push(format!("the upgrades ended as {states:?}"));
        }
        if self.before.libraries.mapped != self.after.libraries.mapped {
            broken.push("the old code is still mapped".to_owned());
        }
        if broken.is_empty() {
            Ok(())
        } else {
            Err(DemoError::Promise { broken })
        }
    }

    fn upgrade_rows(&self) -> String {
        let row = |(number, upgrade): (usize, &UpgradeReport)| {
            let retired = if upgrade.retired {
                "unmapped"
            } else {
                "pinned"
            };
            [
                (number + 1).to_string(),
                format!("{} → {}", upgrade.from, upgrade.to),
                upgrade.class.to_string(),
                // The reason was printed when it ended.
                upgrade.state.to_string(),
                microseconds(upgrade.stage_us),
                microseconds(upgrade.wait_us),
                microseconds(upgrade.pause_us),
                retired.to_owned(),
            ]
        };
        let rows: Vec<_> = self.upgrades.iter().enumerate().map(row).collect();
        let head = [
            "",
            "GENERATION",
            "CLASS",
            "OUTCOME",
            "STAGED",
            "WAITED",
            "PAUSE",
            "UNUSED",
        ];
        table(head, &rows)
    }

    /// How their code came to the node.
    fn came(&self) -> String {
        let built = self.upgrades.iter().filter_map(|it| it.built.as_deref());
        match built.clone().min() {
            None => "each came as libraries, which the command named\n".to_owned(),
            Some(level) => format!(
                "{} of {} came as signed releases, which the node built from source at {level}\n",
                built.count(),
                self.upgrades.len()
            ),
        }
    }

    /// A row for each phase that an upgrade came to, a column for each upgrade.
    fn phase_rows(&self) -> String {
        let all = self.upgrades.iter().flat_map(|upgrade| &upgrade.phases);
        let phases: BTreeSet<_> = all.map(|time| time.phase).collect();
        let row = |phase: Phase| {
            let time = |upgrade: &UpgradeReport| {
                let time = upgrade.phases.iter().find(|time| time.phase == phase);
                time.map_or_else(|| "-".to_owned(), |time| microseconds(time.us))
            };
            let mut times = self.upgrades.iter().map(time);
            let mut next = || times.next().unwrap_or_default();
            [phase.to_string(), next(), next(), next(), next()]
        };
        let rows: Vec<_> = phases.into_iter().map(row).collect();
        let head = ["PHASE", "UPGRADE 1", "UPGRADE 2", "UPGRADE 3", "UPGRADE 4"];
        table(head, &rows)
    }

    /// The upgrade that commits with new states, beside its clients.
    fn timeline(&self) -> String {
        let Some(upgrade) = self.upgrades.get(MEASURED) else {
            return String::new();
        };
        let picture = Timeline {
            rows: &self.rows,
            control: self.control,
            upgraded: self.upgraded,
            generation: upgrade.to.0,
            pause_us: upgrade.pause_us,
        };
        picture.text()
    }

    fn latency_rows(&self) -> String {
        let row = |name: &str, window| {
            let latency = Latency::of(&self.rows, window);
            [
                name.to_owned(),
                latency.requests.to_string(),
                microseconds(latency.p50_us),
                microseconds(latency.p99_us),
                microseconds(latency.p999_us),
                microseconds(latency.max_us),
            ]
        };
        let rows = [
            row("control", self.control),
            row("upgrade 2", self.upgraded),
        ];
        table(["WINDOW", "REQUESTS", "P50", "P99", "P99.9", "MAX"], &rows)
    }
}

fn upgrade(report: &UpgradeReport) -> Upgrade {
    Upgrade {
        from: report.from.0,
        to: report.to.0,
        class: report.class.to_string(),
        outcome: report.state.to_string(),
        release: report.release.as_ref().map(|release| release.id.clone()),
        built: report.built.clone(),
        reason: report.reason.clone(),
        stage_us: report.stage_us,
        wait_us: report.wait_us,
        pause_us: report.pause_us,
        phases: report.phases.clone(),
    }
}
