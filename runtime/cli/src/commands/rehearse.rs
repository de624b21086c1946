//! The rehearsal of a plan: what the pause will be, or why there will be none.

mod shadow;

use super::upgrade_end::of_refusal;
use crate::client::{Client, Refused};
use crate::exit::Exit;
use crate::failure::{Failure, Reported};
use crate::show;
use crate::show::upgrade::microseconds;
use crate::units::shown_bytes;
use refit_abi::codes;
use refit_abi::host::{Explain, Explained};
use refit_admin::api::{Phase, Problem, Reason, RehearsalReport};
use refit_upgrade::{Finding, Level, Plan};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The next step if the answer takes longer than a request may: asking again would find the rehearsal under way.
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
    let text = serde_json::to_string(plan).map_err(|error| Failure::output(error.into()))?;
    match of(client, text, bound).await {
        Err(failure) if failure.code() == codes::REHEARSAL_OFF => {
            show::talk("not rehearsed: the node was started without rehearsals");
            Ok(None)
        }
        report => report.map(Some),
    }
}

/// Lets the node rehearse the plan that `text` is. A pause above `bound`, or the node's own, is a failure.
pub(super) async fn of(
    client: &Client,
    text: String,
    bound: Option<Duration>,
) -> Result<RehearsalReport, Failure> {
    client.offer_text(&text).await?;
    show::talk("the node rehearses the upgrade on a copy of its state");
    let answer = client.post("/v1/upgrades/rehearse", &[], text).await;
    let answer = answer.map_err(not_again)?;
    let mut report: RehearsalReport = client.decode(&answer)?;
    match report.reason.take().or_else(|| too_long(&report, bound)) {
        Some(reason) => Err(RehearsalFailed(reason).into()),
        None => Ok(report),
    }
}

/// A failure whose next step is not to ask for the same rehearsal again.
fn not_again(failure: Failure) -> Failure {
    match failure.find::<Refused>() {
        Some(Refused(problem)) if problem.code == codes::NO_ANSWER_IN_TIME => Refused(Problem {
            next: LATE_NEXT.to_owned(),
            ..problem.clone()
        })
        .into(),
        _ => failure,
    }
}

/// A pause of this length is noticed by everyone who waits for a reply.
const LONG_PAUSE_MIN: Duration = Duration::from_secs(1);

/// What the operator should know of what was found.
pub(super) fn findings(report: &RehearsalReport, plan: &Plan) -> Vec<Finding> {
    let shadow = report.shadow.as_ref();
    let shadow = shadow.map(|shadow| shadow::findings(shadow, plan));
    let long = long_pause(report).into_iter();
    long.chain(shadow.unwrap_or_default()).collect()
}

/// That the predicted pause is noticed.
fn long_pause(report: &RehearsalReport) -> Option<Finding> {
    let predicted = report.predicted_us?;
    if Duration::from_micros(predicted) < LONG_PAUSE_MIN {
        return None;
    }
    Some(Finding {
        code: codes::PAUSE_LONG.to_owned(),
        level: Level::Warning,
        kind: String::new(),
        reason: format!(
            "the pause would be {}: no engine runs as long, and clients wait",
            microseconds(predicted)
        ),
        next: "write a migration that touches fewer fields: those that only move cost nothing; or apply \
               when few clients are there"
            .to_owned(),
    })
}

/// Why the node would refuse a plan whose upgrade goes well, for its pause.
fn too_long(report: &RehearsalReport, bound: Option<Duration>) -> Option<Reason> {
    let bound = bound.map(|bound| u64::try_from(bound.as_micros()).unwrap_or(u64::MAX));
    let bound = bound.or(report.max_pause_us)?;
    let predicted = report.predicted_us.filter(|predicted| *predicted > bound)?;
    let detail = format!(
        "its pause would be {}, at most {} is acceptable",
        microseconds(predicted),
        microseconds(bound)
    );
    let next = "bring fewer engines at once, write a migration that touches fewer fields, or plan and apply with a \
                longer --max-pause";
    let why = Explained::new(codes::PAUSE_TOO_LONG, detail, next);
    Some(Reason::new(Phase::Rehearsed, why))
}

/// A rehearsal's report for people.
pub(super) fn text(report: &RehearsalReport) -> String {
    let pause = report.predicted_us.map_or_else(String::new, microseconds);
    let shadow = report.shadow.as_ref().map(shadow::text);
    format!(
        "\npredicted pause: {pause} (rehearsed on {}, {}, memory +{})\n\
         states afterwards: {}\n{}",
        engines(report.engines),
        shown_bytes(report.state_bytes),
        shown_bytes(report.memory_bytes),
        show::safe::line(&report.digest),
        shadow.unwrap_or_default(),
    )
}

fn engines(count: u64) -> String {
    match count {
        1 => "1 engine".to_owned(),
        several => format!("{several} engines"),
    }
}

impl Explain for RehearsalFailed {
    fn code(&self) -> &str {
        &self.0.code
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0.next)
    }

    fn engine_name(&self) -> Option<String> {
        self.0.engine.clone()
    }

    fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }
}

impl Reported for RehearsalFailed {
    fn exit(&self) -> Exit {
        of_refusal(&self.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use refit_admin::Refusal;

    #[test]
    fn a_rehearsal_that_outlasts_its_request_is_not_to_be_asked_for_again() {
        let failure = |code: &str| {
            let refusal = Refusal::new(504, code, "no answer", "send it again");
            let problem = Problem::new(refusal, "/v1/upgrades/rehearse".to_owned());
            not_again(Refused(problem).into())
        };
        let told = |code| failure(code).next().into_owned();
        assert!(told("no-answer-in-time").contains("--no-rehearsal"));
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
            shadow: None,
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
        assert_eq!(long_pause(&report), None);
        let long = RehearsalReport {
            predicted_us: Some(12_000_000),
            ..report.clone()
        };
        let found = long_pause(&long).unwrap();
        assert_eq!(found.code, "pause-long");
        assert!(found.reason.contains("12.0 s"), "{found:?}");
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
