//! How large a plan may be, and of what words.

use crate::plan::plan;
use refit_upgrade::{
    PLAN_KINDS_MAX, PLAN_NAME_BYTES_MAX, PLAN_PATH_BYTES_MAX, Plan, PlanBoundsError,
};

/// A good plan, changed.
fn changed(change: impl FnOnce(&mut Plan)) -> Result<(), PlanBoundsError> {
    let mut plan = plan(1);
    change(&mut plan);
    plan.check_bounds()
}

#[test]
fn a_plan_as_it_is_made_is_within_its_bounds() {
    changed(|_| {}).unwrap();
    changed(|plan| plan.modules[0].path = "/".repeat(PLAN_PATH_BYTES_MAX)).unwrap();
}

#[test]
fn a_plan_of_too_many_modules_or_kinds_is_refused_before_anything_is_staged() {
    let many = |plan: &mut Plan| {
        let module = plan.modules[0].clone();
        plan.modules = (0..257)
            .map(|number| refit_upgrade::PlannedModule {
                artifact: number.to_string(),
                ..module.clone()
            })
            .collect();
    };
    let refused = changed(many).unwrap_err();
    assert!(refused.to_string().contains("257 modules, at most 256"));
    let refused = changed(|plan| plan.carried = vec!["kv".to_owned(); PLAN_KINDS_MAX]);
    assert!(matches!(
        refused,
        Err(PlanBoundsError::TooMany { what: "kinds", .. })
    ));
}

#[test]
fn a_file_that_a_plan_names_twice_is_refused_as_each_would_be_copied() {
    let refused = changed(|plan| plan.modules.push(plan.modules[0].clone()));
    assert!(matches!(refused, Err(PlanBoundsError::SameFile { .. })));
}

#[test]
fn a_name_that_is_too_long_or_would_write_lines_of_its_own_is_refused_and_shown_as_text() {
    type Change = fn(&mut Plan, String);
    let names: [(&str, Change); 10] = [
        ("path", |plan, text| plan.modules[0].path = text),
        ("artifact", |plan, text| plan.modules[0].artifact = text),
        ("build id", |plan, text| plan.modules[0].build_id = text),
        ("package", |plan, text| plan.modules[0].package = text),
        ("version", |plan, text| plan.modules[0].version = text),
        ("kind", |plan, text| plan.modules[0].kinds[0].kind = text),
        ("kind", |plan, text| plan.carried.push(text)),
        ("kind", |plan, text| {
            plan.directives.restart.insert(text);
        }),
        ("kind", |plan, text| {
            plan.directives.dead_letters.insert(text);
        }),
        ("code", |plan, text| {
            plan.directives.allow.insert(text);
        }),
    ];
    for (what, change) in names {
        for text in ["x\n2026 INFO forged", "x\u{1b}[2J", "x\u{202e}y"] {
            let refused = changed(|plan| change(plan, text.to_owned())).unwrap_err();
            let said = refused.to_string();
            assert!(
                said.contains(&format!("the plan has a {what} that")),
                "{said}"
            );
            assert!(!said.contains(['\n', '\u{1b}', '\u{202e}']), "{said:?}");
        }
        let long = "x".repeat(PLAN_PATH_BYTES_MAX + 1);
        assert!(changed(|plan| change(plan, long)).is_err(), "{what}");
    }
}

#[test]
fn a_report_of_a_plan_is_small_however_often_it_says_the_file() {
    let refused = changed(|plan| {
        let module = &mut plan.modules[0];
        module.path = "x".repeat(PLAN_PATH_BYTES_MAX);
        module.package = "x".repeat(PLAN_NAME_BYTES_MAX);
        module.kinds = vec![module.kinds[0].clone(); 300];
    });
    assert!(matches!(refused, Err(PlanBoundsError::Report { .. })));
}
