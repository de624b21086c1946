//! Writes a [`Finding`] for people: a line, a code, the next step, and the whole text.

use super::compare::{Fault, Finding};
use super::lock::LOCK_FILE;
use refit_abi::codes;

impl Finding {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Changed { .. } => codes::AUTHOR_STATE_CHANGED,
            Fault::Unreachable { .. } => codes::AUTHOR_NO_MIGRATION,
            Fault::Behind { .. } => codes::AUTHOR_VERSION_BEHIND,
            Fault::FrozenChanged { .. } => codes::AUTHOR_FROZEN_TYPE_EDITED,
            Fault::FrozenLayout { .. } => codes::AUTHOR_FROZEN_TYPE_MOVED,
            Fault::Gone { .. } => codes::AUTHOR_KIND_GONE,
            Fault::Undeclared { .. } => codes::AUTHOR_BUMP_MISSING,
        }
    }

    /// The fault in one line.
    pub fn headline(&self) -> String {
        let kind = &self.kind;
        match &self.fault {
            Fault::Changed { version, .. } => {
                format!(
                    "the state of `{kind}` changed and its version did not: another state was published as {version}"
                )
            }
            Fault::Unreachable { version, head, .. } => {
                format!(
                    "`{kind}` has no Migrate by which a node at published version {version} comes to {head}"
                )
            }
            Fault::Behind { head, newest, .. } => {
                format!(
                    "`{kind}` is at version {head}, and version {newest} was published: nodes that hold it have no way back"
                )
            }
            Fault::FrozenChanged {
                version, module, ..
            } => {
                format!(
                    "the frozen version {version} of `{kind}` in src/{module}.rs was edited: it is not what was published"
                )
            }
            Fault::FrozenLayout { version, module } => {
                format!(
                    "the frozen version {version} of `{kind}` in src/{module}.rs has another memory layout than the published one"
                )
            }
            Fault::Gone { package } => {
                format!("`{kind}` was published, and {package} has no such kind any more")
            }
            Fault::Undeclared {
                package,
                from,
                to,
                needs,
            } => {
                format!(
                    "`{kind}` changed since {package} {from}, which needs a {needs} version; this one is {to}"
                )
            }
        }
    }

    /// The next step for the author.
    pub fn next(&self, folder: &str) -> String {
        match &self.fault {
            Fault::Changed { version, .. } => format!(
                "raise it to #[state(version = {})] and write the step with the stub that was printed",
                version + 1
            ),
            Fault::Unreachable { version, .. } => format!(
                "write the step from version {version} with the stub that was printed; keep the older steps, they are composed"
            ),
            Fault::Behind { newest, module, .. } => format!(
                "go on from version {newest}: `refit engine freeze {folder} --restore {module}` writes its frozen types anew, and sets a file that is there aside as src/{module}.rs.before"
            ),
            Fault::FrozenChanged { module, .. } => format!(
                "take src/{module}.rs back from version control, or run `refit engine freeze {folder} --restore {module}`, which sets the edited one aside as src/{module}.rs.before; changes belong into the next version"
            ),
            Fault::FrozenLayout { module, .. } => {
                format!("give the types in src/{module}.rs the `repr` that the published ones had")
            }
            Fault::Gone { .. } => format!(
                "bring the kind back; or, if no node runs it, `refit engine freeze {folder} --forget {}`",
                self.kind
            ),
            Fault::Undeclared { .. } => format!(
                "see `refit engine check {folder}`; raise `version` in Cargo.toml and run `cargo update --workspace --offline`, or take the change back"
            ),
        }
    }

    /// Everything about it, with the stub to paste as it is.
    pub fn text(&self) -> String {
        let mut text = format!("{LOCK_FILE}: {}\n", self.headline());
        let none: &[String] = &[];
        let (differences, stub) = match &self.fault {
            Fault::Changed {
                differences, stub, ..
            }
            | Fault::Unreachable {
                differences, stub, ..
            } => (&differences[..], stub.as_str()),
            Fault::FrozenChanged { differences, .. } => (&differences[..], ""),
            Fault::Behind { .. }
            | Fault::FrozenLayout { .. }
            | Fault::Gone { .. }
            | Fault::Undeclared { .. } => (none, ""),
        };
        for difference in differences {
            text.push_str(&format!("  {difference}\n"));
        }
        if !stub.is_empty() {
            text.push_str(&format!("the step, to paste and complete:\n\n{stub}\n"));
        }
        text
    }
}
