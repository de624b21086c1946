//! The interface over its unix socket: each route, and each reason for which a request is refused.

use crate::support::{Served, request};
use http_body_util::Full;
use hyper::Request;
use refit_abi::Height;
use refit_abi::fixture::Fixture;
use refit_admin::api::{
    EngineRestarted, EngineRevived, ParametersReport, QuarantineEntry, RehearsalReport, Status,
    UPGRADE_CANCELLED, UpgradeAccepted, UpgradeReport, UpgradeState,
};
use refit_admin::{
    Bytes, HEADER_BRANCH, HEADER_GENERATION, HEADER_HEIGHT, HEADER_KEY, HEADER_LIFE,
    HEADER_MAX_PAUSE, HEADER_REHEARSAL, HEADER_REHEARSAL_WAIT, HEADER_REPEATED, Limits,
    MESSAGE_BYTES_MAX,
};
use refit_test_support::{Double, LIFE};
use std::time::Duration;

#[tokio::test]
async fn a_message_gets_its_reply_with_height_and_generation() {
    let served = Served::unix().await;
    let seen = served.post("/v1/engines/kv/messages", r#"{"Put":1}"#).await;
    assert_eq!(
        (seen.status, seen.text.as_str()),
        (200, r#"{"echo":{"Put":1}}"#)
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("refit-height"), Some("41"));
    assert_eq!(seen.header("refit-generation"), Some("2"));
    assert_eq!(seen.header("refit-repeated"), None);
}

#[tokio::test]
async fn a_repeated_key_is_told_as_repeated() {
    let served = Served::unix().await;
    let mut client = served.connect().await;
    for repeated in [None, Some("true")] {
        let mut message = request("POST", "/v1/engines/kv/messages", "1");
        message
            .headers_mut()
            .insert("idempotency-key", "ada/1".parse().unwrap());
        assert_eq!(client.ask(message).await.header("refit-repeated"), repeated);
    }
}

#[tokio::test]
async fn a_bad_key_is_refused_before_the_node_sees_the_message() {
    let served = Served::unix().await;
    for key in ["ada", "ada/0", "a b/1", "/1", ""] {
        let mut message = request("POST", "/v1/engines/kv/messages", "1");
        message
            .headers_mut()
            .insert("idempotency-key", key.parse().unwrap());
        served
            .ask(message)
            .await
            .is_problem(400, "invalid-idempotency-key");
    }
    let mut twice = request("POST", "/v1/engines/kv/messages", "1");
    twice
        .headers_mut()
        .append("idempotency-key", "ada/1".parse().unwrap());
    twice
        .headers_mut()
        .append("idempotency-key", "ada/2".parse().unwrap());
    served
        .ask(twice)
        .await
        .is_problem(400, "invalid-idempotency-key");
}

#[tokio::test]
async fn a_query_gets_its_answer() {
    let served = Served::unix().await;
    let seen = served.post("/v1/engines/kv/queries", "[1]").await;
    assert_eq!((seen.status, seen.text.as_str()), (200, r#"{"echo":[1]}"#));
    assert_eq!(seen.header("refit-height"), Some("41"));
}

#[tokio::test]
async fn a_state_is_given_whole_and_only_of_an_engine_that_has_one() {
    let served = Served::unix().await;
    let seen = served.get("/v1/engines/kv/state").await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.json::<Fixture>(), refit_test_support::fixture());
    assert_eq!(seen.header("refit-height"), Some("41"));
    assert_eq!(seen.header("refit-generation"), Some("2"));
    let refused = [
        ("nobody", 404, "engine-unknown"),
        ("cache", 503, "engine-poisoned"),
        ("KV", 400, "invalid-engine-id"),
    ];
    for (engine, status, code) in refused {
        let seen = served.get(&format!("/v1/engines/{engine}/state")).await;
        seen.is_problem(status, code);
    }
    let seen = served.post("/v1/engines/kv/state", "1").await;
    seen.is_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn what_the_node_refuses_is_passed_on() {
    let served = Served::unix().await;
    let seen = served.post("/v1/engines/nobody/queries", "1").await;
    let problem = seen.is_problem(404, "engine-unknown");
    assert_eq!(problem.instance, "/v1/engines/nobody/queries");
    assert_eq!(problem.next, "see the engines with `refit status`");
    let full = served.post("/v1/engines/full/messages", "1").await;
    full.is_problem(503, "ingress-full");
    assert_eq!(full.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_text_that_is_no_engine_id_is_refused() {
    let served = Served::unix().await;
    for id in ["", "KV", "a%20b", "longer-than-15-bytes", "%ff"] {
        let seen = served
            .post(&format!("/v1/engines/{id}/messages"), "1")
            .await;
        seen.is_problem(400, "invalid-engine-id");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let served = Served::unix().await;
    for body in ["", "{", "{} {}", "nul", "\"\u{0}\""] {
        for path in [
            "/v1/engines/kv/messages",
            "/v1/engines/kv/queries",
            "/v1/upgrades",
        ] {
            served
                .post(path, body)
                .await
                .is_problem(400, "invalid-json");
        }
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let served = Served::unix().await;
    let mut text = request("POST", "/v1/engines/kv/messages", "1");
    text.headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    served
        .ask(text)
        .await
        .is_problem(415, "unsupported-media-type");
    let mut none = request("POST", "/v1/upgrades", "{}");
    none.headers_mut().remove("content-type");
    served
        .ask(none)
        .await
        .is_problem(415, "unsupported-media-type");
    let mut charset = request("POST", "/v1/engines/kv/messages", "1");
    let value = "Application/JSON; charset=utf-8".parse().unwrap();
    charset.headers_mut().insert("content-type", value);
    assert_eq!(served.ask(charset).await.status, 200);
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit_and_refused_past_it() {
    let served = Served::unix().await;
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let path = "/v1/engines/kv/messages";
    let fits = served.post(path, &text(MESSAGE_BYTES_MAX)).await;
    assert_eq!(fits.status, 200);
    let past = served.post(path, &text(MESSAGE_BYTES_MAX + 1)).await;
    past.is_problem(413, "body-too-large");
    assert_eq!(served.get("/livez").await.status, 200);
}

#[tokio::test]
async fn the_status_reads_back_as_it_was_given() {
    let served = Served::unix().await;
    let status: Status = served.get("/v1/status").await.json();
    assert_eq!(
        status,
        refit_admin::Node::status(&Double::default()).unwrap()
    );
}

#[tokio::test]
async fn a_plan_is_accepted_with_the_place_of_its_report() {
    let served = Served::unix().await;
    let seen = served.post("/v1/upgrades", r#"{"upgrade": 1}"#).await;
    assert_eq!(seen.status, 202);
    assert_eq!(seen.json::<UpgradeAccepted>().id, 1);
    let report: UpgradeReport = served.get(seen.header("location").unwrap()).await.json();
    assert_eq!((report.id, report.state), (1, UpgradeState::Committed));
}

#[tokio::test]
async fn a_plan_may_come_under_a_key_and_the_answer_says_whether_it_came_before() {
    let served = Served::unix().await;
    let plan = |key: &str| under(key, "/v1/upgrades", r#"{"upgrade": 1}"#);
    // To the double, numbers of one digit are repeats.
    for (key, repeated) in [("op/10", None), ("op/9", Some("true"))] {
        let seen = served.ask(plan(key)).await;
        assert_eq!(
            (seen.status, seen.header("refit-repeated")),
            (202, repeated)
        );
        let accepted: UpgradeAccepted = seen.json();
        assert_eq!((accepted.id, accepted.repeated), (1, repeated.is_some()));
    }
    let seen = served.ask(plan("op")).await;
    seen.is_problem(400, "invalid-idempotency-key");
}

fn under(key: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = request("POST", path, body);
    let key = key.parse().unwrap();
    request.headers_mut().insert(HEADER_KEY, key);
    request
}

#[tokio::test]
async fn parameters_and_restarts_may_come_under_a_key_and_the_answer_says_where_they_were_done() {
    let served = Served::unix().await;
    let set = r#"{"set":{"block.messages":7}}"#;
    for (path, body) in [("/v1/parameters", set), ("/v1/engines/kv/restart", "")] {
        for (key, repeated) in [("op/10", None), ("op/9", Some("true"))] {
            let seen = served.ask(under(key, path, body)).await;
            let said = ["refit-height", "refit-generation", "refit-repeated"];
            let said = said.map(|name| seen.header(name));
            assert_eq!(seen.status, 200);
            assert_eq!(said, [Some("42"), Some("2"), repeated], "{path}");
        }
        let seen = served.ask(under("op", path, body)).await;
        seen.is_problem(400, "invalid-idempotency-key");
    }
    let set: ParametersReport = served.post("/v1/parameters", set).await.json();
    let ordered = set.ordered.unwrap();
    assert_eq!((ordered.hash, ordered.height), (set.hash, Height(42)));
    let shown: ParametersReport = served.get("/v1/parameters").await.json();
    assert_eq!(shown.ordered, None);
}

#[tokio::test]
async fn a_plan_that_the_node_refuses_is_a_problem() {
    let served = Served::unix().await;
    let seen = served.post("/v1/upgrades", r#"{"stale": 1}"#).await;
    seen.is_problem(409, "plan-for-another-generation");
}

#[tokio::test]
async fn the_history_is_oldest_first() {
    let served = Served::unix().await;
    let reports: Vec<UpgradeReport> = served.get("/v1/upgrades").await.json();
    assert_eq!(
        reports.iter().map(|report| report.id).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
}

#[tokio::test]
async fn an_upgrade_that_is_not_there_is_a_problem() {
    let served = Served::unix().await;
    served
        .get("/v1/upgrades/99")
        .await
        .is_problem(404, "unknown-upgrade");
    for id in ["x", "-1", "+1", "18446744073709551616"] {
        let seen = served.get(&format!("/v1/upgrades/{id}")).await;
        seen.is_problem(400, "invalid-upgrade-id");
    }
}

#[tokio::test]
async fn a_route_or_method_that_is_not_there_is_a_problem() {
    let served = Served::unix().await;
    let seen = served.get("/v2/status").await;
    assert_eq!(seen.is_problem(404, "unknown-route").instance, "/v2/status");
    for (method, path, allowed) in [
        ("POST", "/v1/status", "GET"),
        ("GET", "/v1/engines/kv/messages", "POST"),
        ("PUT", "/v1/upgrades/1", "GET"),
        ("PUT", "/v1/upgrades/1", "DELETE"),
        ("PUT", "/v1/upgrades", "POST"),
    ] {
        let seen = served.ask(request(method, path, "{}")).await;
        seen.is_problem(405, "method-not-allowed");
        assert!(
            seen.header("allow")
                .is_some_and(|allow| allow.contains(allowed)),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_node_that_is_not_ready_is_alive() {
    let double = Double {
        unready: true,
        ..Double::default()
    };
    let served = Served::with(double, Limits::default()).await;
    assert_eq!(served.get("/livez").await.status, 200);
    served.get("/readyz").await.is_problem(503, "not-ready");
    assert_eq!(Served::unix().await.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn metrics_are_open_metrics_text() {
    let double = Double::default();
    double.metrics.add_messages("kv", 12);
    let served = Served::with(double, Limits::default()).await;
    let seen = served.get("/metrics").await;
    assert!(
        seen.header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(
        seen.text
            .contains("\nrefit_messages_total{kind=\"kv\"} 12\n"),
        "{}",
        seen.text
    );
    assert!(seen.text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn an_engine_that_does_not_answer_costs_the_deadline_and_no_more() {
    let limits = Limits {
        request_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let seen = served.post("/v1/engines/slow/messages", "1").await;
    seen.is_problem(504, "no-answer-in-time");
}

#[tokio::test]
async fn a_full_node_refuses_work_and_still_tells_its_status_and_takes_orders() {
    let limits = Limits {
        requests_max: 1,
        ..Limits::default()
    };
    let served = Served::with(Double::default(), limits).await;
    let mut holder = served.connect().await;
    let held = tokio::spawn(async move {
        holder
            .ask(request("POST", "/v1/engines/slow/messages", "1"))
            .await
    });
    let path = "/v1/engines/kv/messages";
    let mut seen = served.post(path, "1").await;
    while seen.status == 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        seen = served.post(path, "1").await;
    }
    seen.is_problem(503, "too-busy");
    assert_eq!(served.get("/v1/status").await.status, 200);
    let seen = served.post("/v1/upgrades", r#"{"upgrade":1}"#).await;
    assert_eq!(seen.status, 202);
    let seen = served.ask(request("DELETE", "/v1/upgrades/4", "")).await;
    assert_eq!(seen.status, 200);
    held.abort();
}

#[tokio::test]
async fn a_plan_may_come_with_the_longest_pause_that_is_acceptable() {
    let served = Served::unix().await;
    for (bound, status) in [("5000", 202), ("0", 409), ("soon", 400), ("-1", 400)] {
        let mut plan = request("POST", "/v1/upgrades", r#"{"upgrade":1}"#);
        let value = bound.parse().unwrap();
        plan.headers_mut().insert(HEADER_MAX_PAUSE, value);
        let seen = served.ask(plan).await;
        assert_eq!(seen.status, status, "{bound}");
        if status == 400 {
            seen.is_problem(400, "invalid-max-pause");
        }
    }
}

#[tokio::test]
async fn a_plan_may_come_with_wishes_about_its_rehearsal_and_others_are_refused() {
    let served = Served::unix().await;
    for (header, value, refused) in [
        (HEADER_REHEARSAL, "off", None),
        (HEADER_REHEARSAL, "on", Some("invalid-rehearsal")),
        (HEADER_REHEARSAL_WAIT, "60000000", None),
        (
            HEADER_REHEARSAL_WAIT,
            "1min",
            Some("invalid-rehearsal-wait"),
        ),
    ] {
        let mut plan = request("POST", "/v1/upgrades", r#"{"upgrade":1}"#);
        plan.headers_mut().insert(header, value.parse().unwrap());
        let seen = served.ask(plan).await;
        match refused {
            None => assert_eq!(seen.status, 202, "{header}: {value}"),
            Some(code) => {
                seen.is_problem(400, code);
            }
        }
    }
}

#[tokio::test]
async fn a_plan_is_rehearsed_on_request() {
    let served = Served::unix().await;
    let path = "/v1/upgrades/rehearse";
    let report: RehearsalReport = served.post(path, r#"{"rehearsal":140}"#).await.json();
    assert_eq!(report.predicted_us, Some(140));
    served
        .post(path, "{}")
        .await
        .is_problem(409, "rehearsal-off");
    served.post(path, "{").await.is_problem(400, "invalid-json");
}

#[tokio::test]
async fn the_quarantine_is_listed_and_an_entry_is_cleared_by_its_artifact() {
    let served = Served::unix().await;
    let entries: Vec<QuarantineEntry> = served.get("/v1/quarantine").await.json();
    let path = format!("/v1/quarantine/{}", entries[0].artifacts[0]);
    assert_eq!(served.ask(request("DELETE", &path, "")).await.status, 204);
    let other = format!("/v1/quarantine/{}", "0".repeat(64));
    let seen = served.ask(request("DELETE", &other, "")).await;
    seen.is_problem(404, "not-quarantined");
    let seen = served.ask(request("DELETE", "/v1/quarantine/ab", "")).await;
    seen.is_problem(400, "invalid-artifact");
}

#[tokio::test]
async fn an_upgrade_is_cancelled_by_its_number_until_its_gate_closes() {
    let served = Served::unix().await;
    let cancel = async |id: &str| {
        let path = format!("/v1/upgrades/{id}");
        served.ask(request("DELETE", &path, "")).await
    };
    let seen = cancel("4").await;
    let report: UpgradeReport = seen.json();
    assert_eq!((seen.status, report.state), (200, UpgradeState::Refused));
    assert_eq!(report.reason.unwrap().code, UPGRADE_CANCELLED);
    let seen = cancel("5").await;
    let report: UpgradeReport = seen.json();
    assert_eq!((seen.status, report.state), (202, UpgradeState::Staging));
    cancel("1").await.is_problem(409, "upgrade-ended");
    cancel("99").await.is_problem(404, "unknown-upgrade");
    cancel("-1").await.is_problem(400, "invalid-upgrade-id");
}

#[tokio::test]
async fn answers_of_every_status_say_which_life_block_and_generation_they_are_from() {
    let served = Served::unix().await;
    let kv = "/v1/engines/kv/messages";
    for (seen, status) in [
        (served.get("/livez").await, 200),
        (served.get("/v1/status").await, 200),
        (served.post(kv, "1").await, 200),
        (served.post("/v1/upgrades", r#"{"upgrade":1}"#).await, 202),
        (served.post(kv, "{").await, 400),
        (served.get("/v2").await, 404),
        (served.post("/v1/status", "1").await, 405),
        (served.post("/v1/engines/full/messages", "1").await, 503),
    ] {
        assert_eq!(seen.status, status);
        let said = [HEADER_LIFE, HEADER_BRANCH, HEADER_HEIGHT, HEADER_GENERATION]
            .map(|name| seen.header(name));
        let life = LIFE.to_string();
        assert_eq!(
            said,
            [Some(life.as_str()), Some("3"), Some("41"), Some("2")]
        );
    }
}

#[tokio::test]
async fn a_refusal_that_a_block_decided_says_of_which_and_whether_it_came_before() {
    let served = Served::unix().await;
    let ask = async || {
        let mut request = request("POST", "/v1/engines/faulty/messages", "1");
        request
            .headers_mut()
            .insert(HEADER_KEY, "ada/1".parse().unwrap());
        served.ask(request).await
    };
    for repeated in [None, Some("true")] {
        let seen = ask().await;
        seen.is_problem(422, "no-such-key");
        let said = [HEADER_HEIGHT, HEADER_GENERATION, HEADER_REPEATED];
        assert_eq!(
            said.map(|name| seen.header(name)),
            [Some("7"), Some("1"), repeated]
        );
    }
}

#[tokio::test]
async fn parameters_are_shown_and_set_within_their_bounds() {
    let served = Served::unix().await;
    let path = "/v1/parameters";
    let shown: ParametersReport = served.get(path).await.json();
    assert_eq!(shown, refit_admin::Node::parameters(&Double::default()));
    let set = r#"{"set":{"block.messages":7},"grants":{"index":null}}"#;
    let set: ParametersReport = served.post(path, set).await.json();
    assert_eq!((set.values[0].value, set.since), (7, Height(42)));
    assert!(!set.grants.contains_key("index"));
    let absurd = r#"{"set":{"block.messages":0}}"#;
    let refused = served.post(path, absurd).await;
    refused.is_problem(422, "parameter-beyond");
    let unknown = r#"{"set":{"block.mesages":7}}"#;
    let refused = served.post(path, unknown).await;
    refused.is_problem(422, "parameter-unknown");
    for other in [
        r#"{"block.messages":7}"#,
        r#"{"set":{"block.messages":-7}}"#,
        "7",
    ] {
        let refused = served.post(path, other).await;
        refused.is_problem(400, "invalid-parameters");
    }
    for (twice, named) in [
        (
            r#"{"set":{"block.messages":1,"block.rounds":2,"block.messages":3}}"#,
            "block.messages",
        ),
        (r#"{"grants":{"kv":[],"kv":null}}"#, "kv"),
    ] {
        let refused = served.post(path, twice).await;
        let problem = refused.is_problem(400, "invalid-parameters");
        assert!(
            problem
                .detail
                .contains(&format!("`{named}` is named twice")),
            "{problem:?}"
        );
    }
}

#[tokio::test]
async fn a_poisoned_engine_is_revived() {
    let served = Served::unix().await;
    let path = |engine: &str| format!("/v1/engines/{engine}/revive");
    let revived: EngineRevived = served.post(&path("cache"), "").await.json();
    assert_eq!(
        (revived.height, revived.poisoned_at),
        (Height(42), Some(Height(40)))
    );
    assert_eq!(revived.state_bytes, Some(2_048));
    let serves = served.post(&path("kv"), "").await;
    serves.is_problem(409, "engine-not-poisoned");
    let refused = served.post(&path("cache"), "[]").await;
    refused.is_problem(400, "body-not-empty");
}

#[tokio::test]
async fn an_engine_is_started_afresh() {
    let served = Served::unix().await;
    let path = |engine: &str| format!("/v1/engines/{engine}/restart");
    let restarted: EngineRestarted = served.post(&path("cache"), "").await.json();
    assert!(restarted.was_poisoned);
    assert_eq!(
        (restarted.engine.as_str(), restarted.height),
        ("cache", Height(42))
    );
    for empty in ["{}", " { } "] {
        assert_eq!(served.post(&path("cache"), empty).await.status, 200);
    }
    // What it does not heed it does not take.
    for other in [r#"{"config":{}}"#, "[]", "1", "x"] {
        let refused = served.post(&path("cache"), other).await;
        refused.is_problem(400, "body-not-empty");
    }
    let unknown = served.post(&path("nobody"), "").await;
    unknown.is_problem(404, "engine-unknown");
    let wrong = served.post(&path("a-name-that-is-too-long"), "").await;
    wrong.is_problem(400, "invalid-engine-id");
}
