//! The linter: each finding with its code, and what refuses a plan.

use refit_abi::descriptor::{
    Ability, CapabilityDescriptor, Descriptor, InterfaceDescriptor, InterfaceWords, KindDescriptor,
    MigrationDescriptor, OlderMessageDescriptor, WayBackDescriptor,
};
use refit_abi::host::Explain;
use refit_abi::schema::{LayoutId, SchemaId, Type};
use refit_abi::words::Words;
use refit_abi::{Generation, Height};
use refit_kernel::Grants;
use refit_upgrade::{
    Directives, Finding, LINT_CODES, Level, LintContext, Live, LiveKind, OfferedModule,
    PLAN_AHEAD_US_MAX, Plan, PlanError, Progress, lint, refusal,
};

fn id(number: u8) -> SchemaId {
    SchemaId([number; 16])
}

fn scalar() -> Type {
    Type::Scalar {
        name: "u64".to_owned(),
        shape: refit_abi::schema::Shape::of::<u64>(),
    }
}

fn older(number: u8) -> OlderMessageDescriptor {
    OlderMessageDescriptor {
        schema: id(number),
        words: Words::default(),
    }
}

fn way(to: u8) -> WayBackDescriptor {
    WayBackDescriptor {
        to: id(to),
        steps: 1,
    }
}

/// A kind whose state, messages and queries are told apart by numbers; it has a way back to every lower number.
pub(super) fn kind(name: &str, state: u8, message: u8, query: u8) -> KindDescriptor {
    KindDescriptor {
        kind: name.to_owned(),
        version: u32::from(state),
        schema: id(state),
        layout: LayoutId([state; 16]),
        state: scalar(),
        crosses_as_bytes: false,
        config: id(1),
        message: id(message),
        reply: id(1),
        query: id(query),
        answer: id(1),
        interface: InterfaceDescriptor {
            config: scalar(),
            message: scalar(),
            reply: scalar(),
            query: scalar(),
            answer: scalar(),
        },
        words: InterfaceWords::default(),
        older_messages: Vec::new(),
        upgrade_message: None,
        after: Vec::new(),
        rollback: false,
        needs: Vec::new(),
        migrations: Vec::new(),
        ways_back: (1..state).map(way).collect(),
    }
}

fn from(state: u8, dropped: &[&str]) -> MigrationDescriptor {
    MigrationDescriptor {
        from_schema: id(state),
        from_layout: LayoutId([state; 16]),
        from: scalar(),
        by_hand: false,
        steps: 1,
        defaults_only: true,
        moved: Vec::new(),
        fresh: Vec::new(),
        dropped: dropped.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn need(ability: Ability, kind: &str) -> CapabilityDescriptor {
    CapabilityDescriptor {
        ability,
        kind: kind.to_owned(),
    }
}

fn live(kinds: Vec<KindDescriptor>) -> Live {
    let live = |descriptor| LiveKind {
        descriptor,
        artifact: "old".to_owned(),
    };
    Live {
        generation: Generation(1),
        kinds: kinds.into_iter().map(live).collect(),
    }
}

fn candidate(kinds: Vec<KindDescriptor>) -> OfferedModule {
    OfferedModule {
        path: "new.so".to_owned(),
        artifact: "new".to_owned(),
        meant: None,
        outside: Vec::new(),
        descriptor: Descriptor {
            abi_epoch: 2,
            compiler_release: String::new(),
            compiler_commit: String::new(),
            toolchain: String::new(),
            layout_epoch: String::new(),
            target: String::new(),
            panic_mode: String::new(),
            build_id: String::new(),
            release_id: None,
            transforms_snapshot: false,
            package: String::new(),
            package_version: String::new(),
            kinds,
        },
    }
}

fn findings(
    old: Vec<KindDescriptor>,
    new: Vec<KindDescriptor>,
    directives: &Directives,
    context: &LintContext,
) -> (Plan, Vec<Finding>) {
    let (live, candidates) = (live(old), [candidate(new)]);
    let plan = Plan::make_with(&live, &candidates, None, directives).unwrap();
    let findings = lint(&plan, &live, &candidates, context);
    let unlisted = |found: &&Finding| !LINT_CODES.contains(&found.code.as_str());
    assert_eq!(findings.iter().find(unlisted), None);
    (plan, findings)
}

/// The findings of a plan without directives on a node that grants all.
pub(super) fn plain(old: Vec<KindDescriptor>, new: Vec<KindDescriptor>) -> Vec<Finding> {
    findings(old, new, &Directives::default(), &LintContext::default()).1
}

pub(super) fn codes(findings: &[Finding]) -> Vec<(&str, Level)> {
    findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.level))
        .collect()
}

