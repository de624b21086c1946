//! The double's reports of upgrades and rehearsals.

use crate::double::MOMENT;
use crate::looked::kind;
use refit_abi::descriptor::KindDescriptor;
use refit_abi::fixture::{FIXTURE_FORMAT, Fixture};
use refit_abi::{Generation, Height};
use refit_admin::Refusal;
use refit_admin::api::{
    Class, KeptLibrary, KeptRelease, Life, NodeInfo, Phase, PhaseTime, ProbationStatus,
    QuarantineEntry, QuarantineState, Reason, RehearsalReport, ReleaseState, UpgradeReport,
    UpgradeState, UpgradedKind, WhyKept, WithoutBlock,
};

pub(crate) fn committed() -> UpgradeReport {
    UpgradeReport {
        id: 1,
        state: UpgradeState::Committed,
        from: Generation(1),
        to: Generation(2),
        began_at_ms: 1_790_000_000_000,
        ended_at_ms: Some(1_790_000_001_000),
        at_height: None,
        height: Some(Height(30)),
        release: None,
        authorised: None,
        built: None,
        engines: vec![UpgradedKind {
            kind: "kv".to_owned(),
            class: Class::Migrate,
            from_version: Some(1),
            to_version: 2,
            from_package_version: Some("3.0.0".to_owned()),
            package: "kv".to_owned(),
            to_package_version: "3.0.1".to_owned(),
            artifact: "a47f".repeat(16),
            file: "/srv/kv-3.0.1.so".to_owned(),
            engines: 2,
        }],
        class: Class::Migrate,
        reason: None,
        stage_us: 41_200,
        wait_us: 900,
        pause_us: 87,
        without_block: Some(WithoutBlock {
            sweep_us: 40,
            next_us: 110,
            handover_us: 60,
            total_us: 297 + 6_400,
        }),
        copy_us: Some(6_400),
        predicted_us: Some(120),
        digest: Some("d1".repeat(32)),
        timers_dropped: 0,
        phases: vec![
            PhaseTime {
                phase: Phase::Quiesced,
                us: 20,
            },
            PhaseTime {
                phase: Phase::Transitioned,
                us: 50,
            },
            PhaseTime {
                phase: Phase::Committed,
                us: 2,
            },
            PhaseTime {
                phase: Phase::Resumed,
                us: 15,
            },
        ],
        retired: true,
        pinned: Vec::new(),
        rolled_back: None,
        offline: None,
    }
}

pub(crate) fn aborted() -> UpgradeReport {
    let reason = Reason {
        code: "transition-failed".to_owned(),
        detail: "the transition of engine `kv` failed: at key `x`: `soon`: invalid digit found in string (value-is-no-number)".to_owned(),
        next: "correct the migration and make a new plan".to_owned(),
        phase: Phase::Transitioned,
        engine: Some("kv".to_owned()),
        key: Some("x".to_owned()),
    };
    UpgradeReport {
        id: 2,
        state: UpgradeState::Aborted,
        from: Generation(2),
        to: Generation(3),
        height: Some(Height(35)),
        reason: Some(reason),
        without_block: Some(WithoutBlock {
            sweep_us: 0,
            next_us: 130,
            handover_us: 0,
            total_us: 217,
        }),
        copy_us: None,
        predicted_us: None,
        digest: None,
        phases: vec![PhaseTime {
            phase: Phase::Quiesced,
            us: 20,
        }],
        ..committed()
    }
}

pub(crate) fn refused() -> UpgradeReport {
    let reason = Reason {
        code: "elf-not-elf".to_owned(),
        detail: "the file is no ELF file".to_owned(),
        next: "build it with `refit engine build`".to_owned(),
        phase: Phase::Staged,
        engine: None,
        key: None,
    };
    UpgradeReport {
        id: 3,
        state: UpgradeState::Refused,
        height: None,
        reason: Some(reason),
        wait_us: 0,
        pause_us: 0,
        without_block: None,
        predicted_us: None,
        digest: None,
        phases: Vec::new(),
        ..aborted()
    }
}

pub(crate) fn armed() -> UpgradeReport {
    UpgradeReport {
        id: 4,
        state: UpgradeState::Armed,
        from: Generation(2),
        to: Generation(3),
        at_height: Some(Height(1_000_000)),
        height: None,
        ended_at_ms: None,
        wait_us: 0,
        pause_us: 0,
        without_block: None,
        copy_us: None,
        predicted_us: None,
        digest: None,
        phases: vec![PhaseTime {
            phase: Phase::Staged,
            us: 41_200,
        }],
        retired: false,
        ..committed()
    }
}

