//! Why a plan cannot be made or is not good here.

use refit_abi::Generation;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_abi::schema::SchemaId;
use refit_kernel::ParametersError;
use std::borrow::Cow;

/// Why a plan is not looked at any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanBoundsError {
    /// There are more of something than may be.
    #[error("the plan names {found} {what}, at most {most}")]
    TooMany {
        /// Of what, such as `modules`.
        what: &'static str,
        /// As many as there are.
        found: usize,
        /// As many as may be.
        most: usize,
    },
    /// Two modules are one file.
    #[error("two modules of the plan are the same file, {artifact}")]
    SameFile {
        /// BLAKE3 of the file, in hexadecimal.
        artifact: String,
    },
    /// A name is too long, or holds what a terminal or a reader of lines would obey.
    #[error(
        "the plan has a {what} that is longer than {bytes_max} bytes or has characters that a terminal obeys: {shown}"
    )]
    Name {
        /// Of what, such as `path`.
        what: &'static str,
        /// The most bytes that it may have.
        bytes_max: usize,
        /// Its beginning, fit to be shown.
        shown: String,
    },
    /// A report of it would be too long.
    #[error("the plan's files and names, said with each kind, have {found} bytes, at most {most}")]
    Report {
        /// As many as there would be.
        found: usize,
        /// As many as may be.
        most: usize,
    },
}

/// Why a plan cannot be made or is not good here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Nothing was named.
    #[error("the plan names no module")]
    Empty,
    /// More than may be.
    #[error("{error}")]
    TooMany {
        /// Of what, and how many may be.
        error: PlanBoundsError,
    },
    /// No engine of the node is of the kind.
    #[error("no engine kind `{kind}` is live on this node")]
    UnknownKind {
        /// The kind that was named.
        kind: String,
    },
    /// The module does not have the kind.
    #[error("{path} has no engine kind `{kind}`; it has {}", has.join(", "))]
    NotInModule {
        /// The kind that was named.
        kind: String,
        /// The module's file.
        path: String,
        /// The kinds it has.
        has: Vec<String>,
    },
    /// Two modules bring the same kind.
    #[error("two modules of the plan bring the engine kind `{kind}`")]
    Twice {
        /// The name of the engine kind.
        kind: String,
    },
    /// The code is what runs already.
    #[error("{path} is the very code that runs as `{kind}`: nothing would change")]
    Identical {
        /// The name of the engine kind.
        kind: String,
        /// The module's file.
        path: String,
    },
    /// The schema changed and no step leads there.
    #[error(
        "the state of `{kind}` changed from schema {from} to {to} and the new module has no step \
         between them:{}",
        lines(difference)
    )]
    NoMigration {
        /// The name of the engine kind.
        kind: String,
        /// The live schema.
        from: SchemaId,
        /// The new schema.
        to: SchemaId,
        /// The changes of the schema, one a line.
        difference: Vec<String>,
    },
    /// It is an older version, and the live code has no way back to it.
    #[error(
        "version {to_version} of `{kind}` is older than the live version {from_version}, which has no \
         way back to its state:{}",
        lines(difference)
    )]
    NoWayBack {
        /// The name of the engine kind.
        kind: String,
        /// The live version of the state.
        from_version: u32,
        /// The version of the state that would come in.
        to_version: u32,
        /// The changes of the schema, one a line.
        difference: Vec<String>,
    },
    /// Kinds come after each other in a circle.
    #[error(
        "the transitions have no order, each asks the next one's new state: {}",
        kinds.join(" → ")
    )]
    Cycle {
        /// The kinds, the first again at the end.
        kinds: Vec<String>,
    },
    /// A strategy for a kind that does not come in.
    #[error("the plan has an order for `{kind}`, which it does not replace")]
    NotPlanned {
        /// The name of the engine kind.
        kind: String,
    },
    /// Made for another generation.
    #[error("{}", made_for_another(*planned, *live))]
    Base {
        /// The plan's.
        planned: Generation,
        /// The node's.
        live: Generation,
    },
    /// Written by another version.
    #[error("the plan has format {found}, this node reads {reads}")]
    Format {
        /// The format that this node reads.
        reads: u32,
        /// The plan's format.
        found: u32,
    },
    /// The file is not the one that was planned.
    #[error("{path} is not the file that was planned: its hash is {found}, planned was {planned}")]
    Changed {
        /// The file.
        path: String,
        /// Its hash now.
        found: String,
        /// Its hash in the plan.
        planned: String,
    },
    /// The plan's class differs from the one that the code gives.
    #[error("the plan says `{kind}` crosses by {planned}, the code gives {found}")]
    Class {
        /// The name of the engine kind.
        kind: String,
        /// In the plan.
        planned: crate::class::Class,
        /// The class that the code gives.
        found: crate::class::Class,
    },
    /// It would set parameters that cannot be so.
    #[error("the plan sets parameters that cannot be: {error}")]
    Parameters {
        /// Which, and their bounds.
        error: ParametersError,
    },
    /// A module can only come in while the node does not serve.
    #[error(
        "{path} has a function over a whole snapshot, which no node runs while it serves: it needs the strategy `offline`"
    )]
    NeedsOffline {
        /// The module's file.
        path: String,
    },
    /// Two modules would each make all states.
    #[error("{} and {} both have a function over a whole snapshot", paths[0], paths[1])]
    TwoFunctions {
        /// The modules' files.
        paths: [String; 2],
    },
    /// The height has passed.
    #[error("the plan is for height {planned}, the node is at {now}")]
    Past {
        /// The plan's height.
        planned: refit_abi::Height,
        /// The node's.
        now: refit_abi::Height,
    },
}