#[test]
fn a_plan_says_whether_it_goes_back_and_whether_anything_leads_back_from_it() {
    let codes_of = |old: &KindDescriptor, new: &KindDescriptor| {
        let (live, offered) = (live(vec![old.clone()]), [candidate(vec![new.clone()])]);
        let plan = Plan::make(&live, &offered, None).unwrap();
        let found = lint(&plan, &live, &offered, &LintContext::default());
        found.into_iter().map(|f| f.code).collect::<Vec<_>>()
    };
    let old = kind("kv", 1, 1, 1);
    let mut new = kind("kv", 2, 1, 1);
    new.migrations = vec![from(1, &[])];
    new.ways_back.clear();
    assert_eq!(codes_of(&old, &new), ["irreversible"]);
    new.ways_back = vec![way(1)];
    assert_eq!(codes_of(&old, &new), [""; 0]);
    assert_eq!(codes_of(&new, &old), ["downgrade"]);
    let mut mended = old.clone();
    mended.layout = LayoutId([9; 16]);
    assert_eq!(codes_of(&old, &mended), [""; 0], "the state is the same");
}

#[test]
fn older_code_without_a_way_back_is_refused_with_what_an_operator_can_do() {
    let old = kind("kv", 1, 1, 1);
    let mut new = kind("kv", 2, 1, 1);
    new.migrations = vec![from(1, &[])];
    new.ways_back.clear();
    let plan = |live_kind: &KindDescriptor, offered: &KindDescriptor| {
        let offered = [candidate(vec![offered.clone()])];
        Plan::make(&live(vec![live_kind.clone()]), &offered, None).unwrap_err()
    };
    let refused = plan(&new, &old);
    assert_eq!(refused.code(), "plan-no-way-back");
    assert!(
        refused.next().contains("refit upgrade rollback"),
        "{}",
        refused.next()
    );
    // Known by the step that the live code has from it, where nobody counted versions.
    new.version = 0;
    let uncounted = KindDescriptor { version: 0, ..old };
    assert_eq!(plan(&new, &uncounted).code(), "plan-no-way-back");
    // Not older: a step is missing.
    assert_eq!(
        plan(&uncounted, &kind("kv", 3, 1, 1)).code(),
        "plan-no-migration"
    );
}

#[test]
fn a_module_that_reaches_outside_of_the_node_is_told_of_and_let_pass() {
    let live = live(vec![kind("a", 1, 1, 1)]);
    let mut new = candidate(vec![kind("a", 1, 1, 1)]);
    new.outside = vec!["network (by `socket`)".to_owned()];
    let candidates = [new];
    let plan = Plan::make_with(&live, &candidates, None, &Directives::default()).unwrap();
    let findings = lint(&plan, &live, &candidates, &LintContext::default());
    assert_eq!(codes(&findings), [("outside-calls", Level::Warning)]);
    assert!(findings[0].reason.contains("network (by `socket`)"));
    assert_eq!(refusal(&plan, &findings), None);
}

#[test]
fn a_plan_that_changes_only_code_has_no_findings() {
    assert_eq!(
        plain(vec![kind("a", 1, 1, 1)], vec![kind("a", 1, 1, 1)]),
        []
    );
}

