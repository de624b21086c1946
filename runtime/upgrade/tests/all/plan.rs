//! Plans: the class of each kind, every refusal, and the file.

use crate::ring::{self, VERSIONS};
use crate::swap::CLASSES;
use refit_abi::descriptor::Descriptor;
use refit_abi::host::Explain;
use refit_abi::{Generation, Height};
use refit_upgrade::{
    Class, Live, LiveKind, OfferedModule, PLAN_FORMAT, Plan, PlanBoundsError, PlanError,
};

/// One more than a plan may name.
const TOO_MANY: usize = 257;

fn described(place: usize) -> Descriptor {
    ring::version(place).descriptor().clone()
}

/// The version at a place, under another kind's name.
fn renamed(place: usize, kind: &str) -> Descriptor {
    let mut descriptor = described(place);
    descriptor.kinds[0].kind = kind.to_owned();
    descriptor
}

pub(crate) fn live(place: usize) -> Live {
    let kind = |descriptor: Descriptor, artifact: &str| LiveKind {
        descriptor: descriptor.kinds[0].clone(),
        artifact: artifact.to_owned(),
    };
    let kinds = vec![
        kind(described(place), "old-file"),
        kind(renamed(0, "other"), "other-file"),
    ];
    Live {
        generation: Generation(4),
        kinds,
    }
}

fn candidate(descriptor: Descriptor) -> OfferedModule {
    let (path, artifact) = ("libring.so".to_owned(), "new-file".to_owned());
    OfferedModule {
        path,
        artifact,
        meant: Some(descriptor.kinds[0].kind.clone()),
        descriptor,
        outside: Vec::new(),
    }
}

pub(crate) fn plan(place: usize) -> Plan {
    let old = live(place + VERSIONS - 1);
    Plan::make(&old, &[candidate(described(place))], Some(Height(9))).unwrap()
}

#[test]
fn each_crossing_of_the_ring_is_planned_in_its_class_and_the_other_kind_is_carried() {
    for place in 1..=VERSIONS {
        let plan = plan(place);
        assert_eq!(plan.class(), CLASSES[place % VERSIONS], "to {place}");
        assert_eq!(plan.modules[0].kinds[0].class, plan.class());
        assert_eq!(plan.carried, ["other"]);
        assert_eq!((plan.format, plan.base), (PLAN_FORMAT, Generation(4)));
        assert_eq!(plan.at_height, Some(Height(9)));
    }
}

#[test]
fn a_kind_that_is_not_live_is_new_and_the_strongest_class_counts() {
    let new = OfferedModule {
        meant: None,
        ..candidate(renamed(0, "fresh"))
    };
    let by_hand = candidate(described(3));
    let plan = Plan::make(&live(2), &[new, by_hand], None).unwrap();
    let classes: Vec<_> = plan
        .modules
        .iter()
        .map(|module| module.kinds[0].class)
        .collect();
    assert_eq!(classes, [Class::New, Class::MigrateByHand]);
    assert_eq!(plan.modules[0].kinds[0].from_version, None);
    assert_eq!(plan.class(), Class::MigrateByHand);
}

#[test]
fn the_difference_names_what_is_added_removed_and_dropped() {
    let to_b = &plan(2).modules[0].kinds[0];
    assert_eq!(
        to_b.difference,
        ["~ (the state): version 1 → 2", "+ added: u64"]
    );
    assert_eq!((to_b.from_version, to_b.to_version), (Some(1), 2));
    assert_eq!(to_b.dropped, [""; 0], "`mark` was converted, not dropped");
    let to_a = &plan(6).modules[0].kinds[0];
    assert_eq!(
        to_a.difference,
        [
            "~ (the state): version 4 → 1",
            "- added: u64",
            "- cache: Tracked (as bytes)"
        ]
    );
    assert_eq!(to_a.dropped, ["added", "cache"]);
    assert_eq!(plan(1).modules[0].kinds[0].difference, [""; 0]);
}

#[test]
fn a_plan_that_names_nothing_or_too_much_is_refused() {
    assert_eq!(Plan::make(&live(0), &[], None), Err(PlanError::Empty));
    let many = vec![candidate(described(1)); TOO_MANY];
    let refused = PlanError::TooMany {
        error: PlanBoundsError::TooMany {
            what: "modules",
            found: TOO_MANY,
            most: TOO_MANY - 1,
        },
    };
    assert_eq!(Plan::make(&live(0), &many, None), Err(refused));
}

