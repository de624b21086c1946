//! Codes of plans and what their linter finds.

super::codes! { ALL_PLAN: "Planning an upgrade", "Rules of plans. A plan that breaks one is refused, whatever codes it allows.";
    /// The plan names no library.
    PLAN_EMPTY = "plan-empty", Usage, "Name one: `refit upgrade plan KIND=PATH --out plan.json`.";
    /// The plan brings more libraries than one upgrade may.
    PLAN_TOO_MANY_MODULES = "plan-too-many-modules", Usage, "Upgrade in two steps.";
    /// No engine of that kind runs.
    PLAN_UNKNOWN_ENGINE = "plan-unknown-engine", Usage, "See the live kinds with `refit status`.";
    /// The library does not have the kind for which it was named.
    PLAN_KIND_NOT_IN_MODULE = "plan-kind-not-in-module", Usage, "See what the file has with `refit engine inspect FILE`.";
    /// The plan names a kind twice.
    PLAN_KIND_TWICE = "plan-kind-twice", Usage, "Name each kind once.";
    /// The code that the plan brings runs already.
    PLAN_IDENTICAL_CODE = "plan-identical-code", NothingToDo, "Nothing, or change the engine's source and build it again.";
    /// No step leads from the live state to the new one.
    PLAN_NO_MIGRATION = "plan-no-migration", PlanRefused, "Freeze the old type in a module and write `#[derive(Migrate)]` with `#[migrate(from = …)]`, or `impl Migrate` by hand.";
    /// The code is an older version, and the live code has no way back to its state.
    PLAN_NO_WAY_BACK = "plan-no-way-back", PlanRefused, "While the live release is on probation: `refit upgrade rollback`. Later: restore a snapshot of before, or have the author write `impl MigrateBack` in a next version.";
    /// Kinds name each other in `AFTER`, so none can be first.
    PLAN_AFTER_CYCLE = "plan-after-cycle", PlanRefused, "Take one of them out of `AFTER` and use upgrade messages there.";
    /// An order of the plan is about a kind that the plan does not bring.
    PLAN_KIND_NOT_PLANNED = "plan-kind-not-planned", Usage, "Name the kind's library too, or leave the order out.";
    /// The plan was made for another generation than the one that runs.
    PLAN_OTHER_GENERATION = "plan-other-generation", PlanRefused, "Plan again: `refit upgrade plan … --out plan.json`.";
    /// The plan has a format that this node does not read.
    PLAN_FORMAT = "plan-format", PlanRefused, "Plan again with this node's `refit`.";
    /// A library's file has changed since the plan was made.
    PLAN_ARTIFACT_CHANGED = "plan-artifact-changed", PlanRefused, "Plan again: `refit upgrade plan … --out plan.json`.";
    /// The state of a kind would cross in another way than the plan says.
    PLAN_CLASS_CHANGED = "plan-class-changed", PlanRefused, "Plan again: `refit upgrade plan … --out plan.json`.";
    /// The parameters that the plan brings cannot be in force.
    PLAN_PARAMETERS = "plan-parameters", PlanRefused, "See the names and bounds with `refit parameters show`; plan again with other values.";
    /// A module has a function over a whole snapshot, which no node runs while it serves.
    PLAN_NEEDS_OFFLINE = "plan-needs-offline", PlanRefused, "Plan with `--strategy offline`, or upgrade a snapshot: `refit snapshot migrate`.";
    /// Two modules of the plan have a function over a whole snapshot.
    PLAN_TWO_FUNCTIONS = "plan-two-functions", PlanRefused, "Bring one of them at a time.";
    /// The height for which the plan was made is over.
    PLAN_HEIGHT_PASSED = "plan-height-passed", PlanRefused, "Plan again with a later `--at-height`, or none.";
    /// The body is no plan, or too large for one.
    PLAN_UNREADABLE = "plan-unreadable", Usage, "Make a plan with `refit upgrade plan KIND=PATH --out plan.json`.";
}