#[test]
fn a_changed_interface_names_the_dependants_that_are_not_in_the_plan() {
    let sender = KindDescriptor {
        needs: vec![need(Ability::Message, "a")],
        ..kind("sender", 1, 1, 1)
    };
    let reader = KindDescriptor {
        needs: vec![need(Ability::Read, "a")],
        ..kind("reader", 1, 1, 1)
    };
    let old = vec![kind("a", 1, 1, 1), sender.clone(), reader];
    let found = plain(old.clone(), vec![kind("a", 1, 2, 2)]);
    assert_eq!(
        codes(&found),
        [
            ("interface-changed", Level::Error),
            ("interface-changed", Level::Warning),
            ("messages-not-accepted", Level::Warning),
        ]
    );
    assert!(found[0].reason.contains("sender") && found[1].reason.contains("reader"));
    let two_back = KindDescriptor {
        older_messages: vec![older(7)],
        ..kind("a", 1, 1, 1)
    };
    let one_back = KindDescriptor {
        older_messages: vec![older(1)],
        ..kind("a", 1, 2, 1)
    };
    let found = plain(vec![two_back.clone()], vec![one_back.clone()]);
    assert_eq!(codes(&found), [("messages-not-accepted", Level::Warning)]);
    // A dependant may still speak the version that goes.
    let found = plain(vec![two_back, sender.clone()], vec![one_back]);
    assert_eq!(found[0].code, "interface-changed");
    assert!(found[0].reason.contains("sender"), "{found:?}");
    let converts = KindDescriptor {
        older_messages: vec![older(1)],
        ..kind("a", 1, 2, 1)
    };
    assert_eq!(plain(old.clone(), vec![converts]), []);
    let both = plain(old, vec![kind("a", 1, 2, 1), sender]);
    assert_eq!(
        codes(&both),
        [("messages-not-accepted", Level::Warning)],
        "the dependant comes in too"
    );
}

#[test]
fn a_changed_configuration_names_the_kinds_that_would_start_engines_with_the_old_one() {
    let parent = KindDescriptor {
        needs: vec![need(Ability::Spawn, "a")],
        ..kind("parent", 1, 1, 1)
    };
    let changed = KindDescriptor {
        config: id(2),
        ..kind("a", 1, 1, 1)
    };
    let old = vec![kind("a", 1, 1, 1), parent.clone()];
    let found = plain(old.clone(), vec![changed.clone()]);
    assert_eq!(codes(&found), [("interface-changed", Level::Error)]);
    assert!(found[0].reason.contains("parent"), "{found:?}");
    assert_eq!(plain(old, vec![changed, parent]), []);
}

#[test]
fn messages_that_wait_for_engines_that_start_afresh_are_looked_at_too() {
    let directives = Directives {
        restart: ["a".to_owned()].into(),
        ..Directives::default()
    };
    let (old, new) = (vec![kind("a", 1, 1, 1)], vec![kind("a", 2, 2, 1)]);
    let (_, found) = findings(old, new, &directives, &LintContext::default());
    assert!(
        codes(&found).contains(&("messages-not-accepted", Level::Warning)),
        "{found:?}"
    );
}

#[test]
fn only_kinds_that_run_a_transition_have_an_order() {
    let after = |name: &str, other: &str, state: u8| KindDescriptor {
        after: vec![other.to_owned()],
        migrations: vec![from(1, &[])],
        ..kind(name, state, 1, 1)
    };
    // A circle among kinds that stay, or whose code alone changes, asks nothing.
    let circle = [after("a", "b", 1), after("b", "a", 1)];
    let old = || [circle.to_vec(), vec![kind("c", 1, 1, 1)]].concat();
    assert_eq!(plain(old(), vec![after("c", "a", 2)]), []);
    assert_eq!(plain(old(), circle.to_vec()), []);
    assert_eq!(
        plain(old(), vec![after("a", "b", 2), circle[1].clone()]),
        []
    );
    // And what nobody asks is not copied.
    let asks_no_more = vec![after("a", "c", 1), after("c", "c2", 2)];
    let (plan, _) = findings(
        old(),
        asks_no_more,
        &Directives::default(),
        &LintContext::default(),
    );
    let mut kinds = plan.modules.iter().flat_map(|module| &module.kinds);
    assert!(kinds.all(|kind| !kind.copied), "{plan:?}");
    let both = candidate(vec![after("a", "b", 2), after("b", "a", 2)]);
    let refused = Plan::make(&live(old()), &[both], None).unwrap_err();
    assert_eq!(refused.code(), "plan-after-cycle");
}

