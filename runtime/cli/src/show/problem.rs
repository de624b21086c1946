//! [`Problem`]: a failure as a program reads it from stdout, in the form of a node's refusal.

use crate::client::Refused;
use crate::failure::Failure;
use refit_abi::host::Explain;
use serde::Serialize;
use std::error::Error;

/// The document of a failed command that was asked for JSON. A node's refusal has its own members beside.
#[derive(Debug, Serialize)]
struct Problem {
    /// `urn:refit:problem:CODE`.
    #[serde(rename = "type")]
    kind: String,
    /// The meaning of the exit code; for a refusal, the HTTP status in words.
    title: String,
    /// The HTTP status, if a node refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The error.
    detail: String,
    /// The path that was asked for, if a node refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Stable name of the reason.
    code: String,
    /// The next step.
    next: String,
    /// The engine that it is about, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    /// The entry of that engine's state, if its code named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The number that the process ends with.
    exit: u8,
}

/// The failure, as JSON on a line.
pub(super) fn line(failure: &Failure) -> String {
    let exit = failure.exit();
    let refused = failure.find::<Refused>().map(|refused| &refused.0);
    let problem = Problem {
        kind: format!("urn:refit:problem:{}", failure.code()),
        title: refused.map_or_else(|| exit.means().to_owned(), |it| it.title.clone()),
        status: refused.map(|it| it.status),
        detail: refused.map_or_else(|| whole(failure), |it| it.detail.clone()),
        instance: refused.map(|it| it.instance.clone()),
        code: failure.code().to_owned(),
        next: failure.next().into_owned(),
        engine: failure.engine_name(),
        key: failure.key().map(str::to_owned),
        exit: exit.number(),
    };
    // Strings and numbers always have a text.
    serde_json::to_string(&problem).unwrap_or_default() + "\n"
}

/// The error, and its causes.
fn whole(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_admin::Refusal;
    use refit_admin::api;

    fn json(failure: &Failure) -> serde_json::Value {
        serde_json::from_str(&line(failure)).unwrap()
    }

    #[test]
    fn a_refusal_of_the_node_is_told_as_the_node_told_it() {
        let refusal = Refusal::new(404, "engine-unknown", "no engine `a`", "see the engines");
        let problem = api::Problem::new(refusal, "/v1/engines/a/messages".to_owned());
        let mut told = json(&Refused(problem.clone()).into());
        assert_eq!(told.as_object_mut().unwrap().remove("exit").unwrap(), 3);
        assert_eq!(told, serde_json::to_value(problem).unwrap());
    }

    #[test]
    fn a_failure_on_this_side_has_no_status_and_says_its_cause() {
        let told = json(&Failure::start(std::io::Error::other("no more threads")));
        assert_eq!(told["code"], "process-start");
        assert_eq!(told["detail"], "cannot start: no more threads");
        assert_eq!(told["exit"], 70);
        assert!(told.get("status").is_none() && !told["next"].as_str().unwrap().is_empty());
    }
}
