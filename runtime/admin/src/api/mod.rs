//! The JSON that crosses the wire: made by the server, read by the command line and the demo alike.
//!
//! These types are the interface's stable shape. Fields are only added; a reader skips what it
//! does not know. Heights and generations are plain numbers, engine ids the text that
//! [`refit_abi::EngineId`] shows.

mod code;
mod event;
mod imported;
mod life;
mod parameters;
mod probation;
mod problem;
mod record;
mod rehearsal;
mod release;
mod status;
mod upgrade;

pub use code::CodeTaken;
pub use event::{Event, EventId, EventIdError};
pub use imported::{
    Authorised, BuildState, FileAttested, Imported, KeysetInForce, NewestRelease, OfferedLibrary,
    OfferedRelease, ReleaseBuild, ReleaseImported, ReleaseName, ReleaseRevoked, ReleasesPruned,
};
pub use life::{Life, LifeError};
pub use parameters::{
    EngineRestarted, EngineRevived, ParameterChange, ParameterValue, ParametersOrdered,
    ParametersReport,
};
pub use probation::{ProbationStatus, RevisedReply, RollBackAccepted, RollBackReport};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem};
pub use record::{CodeBefore, KindBefore, MadeBy, UpgradeRecord};
pub use rehearsal::{
    QuarantineEntry, QuarantineState, RehearsalReport, ShadowDifference, ShadowReport,
};
pub use release::{KeptLibrary, KeptRelease, ReleaseState, WhyKept};
pub use status::{
    DEAD_LETTERS_SHOWN_MAX, DeadLetter, DeadLetters, ENGINES_SHOWN_MAX, EngineState, EngineStatus,
    ForgottenKeys, HaltedStatus, KindStatus, Libraries, NodeInfo, POISONED_SHOWN_MAX,
    ParametersStatus, PoisonStatus, Status, StuckStatus,
};
pub use upgrade::{
    Class, Offline, Phase, PhaseTime, Reason, UPGRADE_CANCELLED, UpgradeAccepted, UpgradeReport,
    UpgradeState, UpgradedKind, WithoutBlock,
};