#[test]
fn a_kind_that_is_not_live_or_not_in_the_module_is_refused_by_name() {
    let unknown = candidate(renamed(1, "rung"));
    let refused = PlanError::UnknownKind {
        kind: "rung".to_owned(),
    };
    assert_eq!(Plan::make(&live(0), &[unknown], None), Err(refused));
    let wrong = OfferedModule {
        meant: Some("kv".to_owned()),
        ..candidate(described(1))
    };
    let refused = Plan::make(&live(0), &[wrong], None).unwrap_err();
    assert_eq!(refused.code(), "plan-kind-not-in-module");
    assert_eq!(
        refused.to_string(),
        "libring.so has no engine kind `kv`; it has ring"
    );
}

#[test]
fn one_kind_from_two_modules_and_code_that_runs_already_are_refused() {
    let twice = [candidate(described(1)), candidate(described(1))];
    let refused = PlanError::Twice {
        kind: "ring".to_owned(),
    };
    assert_eq!(Plan::make(&live(0), &twice, None), Err(refused));
    let same = OfferedModule {
        artifact: "old-file".to_owned(),
        ..candidate(described(0))
    };
    let refused = Plan::make(&live(0), &[same], None).unwrap_err();
    assert_eq!(refused.code(), "plan-identical-code");
}

#[test]
fn a_changed_state_without_a_step_is_refused_with_the_difference() {
    let unrelated = refit_abi::host::Module::linked(ring::unrelated::module()).unwrap();
    let unrelated = unrelated.descriptor().clone();
    let refused = Plan::make(&live(0), &[candidate(unrelated.clone())], None).unwrap_err();
    let PlanError::NoMigration {
        kind,
        from,
        to,
        difference,
    } = &refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(kind, "ring");
    assert_eq!(
        (*from, *to),
        (described(0).kinds[0].schema, unrelated.kinds[0].schema)
    );
    assert_eq!(
        difference[..],
        ["~ (the state): version 1 → 3", "+ added: u64"]
    );
    assert!(refused.to_string().contains("\n  + added: u64"));
    assert!(refused.next().contains("#[derive(Migrate)]"));
}

#[test]
fn a_plan_is_good_for_the_generation_and_the_code_it_was_made_for_and_no_other() {
    let (plan, base) = (plan(1), live(VERSIONS));
    assert_eq!(plan.check_base(&base), Ok(()));
    let refused = Err(PlanError::Base {
        planned: Generation(4),
        live: Generation(5),
    });
    assert_eq!(
        plan.check_base(&Live {
            generation: Generation(5),
            ..base.clone()
        }),
        refused
    );
    let mut other = base.clone();
    other.kinds[0].artifact = "another-file".to_owned();
    assert_eq!(
        plan.check_base(&other).unwrap_err().code(),
        "plan-other-generation"
    );
    let written = Plan {
        format: PLAN_FORMAT + 1,
        ..plan
    };
    let refused = Err(PlanError::Format {
        reads: PLAN_FORMAT,
        found: PLAN_FORMAT + 1,
    });
    assert_eq!(written.check_base(&base), refused);
}

#[test]
fn a_plan_reads_back_from_its_file_and_an_unknown_field_is_refused_at_every_depth() {
    for place in 1..=VERSIONS {
        let plan = plan(place);
        let text = serde_json::to_string_pretty(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
    for at in ["", "/modules/0", "/modules/0/kinds/0"] {
        let mut file = serde_json::to_value(plan(1)).unwrap();
        file.pointer_mut(at).unwrap()["surprise"] = serde_json::json!(1);
        let refused = serde_json::from_value::<Plan>(file)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("surprise"), "at `{at}`: {refused}");
    }
}

#[test]
fn every_refusal_has_its_own_code_and_a_next_step() {
    let kind = || "ring".to_owned();
    let path = || "libring.so".to_owned();
    let id = described(0).kinds[0].schema;
    let all = [
        PlanError::Empty,
        PlanError::TooMany {
            error: PlanBoundsError::TooMany {
                what: "modules",
                found: 2,
                most: 1,
            },
        },
        PlanError::UnknownKind { kind: kind() },
        PlanError::NotInModule {
            kind: kind(),
            path: path(),
            has: vec![],
        },
        PlanError::Twice { kind: kind() },
        PlanError::Identical {
            kind: kind(),
            path: path(),
        },
        PlanError::NoMigration {
            kind: kind(),
            from: id,
            to: id,
            difference: vec![],
        },
        PlanError::Base {
            planned: Generation(1),
            live: Generation(2),
        },
        PlanError::Format { reads: 2, found: 9 },
        PlanError::Changed {
            path: path(),
            found: kind(),
            planned: path(),
        },
        PlanError::Class {
            kind: kind(),
            planned: Class::Adopt,
            found: Class::Migrate,
        },
        PlanError::Past {
            planned: Height(1),
            now: Height(2),
        },
    ];
    let mut codes: Vec<_> = all.iter().map(PlanError::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|refusal| !refusal.next().is_empty()));
}