super::codes! { ALL_LINT: "The plan's linter", "Facts that an operator should know before a plan is applied. An error refuses the plan (exit 22) unless `--allow CODE` names it.";
    /// `AFTER` names a kind that the new generation does not have.
    AFTER_UNKNOWN_KIND = "after-unknown-kind", PlanRefused, "Add the kind, or take it out of `AFTER`.";
    /// An engine needs, or asked for, what the node does not grant it.
    CAPABILITY_MISSING = "capability-missing", Refused, "Declare it in `NEEDS`, and have the node grant it (`grants` in the configuration, or `refit parameters set`).";
    /// The new code declares a capability that the old one did not.
    CAPABILITY_NEW = "capability-new", PlanRefused, "See that it should have it, then allow the code.";
    /// A capability names a kind that the new generation does not have.
    CAPABILITY_UNKNOWN_KIND = "capability-unknown-kind", PlanRefused, "Bring the kind, or take the capability back.";
    /// The upgrade drops fields of a state, and what they hold.
    DATA_DROPPED = "data-dropped", PlanRefused, "Keep the fields, or allow the code if the data may go.";
    /// An older version of a kind comes in, by the live code's way back.
    DOWNGRADE = "downgrade", PlanRefused, "Nothing, if that is meant; else plan with the newer code.";
    /// The engine panicked and takes no messages; a plan that does not restart it leaves it so.
    ENGINE_POISONED = "engine-poisoned", Refused, "On probation take the upgrade back with `refit upgrade rollback`, or keep it with `refit upgrade confirm`. Then bring back the state of before with `refit engine revive ENGINE`; or start it afresh with `refit engine restart ENGINE`, or with mended code: `refit upgrade plan KIND=PATH --restart KIND`.";
    /// The plan's height is very far away.
    HEIGHT_FAR = "height-far", PlanRefused, "See that the height is meant; name a nearer one, or allow the code.";
    /// The plan's height is over, or will be when the plan is applied.
    HEIGHT_PASSED = "height-passed", PlanRefused, "Plan with a later height, or none.";
    /// The new code takes or gives other messages or queries than the old one.
    INTERFACE_CHANGED = "interface-changed", PlanRefused, "Tell its clients, or keep the old forms beside the new ones.";
    /// Once the upgrade is permanent no plan leads back: the new code has no way back to the live state.
    IRREVERSIBLE = "irreversible", PlanRefused, "Look at it well while it is on probation, or take a snapshot first: `refit upgrade apply PLAN --snapshot-before irreversible`.";
    /// Messages of a type that the new code does not take may be waiting.
    MESSAGES_NOT_ACCEPTED = "messages-not-accepted", PlanRefused, "Write `impl MigrateMessage` for the older message, or plan with `--dead-letters KIND`.";
    /// The library reaches outside of the node, where nothing is the same twice.
    OUTSIDE_CALLS = "outside-calls", PlanRefused, "See that no state, reply or message depends on it.";
    /// The pause that the rehearsal took is so long that clients notice it.
    PAUSE_LONG = "pause-long", PlanRefused, "Write a migration that touches fewer fields, or apply when few clients are there.";
    /// The new code answers otherwise to what clients asked last.
    REPLIES_DIFFER = "replies-differ", PlanRefused, "Look at the replies. If they are meant, say so: `refit upgrade plan … --expect-differences KIND`.";
    /// An engine panics under the new code on what clients asked last.
    SHADOW_POISONED = "shadow-poisoned", PlanRefused, "Mend the engine, and plan again.";
    /// The state is copied field by field although its type did not change.
    STATE_COPIED = "state-copied", PlanRefused, "Build with the same toolchain if the pause matters.";
    /// The upgrade drops timers that wait.
    TIMERS_DROPPED = "timers-dropped", PlanRefused, "Set them again in the migration, or allow the code.";
    /// An upgrade message is for a kind that takes it only after the upgrade.
    UPGRADE_MESSAGE_DEFERRED = "upgrade-message-deferred", PlanRefused, "Let the receiver take upgrade messages, or see that later is soon enough.";
    /// A name of a message, query or state that clients write in JSON changed.
    WORDS_CHANGED = "words-changed", PlanRefused, "Keep the old name with `#[serde(alias)]`, or tell the clients.";
    /// Something is named beside a release.
    PLAN_BESIDE_RELEASE = "plan-beside-release", Usage, "Name the release alone: it brings all of its own.";
}
