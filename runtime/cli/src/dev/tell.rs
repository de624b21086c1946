//! [`Teller`]: one line for each save, for people or for programs.

use super::timing::Timing;
use super::watch::Save;
use crate::client::NodeAddress;
use crate::failure::Failure;
use crate::show;
use crate::show::upgrade::microseconds;
use refit_abi::Generation;
use refit_abi::host::Explain;
use refit_admin::api::{Class, UpgradeReport};
use serde::Serialize;
use std::path::PathBuf;

/// Most files that a line names.
const FILES_NAMED_MAX: usize = 3;

/// Engines that take no messages, though their code is live.
#[derive(Debug)]
pub(super) struct Poisoned {
    pub(super) kind: String,
    pub(super) engines: u64,
}

/// The outcome of a save.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is live.
    Live {
        report: Box<UpgradeReport>,
        poisoned: Option<Poisoned>,
        timing: Timing,
        warnings: String,
    },
    /// It is live in a node that was started for it.
    Started {
        engine: String,
        address: NodeAddress,
        timing: Timing,
    },
    /// It gives the code that is live.
    Unchanged {
        generation: Generation,
        poisoned: Option<Poisoned>,
    },
    /// It is not live, and the node, if there is one, is as it was.
    Refused {
        failure: Box<Failure>,
        generation: Option<Generation>,
    },
}

impl Outcome {
    /// Why it was refused.
    pub(super) fn refusal(&self) -> Option<&Failure> {
        match self {
            Self::Refused { failure, .. } => Some(failure),
            _ => None,
        }
    }

    pub(super) fn into_refusal(self) -> Option<Failure> {
        match self {
            Self::Refused { failure, .. } => Some(*failure),
            _ => None,
        }
    }
}

/// The stable shape of a line of `--json`.
#[derive(Debug, Default, Serialize)]
#[serde(default)]
struct Line<'a> {
    /// `live`, `started`, `unchanged` or `refused`.
    outcome: &'static str,
    /// The files, from the package's folder; none at the start.
    saved: Vec<String>,
    /// The generation that is live now.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timing: Option<&'a Timing>,
    /// Engines that take no messages, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    poisoned: Option<u64>,
    /// The engine, of a node that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<&'a str>,
    /// The address, of a node that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Tells of each save.
#[derive(Debug)]
pub(super) struct Teller {
    source: PathBuf,
    json: bool,
    verbose: bool,
}

impl Teller {
    pub(super) fn new(source: PathBuf, json: bool, verbose: bool) -> Self {
        Self {
            source,
            json,
            verbose,
        }
    }

    /// Tells what became of `save`.
    pub(super) fn tell(&self, save: &Save, outcome: Outcome) -> Result<(), Failure> {
        if self.json {
            return show::json_line(&line(save, &outcome));
        }
        let told = format!("{} → {}", self.what(save), text(&outcome));
        show::data(&format!("{}\n", show::safe::line(&told)))?;
        match outcome {
            Outcome::Live {
                timing, warnings, ..
            } if self.verbose => {
                show::talk(split(&timing));
                if !warnings.is_empty() {
                    show::talk(warnings);
                }
            }
            Outcome::Started { timing, .. } if self.verbose => show::talk(split(&timing)),
            Outcome::Refused { failure, .. } => show::report::failure(*failure, false),
            _ => {}
        }
        Ok(())
    }

    /// The saved files, in few words.
    fn what(&self, save: &Save) -> String {
        if save.is_first() {
            return self.source.display().to_string();
        }
        let files = save.files.iter().map(|file| file.display().to_string());
        let named: Vec<_> = files.take(FILES_NAMED_MAX).collect();
        let others = save.files.len() - named.len();
        match others {
            0 => format!("saved {}", named.join(", ")),
            _ => format!("saved {} and {others} more", named.join(", ")),
        }
    }
}

fn text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Live {
            report,
            timing,
            poisoned,
            ..
        } => format!(
            "live as generation {}: build {}, swap {}, pause {}, {}{}",
            report.to,
            whole(timing.cargo_ms + timing.build_rest_ms),
            whole(timing.plan_ms + timing.swap_ms),
            microseconds(report.pause_us),
            report.class,
            told(poisoned.as_ref()),
        ),
        Outcome::Started {
            engine,
            address,
            timing,
        } => format!(
            "live as `{engine}` in a node that was started for it at {address}: build {}, start {}",
            whole(timing.cargo_ms + timing.build_rest_ms),
            whole(timing.plan_ms + timing.swap_ms),
        ),
        Outcome::Unchanged {
            generation,
            poisoned,
        } => {
            let poisoned = told(poisoned.as_ref());
            format!("nothing changed, generation {generation} goes on{poisoned}")
        }
        Outcome::Refused {
            failure,
            generation,
        } => {
            let code = failure.code();
            match generation {
                Some(generation) => format!("refused ({code}), generation {generation} goes on"),
                None => format!("refused ({code}), no node runs"),
            }
        }
    }
}

/// The line about poisoned engines, with the way out.
fn told(poisoned: Option<&Poisoned>) -> String {
    poisoned.map_or_else(String::new, |Poisoned { kind, engines }| {
        format!(
            "; POISONED: {engines} of `{kind}` take no messages; with --restart-poisoned a save starts them afresh"
        )
    })
}

/// The split of the time, if it was asked for.
fn split(timing: &Timing) -> String {
    let Timing {
        settle_ms,
        cargo_ms,
        build_rest_ms,
        plan_ms,
        swap_ms,
        stage_ms,
        total_ms,
        beside_cargo_ms,
    } = timing;
    let staged = stage_ms.map_or_else(String::new, |stage| format!(" (stage {})", whole(stage)));
    format!(
        "  settle {}, cargo {}, rest of the build {}, plan {}, swap {}{staged}; \
         {} in all, {} beside cargo",
        whole(*settle_ms),
        whole(*cargo_ms),
        whole(*build_rest_ms),
        whole(*plan_ms),
        whole(*swap_ms),
        whole(*total_ms),
        whole(*beside_cargo_ms),
    )
}

fn whole(ms: f64) -> String {
    format!("{ms:.0} ms")
}

fn line<'a>(save: &Save, outcome: &'a Outcome) -> Line<'a> {
    let files = save.files.iter();
    let line = Line {
        saved: files.map(|file| file.display().to_string()).collect(),
        ..Line::default()
    };
    match outcome {
        Outcome::Live {
            report,
            timing,
            poisoned,
            ..
        } => Line {
            outcome: "live",
            poisoned: poisoned.as_ref().map(|poisoned| poisoned.engines),
            generation: Some(report.to.0),
            upgrade: Some(report.id),
            class: Some(report.class),
            pause_us: Some(report.pause_us),
            timing: Some(timing),
            ..line
        },
        Outcome::Started {
            engine,
            address,
            timing,
        } => Line {
            outcome: "started",
            generation: Some(Generation::default().next().0),
            engine: Some(engine),
            node: Some(address.to_string()),
            timing: Some(timing),
            ..line
        },
        Outcome::Unchanged {
            generation,
            poisoned,
        } => Line {
            outcome: "unchanged",
            poisoned: poisoned.as_ref().map(|poisoned| poisoned.engines),
            generation: Some(generation.0),
            ..line
        },
        Outcome::Refused {
            failure,
            generation,
        } => Line {
            outcome: "refused",
            generation: generation.map(|generation| generation.0),
            code: Some(failure.code().to_owned()),
            reason: Some(failure.to_string()),
            next: Some(failure.next().into_owned()),
            ..line
        },
    }
}
