//! [`Shown`]: a failure as a report to people has it.

use super::safe;
use crate::failure::Failure;
use miette::{Diagnostic, LabeledSpan, SourceCode};
use std::error::Error;
use std::fmt;

/// A failure of whose texts none steers the terminal: only the form of the report does.
pub(super) struct Shown {
    failure: Failure,
    cause: Option<Cause>,
}

/// Why it came to that, from the nearest cause on.
#[derive(Debug)]
struct Cause {
    said: String,
    cause: Option<Box<Cause>>,
}

impl Shown {
    pub(super) fn of(failure: Failure) -> Self {
        let cause = failure.source().map(Cause::of);
        Self { failure, cause }
    }
}

impl Cause {
    fn of(error: &dyn Error) -> Self {
        Self {
            said: safe::lines(&error.to_string()),
            cause: error.source().map(|cause| Box::new(Self::of(cause))),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&safe::lines(&self.failure.to_string()))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.failure, f)
    }
}

impl Error for Shown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let code = Diagnostic::code(&self.failure)?;
        Some(Box::new(safe::line(&code.to_string())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.failure.help()?;
        Some(Box::new(safe::lines(&help.to_string())))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.failure.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.failure.labels()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refused;
    use refit_admin::Refusal;
    use refit_admin::api::Problem;
    use std::io;

    #[test]
    fn no_text_of_a_failure_steers_the_terminal() {
        let said = "no\u{1b}[2J\nsecond\u{202e}";
        let refusal = Refusal::new(409, "engine-code", said, said);
        let refused = Refused(Problem::new(refusal, "/v1/status".to_owned()));
        for failure in [refused.into(), Failure::start(io::Error::other(said))] {
            let shown = Shown::of(failure);
            let cause = shown.source().map(ToString::to_string);
            let help = shown.help().map(|help| help.to_string());
            let told = [
                shown.to_string(),
                cause.unwrap_or_default(),
                help.unwrap_or_default(),
            ];
            let told = told.join("\n");
            assert!(told.contains("no\\u{1b}[2J\nsecond\\u{202e}"), "{told}");
            assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
        }
    }
}
