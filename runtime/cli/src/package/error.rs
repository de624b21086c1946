//! [`AuthorError`]: whatever stops one of the author's commands.

use super::published::KeptError;
use crate::commands::engine_check::CheckError;
use crate::commands::engine_new::NewError;
use crate::exit::Exit;
use miette::Diagnostic;
use refit_author::freeze::FreezeError;
use refit_author::lock::LockError;
use refit_author::render::RenderError;
use std::fmt::{self, Display};

/// The errors of the author's commands, each shown as its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Kept(#[from] KeptError),
    #[error(transparent)]
    Freeze(#[from] FreezeError),
    #[error(transparent)]
    New(#[from] NewError),
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl AuthorError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Lock(_) | Self::Render(_) | Self::Kept(_) => Exit::BuildFailed,
            Self::Freeze(_) | Self::New(_) => Exit::Usage,
            Self::Check(error) => error.exit(),
        }
    }
}

impl Diagnostic for AuthorError {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        match self {
            Self::Lock(error) => error.code(),
            Self::Render(error) => error.code(),
            Self::Kept(error) => Some(boxed(error.code())),
            Self::Freeze(error) => error.code(),
            Self::New(error) => error.code(),
            Self::Check(error) => error.code(),
        }
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        match self {
            Self::Lock(error) => error.help(),
            Self::Render(error) => error.help(),
            Self::Kept(error) => Some(boxed(error.next())),
            Self::Freeze(error) => error.help(),
            Self::New(error) => error.help(),
            Self::Check(error) => error.help(),
        }
    }
}

fn boxed<'a>(text: String) -> Box<dyn fmt::Display + 'a> {
    Box::new(text)
}