#[test]
fn a_capability_that_is_not_granted_refuses_the_plan_unless_it_is_allowed() {
    let new = KindDescriptor {
        needs: vec![need(Ability::Spawn, "b"), need(Ability::Read, "nobody")],
        ..kind("a", 1, 1, 1)
    };
    let old = vec![kind("a", 1, 1, 1), kind("b", 1, 1, 1)];
    let listed = [("a".to_owned(), vec![need(Ability::Read, "nobody")])].into();
    let context = LintContext {
        grants: Grants { listed },
        ..LintContext::default()
    };
    let mut directives = Directives::default();
    let (plan, found) = findings(old.clone(), vec![new.clone()], &directives, &context);
    assert_eq!(
        codes(&found),
        [
            ("capability-missing", Level::Error),
            ("capability-unknown-kind", Level::Warning),
        ]
    );
    assert_eq!(
        refusal(&plan, &found).map(|found| found.code),
        Some("capability-missing".to_owned())
    );
    directives.allow.insert("capability-missing".to_owned());
    let (plan, found) = findings(old, vec![new], &directives, &context);
    assert_eq!(refusal(&plan, &found), None);
}

#[test]
fn what_code_may_newly_do_is_said_of_live_and_of_new_kinds_and_refused_where_that_is_the_policy() {
    let more = |name: &str| KindDescriptor {
        needs: vec![need(Ability::Message, "b")],
        ..kind(name, 1, 1, 1)
    };
    let old = vec![kind("a", 1, 1, 1), kind("b", 1, 1, 1)];
    let found = |policy: bool, directives: &Directives, new: &str| {
        let context = LintContext {
            refuses_new_capabilities: policy,
            ..LintContext::default()
        };
        let (plan, found) = findings(old.clone(), vec![more(new)], directives, &context);
        let is_new = |found: &&Finding| found.code == "capability-new";
        let level = found.iter().find(is_new).map(|found| found.level);
        (level, refusal(&plan, &found).is_some())
    };
    let mut directives = Directives::default();
    for new in ["a", "c"] {
        assert_eq!(found(false, &directives, new), (Some(Level::Note), false));
        assert_eq!(found(true, &directives, new), (Some(Level::Error), true));
    }
    directives.allow.insert("capability-new".to_owned());
    assert_eq!(found(true, &directives, "a"), (Some(Level::Error), false));
}

#[test]
fn a_height_that_has_passed_refuses_the_plan_and_one_that_is_hardly_meant_is_said() {
    let old = vec![kind("a", 1, 1, 1)];
    let new = kind("a", 1, 1, 1);
    let progress = Progress {
        height: Height(9),
        block_us: 1_000_000,
    };
    let context = LintContext {
        progress: Some(progress),
        ..LintContext::default()
    };
    let found_at = |height: u64| {
        let (mut plan, _) = findings(
            old.clone(),
            vec![new.clone()],
            &Directives::default(),
            &context,
        );
        plan.at_height = Some(Height(height));
        let found = lint(&plan, &live(old.clone()), &[], &context);
        let codes: Vec<_> = codes(&found)
            .into_iter()
            .map(|(code, level)| (code.to_owned(), level))
            .collect();
        codes
    };
    assert_eq!(found_at(8), [("height-passed".to_owned(), Level::Error)]);
    assert_eq!(found_at(9), [], "the present height works");
    let week = PLAN_AHEAD_US_MAX / progress.block_us;
    assert_eq!(found_at(9 + week), []);
    let far = [("height-far".to_owned(), Level::Warning)];
    assert_eq!(found_at(10 + week), far);
    assert_eq!(found_at(u64::MAX), far);
    assert_eq!(progress.us_until(Height(12)), 3_000_000);
    assert_eq!(progress.height_in(2_500_000), Height(12));
}

