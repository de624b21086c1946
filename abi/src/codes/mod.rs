//! The codes: one stable word for each reason why something is not done, in lower case with dashes.
//!
//! A code is a constant here and nowhere else: code that refuses says it, code that decides by it compares
//! with it, the command line exits by it, and `runtime/ERRORS.md` is written from it. A code is never
//! given another meaning; one that nothing says any more is taken out, and the changelog tells.
//!
//! Engines have codes of their own beside these, in their faults.

macro_rules! codes {
    ($group:ident: $title:literal, $about:literal;
     $($(#[doc = $means:literal])+ $name:ident = $code:literal, $exit:ident, $next:literal;)*) => {
        $($(#[doc = $means])+ pub const $name: &str = $code;)*

        #[cfg(feature = "host")]
        pub(super) const $group: super::Group = super::Group {
            title: $title,
            about: $about,
            codes: &[$(super::Known {
                code: $code,
                name: stringify!($name),
                exit: super::Exit::$exit,
                means: concat!($($means),+),
                next: $next,
            }),*],
        };
    };
}
use codes;

mod author;
mod bus;
mod cli;
mod doctor;
#[cfg(feature = "host")]
mod exit;
mod http;
mod library;
mod message;
mod node;
mod plan;
mod rehearsal;
mod release;
mod snapshot;
mod source;
mod upgrade;

pub use author::*;
pub use bus::*;
pub use cli::*;
pub use doctor::*;
#[cfg(feature = "host")]
pub use exit::Exit;
pub use http::*;
pub use library::*;
pub use message::*;
pub use node::*;
pub use plan::*;
pub use rehearsal::*;
pub use release::*;
pub use snapshot::*;
pub use source::*;
pub use upgrade::*;

/// One code, and what it means to people.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The code, such as `gate-closed`.
    pub code: &'static str,
    /// Its constant's name.
    pub name: &'static str,
    /// The exit code of a command that meets the error, unless the command itself chooses another.
    pub exit: Exit,
    means: &'static str,
    /// The next step for the reader, in a sentence.
    pub next: &'static str,
}

/// Codes of one operation.
#[cfg(feature = "host")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The operation that they belong to, as the heading of its table.
    pub title: &'static str,
    /// The subject that they have in common, in a sentence or two.
    pub about: &'static str,
    /// The codes, in the order in which they are listed.
    pub codes: &'static [Known],
}

/// All codes that a node and its tools may say.
#[cfg(feature = "host")]
pub const GROUPS: &[Group] = &[
    source::ALL_BUILD,
    library::ALL_LIBRARY,
    library::ALL_PROBE,
    library::ALL_LOAD,
    plan::ALL_PLAN,
    plan::ALL_LINT,
    upgrade::ALL_UPGRADE,
    rehearsal::ALL_REHEARSAL,
    bus::ALL_BUS,
    bus::ALL_HANDLER,
    message::ALL_MESSAGE,
    http::ALL_HTTP,
    node::ALL_BLOCK,
    node::ALL_RUN,
    doctor::ALL_DOCTOR,
    snapshot::ALL_SNAPSHOT,
    release::ALL_RELEASE,
    cli::ALL_CLI,
    author::ALL_AUTHOR,
];

#[cfg(feature = "host")]
impl Known {
    /// The meaning of the code, in a sentence.
    pub fn means(&self) -> &'static str {
        self.means.trim_start()
    }
}

/// Looks up a code; `None` for an engine's own, or one of another release.
#[cfg(feature = "host")]
pub fn find(code: &str) -> Option<&'static Known> {
    GROUPS
        .iter()
        .flat_map(|group| group.codes)
        .find(|known| known.code == code)
}