pub(crate) fn cancelled() -> UpgradeReport {
    let reason = Reason {
        code: "upgrade-cancelled".to_owned(),
        detail: "an operator took it back before its gate closed".to_owned(),
        next: "nothing was changed; plan again when it is time".to_owned(),
        phase: Phase::Armed,
        engine: None,
        key: None,
    };
    UpgradeReport {
        state: UpgradeState::Refused,
        reason: Some(reason),
        ended_at_ms: Some(1_790_000_009_000),
        retired: true,
        ..armed()
    }
}

pub(crate) fn rehearsal(predicted_us: u64) -> RehearsalReport {
    RehearsalReport {
        predicted_us: Some(predicted_us),
        max_pause_us: None,
        runs: 3,
        engines: 2,
        state_bytes: 3 << 20,
        memory_bytes: 1 << 20,
        digest: "cd".repeat(32),
        took_us: 120_000,
        copy_us: 6_400,
        reason: None,
        shadow: None,
    }
}

pub(crate) fn quarantined() -> Vec<QuarantineEntry> {
    let entry = |digits: &str, version: &str, state| QuarantineEntry {
        artifacts: vec![digits.repeat(32)],
        packages: vec![format!("kv {version}")],
        at_ms: 1_790_000_000_000,
        height: 40,
        state,
        code: "pause-stuck".to_owned(),
        reason: "a transition did not return within 30 s".to_owned(),
    };
    vec![
        entry("ab", "3.0.9", QuarantineState::Quarantined),
        entry("ac", "3.0.8", QuarantineState::Failed),
    ]
}

/// The node that tells all this.
pub(crate) fn node(life: Life) -> NodeInfo {
    NodeInfo {
        max_downtime_ms: None,
        refuses_new_capabilities: false,
        version: "0.1.0".to_owned(),
        abi_epoch: 1,
        compiler: "59807616e1fa".to_owned(),
        pid: 4242,
        life: Some(life),
        uptime_s: Some(93_784),
        addresses: vec!["unix:/srv/admin.sock".to_owned()],
        data_dir: Some("/srv/refit-data".to_owned()),
        outlives: true,
    }
}

pub(crate) fn kept() -> Vec<KeptRelease> {
    let library = |version: &str, artifact: &str, bytes| KeptLibrary {
        kinds: vec!["kv".to_owned()],
        package: "kv".to_owned(),
        version: version.to_owned(),
        artifact: artifact.repeat(16),
        bytes,
    };
    let release = |generation, state, library, why| KeptRelease {
        generation,
        state,
        until: None,
        release: None,
        libraries: vec![library],
        why,
    };
    let height = Height(12);
    let code = "transition-failed".to_owned();
    vec![
        release(
            Some(Generation(1)),
            ReleaseState::Old,
            library("3.0.0", "90b1", Some(3 << 20)),
            vec![WhyKept::Checkpoint { height }],
        ),
        release(
            Some(Generation(2)),
            ReleaseState::Current,
            library("3.0.1", "a47f", Some(3 << 20)),
            vec![WhyKept::Live, WhyKept::Replay { from: height }],
        ),
        release(
            None,
            ReleaseState::Failed,
            library("3.0.2", "bad0", None),
            vec![WhyKept::Verdict { code }],
        ),
    ]
}

/// Upgrade 3 is on probation.
pub(crate) fn on_probation(id: u64) -> Result<ProbationStatus, Refusal> {
    match id {
        0 | 3 => Ok(ProbationStatus {
            upgrade: 3,
            generation: MOMENT.generation,
            after: Height(40),
            until: Height(72),
            holds_replies: false,
            unsound: None,
        }),
        _ => Err(Refusal::new(
            409,
            "not-on-probation",
            format!("upgrade {id} is not on probation; upgrade 3 is"),
            "the way back is forward now: make a plan with the code of before (refit upgrade plan KIND=PATH)",
        )),
    }
}

/// The state of `kv`, as it is kept.
pub fn fixture() -> Fixture {
    let KindDescriptor {
        kind,
        version,
        schema,
        ..
    } = kind();
    Fixture {
        format: FIXTURE_FORMAT,
        kind,
        version,
        schema,
        build_id: "b1d0".repeat(8),
        height: Height(41),
        state: b"state".to_vec(),
    }
}
