//! The rehearsal of a plan that was just made: what the pause will be, or why there will be none.

use crate::client::Client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;
use crate::show::upgrade::microseconds;
use miette::Diagnostic;
use refit_admin::api::{Phase, Reason, RehearsalReport};
use refit_upgrade::Plan;
use std::fmt;
use std::time::Duration;

/// What a node says that does not rehearse.
const OFF: &str = "rehearsal-off";

/// What a node says whose answer takes longer than a request may.
const LATE: &str = "no-answer-in-time";

/// What to do then: to ask again would find the rehearsal under way.
const LATE_NEXT: &str = "the rehearsal takes longer than a request may: plan with --no-rehearsal; \
     apply rehearses all the same";

/// A plan whose upgrade would not commit.
#[derive(Debug)]
pub(crate) struct RehearsalFailed(Reason);

/// Lets the node rehearse the plan; `None` if it does not rehearse. A pause above `bound`, or the node's own,
/// is a failure.
pub(super) async fn run(
    client: &Client,
    plan: &Plan,
    bound: Option<Duration>,
) -> Result<Option<RehearsalReport>, Failure> {
    let text = serde_json::to_string(plan).map_err(|error| Failure::Output(error.into()))?;
    show::talk("the node rehearses the upgrade on a copy of its state");
    let answer = match client.post("/v1/upgrades/rehearse", &[], text).await {
        Err(Failure::Refused(refused)) if refused.0.code == OFF => {
            show::talk("not rehearsed: the node was started without rehearsals");
            return Ok(None);
        }
        answer => answer.map_err(not_again)?,
    };
    let mut report: RehearsalReport = client.decode(&answer)?;
    match report.reason.take().or_else(|| too_long(&report, bound)) {
        Some(reason) => Err(Box::new(RehearsalFailed(reason)).into()),
        None => Ok(Some(report)),
    }
}

/// A failure whose next step is not to ask for the same rehearsal again.
fn not_again(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(mut refused) if refused.0.code == LATE => {
            refused.0.next = LATE_NEXT.to_owned();
            Failure::Refused(refused)
        }
        other => other,
    }
}

/// Why the node would refuse a plan whose upgrade goes well, for its pause.
fn too_long(report: &RehearsalReport, bound: Option<Duration>) -> Option<Reason> {
    let bound = bound.map(|bound| u64::try_from(bound.as_micros()).unwrap_or(u64::MAX));
    let bound = bound.or(report.max_pause_us)?;
    let predicted = report.predicted_us.filter(|predicted| *predicted > bound)?;
    Some(Reason {
        code: "pause-too-long".to_owned(),
        detail: format!(
            "its pause would be {}, at most {} is acceptable",
            microseconds(predicted),
            microseconds(bound)
        ),
        next: "bring fewer engines at once, write a migration that touches fewer fields, or plan and apply \
               with a longer --max-pause"
            .to_owned(),
        phase: Phase::Rehearsed,
        engine: None,
        key: None,
    })
}

/// What people want to know of it.
pub(super) fn text(report: &RehearsalReport) -> String {
    let pause = report.predicted_us.map_or_else(String::new, microseconds);
    format!(
        "\npredicted pause: {pause} (rehearsed on {}, {} MiB, memory +{} MiB)\n\
         states afterwards: {}\n",
        engines(report.engines),
        mebibytes(report.state_bytes),
        mebibytes(report.memory_bytes),
        report.digest,
    )
}

fn engines(count: u64) -> String {
    match count {
        1 => "1 engine".to_owned(),
        several => format!("{several} engines"),
    }
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{}", tenths / 10, tenths % 10)
}

impl Exit {
    /// The exit for an upgrade that was given up after its rehearsal.
    pub(crate) fn of_rehearsal(reason: &Reason) -> Self {
        let of_the_code = ["rehearsal-timeout", "rehearsal-memory", "rehearsal-crashed"];
        if reason.engine.is_some() || of_the_code.contains(&reason.code.as_str()) {
            Self::TransitionFailed
        } else {
            Self::Refused
        }
    }
}

impl RehearsalFailed {
    pub(crate) fn exit(&self) -> Exit {
        Exit::of_rehearsal(&self.0)
    }
}

impl fmt::Display for RehearsalFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (phase, detail) = (self.0.phase, &self.0.detail);
        match phase {
            Phase::Rehearsed => write!(f, "the upgrade fails in its rehearsal: {detail}"),
            _ => write!(
                f,
                "the upgrade would be refused before its rehearsal: {detail}"
            ),
        }
    }
}

impl std::error::Error for RehearsalFailed {}

impl Diagnostic for RehearsalFailed {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("upgrade::{}", self.0.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.0.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Refused;
    use refit_admin::Refusal;
    use refit_admin::api::Problem;

    #[test]
    fn a_rehearsal_that_outlasts_its_request_is_not_to_be_asked_for_again() {
        let failure = |code: &str| {
            let refusal = Refusal::new(504, code, "no answer", "send it again");
            let problem = Problem::new(refusal, "/v1/upgrades/rehearse".to_owned());
            not_again(Box::new(Refused(problem)).into())
        };
        let told = |code| match failure(code) {
            Failure::Refused(refused) => refused.0.next,
            other => other.to_string(),
        };
        assert!(told(LATE).contains("--no-rehearsal"));
        assert_eq!(told("too-busy"), "send it again");
    }

    #[test]
    fn a_prediction_is_told_and_held_against_the_bound() {
        let report = RehearsalReport {
            predicted_us: Some(140),
            max_pause_us: None,
            runs: 3,
            engines: 12,
            state_bytes: 3 << 19,
            memory_bytes: 1 << 20,
            digest: "3f2a".to_owned(),
            took_us: 1,
            copy_us: 1,
            reason: None,
        };
        assert_eq!(
            text(&report),
            "\npredicted pause: 140 µs (rehearsed on 12 engines, 1.5 MiB, memory +1.0 MiB)\n\
             states afterwards: 3f2a\n"
        );
        let one = RehearsalReport {
            engines: 1,
            ..report.clone()
        };
        assert!(text(&one).contains("(rehearsed on 1 engine, 1.5 MiB"));
        let micros = |count| Some(Duration::from_micros(count));
        assert_eq!(too_long(&report, None), None);
        assert_eq!(too_long(&report, micros(140)), None);
        let refused = too_long(&report, micros(139)).unwrap();
        assert_eq!(refused.code, "pause-too-long");
        let bounded = RehearsalReport {
            max_pause_us: Some(100),
            ..report
        };
        assert!(too_long(&bounded, None).is_some(), "the node's own bound");
        assert!(too_long(&bounded, micros(200)).is_none());
    }
}