#[test]
fn dropped_data_and_poisoned_engines_are_said() {
    let new = KindDescriptor {
        migrations: vec![from(1, &["ttl"])],
        ..kind("a", 2, 1, 1)
    };
    let context = LintContext {
        poisoned: [("a".to_owned(), 3)].into(),
        ..LintContext::default()
    };
    let old = vec![kind("a", 1, 1, 1)];
    let (_, found) = findings(
        old.clone(),
        vec![new.clone()],
        &Directives::default(),
        &context,
    );
    assert_eq!(
        codes(&found),
        [
            ("data-dropped", Level::Warning),
            ("engine-poisoned", Level::Warning),
        ]
    );
    assert!(found[0].reason.contains("ttl"));
    let restart = Directives {
        restart: ["a".to_owned()].into(),
        ..Directives::default()
    };
    let (plan, found) = findings(old, vec![new], &restart, &LintContext::default());
    assert_eq!(
        plan.modules[0].kinds[0].class,
        refit_upgrade::Class::Restart
    );
    assert_eq!(
        codes(&found),
        [
            ("data-dropped", Level::Warning),
            ("timers-dropped", Level::Note),
        ]
    );
}

#[test]
fn code_that_is_in_quarantine_is_said_before_it_is_applied() {
    let old = vec![kind("a", 1, 1, 1)];
    let offered = candidate(vec![kind("a", 1, 1, 1)]);
    let said = |artifact: &str| {
        let why = "a transition did not return".to_owned();
        let context = LintContext {
            quarantined: [(artifact.to_owned(), why)].into(),
            ..LintContext::default()
        };
        let new = vec![kind("a", 1, 1, 1)];
        findings(old.clone(), new, &Directives::default(), &context).1
    };
    let found = said(&offered.artifact);
    assert_eq!(codes(&found), [("release-quarantined", Level::Warning)]);
    assert!(found[0].reason.contains("did not return"), "{found:?}");
    assert_eq!(said("another"), []);
}

#[test]
fn what_the_bus_will_do_is_said_before() {
    let talker = KindDescriptor {
        needs: vec![need(Ability::Message, "b")],
        after: vec!["b".to_owned(), "nobody".to_owned()],
        migrations: vec![from(1, &[])],
        ..kind("a", 2, 1, 1)
    };
    let listener = |state| KindDescriptor {
        upgrade_message: Some(id(9)),
        migrations: vec![from(1, &[])],
        ..kind("b", state, 1, 1)
    };
    let old_talker = KindDescriptor {
        needs: talker.needs.clone(),
        ..kind("a", 1, 1, 1)
    };
    let old = vec![old_talker, listener(1)];
    let carried = plain(old.clone(), vec![talker.clone()]);
    assert_eq!(
        codes(&carried),
        [
            ("after-unknown-kind", Level::Warning),
            ("upgrade-message-deferred", Level::Note),
        ]
    );
    let migrated = plain(old, vec![talker, listener(2)]);
    assert_eq!(
        codes(&migrated),
        [
            ("after-unknown-kind", Level::Warning),
            ("state-copied", Level::Note),
        ]
    );
}

#[test]
fn a_circle_of_afters_and_an_order_for_a_kind_that_does_not_come_are_refused_by_name() {
    let after = |name: &str, other: &str| KindDescriptor {
        after: vec![other.to_owned()],
        ..kind(name, 1, 1, 1)
    };
    let old = live(vec![kind("a", 1, 1, 1), kind("b", 1, 1, 1)]);
    let step = |kind: KindDescriptor| KindDescriptor {
        schema: id(2),
        migrations: vec![from(1, &[])],
        ..kind
    };
    let circle = candidate(vec![step(after("a", "b")), step(after("b", "a"))]);
    let refused = Plan::make(&old, &[circle], None).unwrap_err();
    let kinds = ["a", "b", "a"].map(ToOwned::to_owned).to_vec();
    assert_eq!(refused, PlanError::Cycle { kinds });
    assert!(refused.to_string().contains("a → b → a"));
    let directives = Directives {
        dead_letters: ["b".to_owned()].into(),
        ..Directives::default()
    };
    let only_a = candidate(vec![kind("a", 1, 1, 1)]);
    let refused = Plan::make_with(&old, &[only_a], None, &directives).unwrap_err();
    assert_eq!(refused.code(), "plan-kind-not-planned");
}
