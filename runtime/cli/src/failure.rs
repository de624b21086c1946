//! [`Failure`]: whatever ends a command early. What can end one implements [`Reported`] where it is
//! at home; nothing here knows a command.

use crate::exit::Exit;
use miette::{Diagnostic, LabeledSpan, SourceCode, SourceSpan};
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::error::Error;
use std::{fmt, io};

/// An error that may end a command.
pub(crate) trait Reported: Explain + Error + Send + Sync + 'static {
    /// How the process ends then: as the code says, unless this error knows better.
    fn exit(&self) -> Exit {
        Exit::of(self.code()).unwrap_or(Exit::Internal)
    }

    /// The text that it is about, and what is wrong in it.
    fn marked(&self) -> Option<(&dyn SourceCode, SourceSpan)> {
        None
    }
}

/// An error that ends a command early.
pub(crate) struct Failure(Box<dyn Reported>);

impl<E: Reported> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// Large ones travel in a box.
impl<E: Reported> Reported for Box<E> {
    fn exit(&self) -> Exit {
        (**self).exit()
    }

    fn marked(&self) -> Option<(&dyn SourceCode, SourceSpan)> {
        (**self).marked()
    }
}

impl Failure {
    /// The output cannot be written.
    pub(crate) fn output(source: io::Error) -> Self {
        Machine::Output(source).into()
    }

    /// The machine gives no thread, file or memory.
    pub(crate) fn start(source: io::Error) -> Self {
        Machine::Start(source).into()
    }

    /// The error, if it is of this type.
    pub(crate) fn find<E: Reported>(&self) -> Option<&E> {
        let error: &(dyn Error + 'static) = &*self.0;
        let boxed = || error.downcast_ref::<Box<E>>().map(|error| &**error);
        error.downcast_ref().or_else(boxed)
    }

    pub(crate) fn exit(&self) -> Exit {
        self.0.exit()
    }
}

impl Explain for Failure {
    fn code(&self) -> &str {
        self.0.code()
    }

    fn next(&self) -> Cow<'_, str> {
        self.0.next()
    }

    fn engine_name(&self) -> Option<String> {
        self.0.engine_name()
    }

    fn key(&self) -> Option<&str> {
        self.0.key()
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for Failure {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let next = self.0.next();
        (!next.is_empty()).then(|| Box::new(next) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.marked().map(|(text, _)| text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.0.marked()?;
        let label = LabeledSpan::new_with_span(Some("here".to_owned()), span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// The machine does not do what any command needs.
#[derive(Debug, thiserror::Error)]
enum Machine {
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("cannot start")]
    Start(#[source] io::Error),
}

impl Explain for Machine {
    fn code(&self) -> &str {
        match self {
            Self::Output(_) => codes::OUTPUT_UNWRITABLE,
            Self::Start(_) => codes::PROCESS_START,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Output(_) => {
                "see that what reads stdout is still there, and that there is space where it goes"
            }
            Self::Start(_) => "see that the machine has threads and files to spare",
        })
    }
}

impl Reported for Machine {}