fn made_for_another(planned: Generation, live: Generation) -> String {
    match planned == live {
        // The numbers tell them apart no more.
        true => format!(
            "the plan was made for other live code than this node's, for generation {live} of another node or of an \
             earlier run"
        ),
        false => format!(
            "the plan was made for other live code (generation {planned}) than this node's (generation {live})"
        ),
    }
}

impl Explain for PlanError {
    fn code(&self) -> &str {
        match self {
            PlanError::Empty => codes::PLAN_EMPTY,
            PlanError::TooMany { .. } => codes::PLAN_TOO_MANY_MODULES,
            PlanError::UnknownKind { .. } => codes::PLAN_UNKNOWN_ENGINE,
            PlanError::NotInModule { .. } => codes::PLAN_KIND_NOT_IN_MODULE,
            PlanError::Twice { .. } => codes::PLAN_KIND_TWICE,
            PlanError::Identical { .. } => codes::PLAN_IDENTICAL_CODE,
            PlanError::NoMigration { .. } => codes::PLAN_NO_MIGRATION,
            PlanError::NoWayBack { .. } => codes::PLAN_NO_WAY_BACK,
            PlanError::Cycle { .. } => codes::PLAN_AFTER_CYCLE,
            PlanError::NotPlanned { .. } => codes::PLAN_KIND_NOT_PLANNED,
            PlanError::Base { .. } => codes::PLAN_OTHER_GENERATION,
            PlanError::Format { .. } => codes::PLAN_FORMAT,
            PlanError::Changed { .. } => codes::PLAN_ARTIFACT_CHANGED,
            PlanError::Class { .. } => codes::PLAN_CLASS_CHANGED,
            PlanError::Parameters { .. } => codes::PLAN_PARAMETERS,
            PlanError::NeedsOffline { .. } => codes::PLAN_NEEDS_OFFLINE,
            PlanError::TwoFunctions { .. } => codes::PLAN_TWO_FUNCTIONS,
            PlanError::Past { .. } => codes::PLAN_HEIGHT_PASSED,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            PlanError::Empty => "name a module: refit upgrade plan KIND=PATH --out plan.json",
            PlanError::TooMany { .. } => "upgrade in two steps",
            PlanError::UnknownKind { .. } => "see the live kinds with: refit status",
            PlanError::NotInModule { .. } => {
                "see what the file has with: refit engine inspect FILE"
            }
            PlanError::Twice { .. } => "name each kind once",
            PlanError::Identical { .. } => "change the engine's source and build it again",
            PlanError::NoMigration { .. } => {
                "freeze the old type in a module and write #[derive(Migrate)] with \
                 #[migrate(from = …)], or impl Migrate by hand"
            }
            PlanError::NoWayBack { .. } => NO_WAY_BACK,
            PlanError::Cycle { .. } => {
                "take one of them out of `AFTER` and use upgrade messages there"
            }
            PlanError::NotPlanned { .. } => "name the kind's module too, or leave the order out",
            PlanError::Base { .. } | PlanError::Class { .. } | PlanError::Changed { .. } => {
                "plan again: refit upgrade plan … --out plan.json"
            }
            PlanError::Format { .. } => "plan again with this node's refit",
            PlanError::Parameters { .. } => {
                "see the names and bounds with: refit parameters show; plan again with other values"
            }
            PlanError::NeedsOffline { .. } => {
                "plan with --strategy offline, or upgrade a snapshot: refit snapshot migrate"
            }
            PlanError::TwoFunctions { .. } => "bring one of them at a time",
            PlanError::Past { .. } => "plan again with a later --at-height, or none",
        })
    }
}

/// What an operator can do without the author; and what the author can.
const NO_WAY_BACK: &str = "while the live release is on probation: refit upgrade rollback; later the state of before \
    comes back with a snapshot of then (refit snapshot restore), without what was done since; to keep that, \
    the author writes `impl MigrateBack` in a next version, and a plan leads back from there";

fn lines(difference: &[String]) -> String {
    difference
        .iter()
        .map(|line| format!("\n  {line}"))
        .collect()
}
