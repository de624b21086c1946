//! The node's side of a shadow replay: the files of old and new code, blocks of the log, one child.

use super::rehearse::Rehearsal;
use crate::rehearsal::{self, Copying, Found, RehearsalError, Request, Stretch};
use refit_abi::host::Explain;
use refit_admin::api::ShadowReport;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

/// Finds blocks for a shadow replay, or why there are none.
pub(crate) type FindStretch = dyn Fn(refit_abi::Generation) -> Result<Stretch, String> + Send;

/// No image comes behind the request: there is nothing that could fail.
struct NoImage;

impl Copying for NoImage {
    fn failure(&mut self) -> Option<RehearsalError> {
        None
    }
}

impl Rehearsal<'_> {
    /// What the new code answers to what was asked last. A failure says only that nothing was found out.
    pub(super) fn shadow(&self, stretch: &FindStretch) -> ShadowReport {
        self.found(stretch).unwrap_or_else(|why| ShadowReport {
            ended: Some(why),
            ..ShadowReport::default()
        })
    }

    fn found(&self, stretch: &FindStretch) -> Result<ShadowReport, String> {
        let asked = self.asked().map_err(|refused| refused.0.detail)?;
        let request = Request {
            shadow: Some(stretch(asked.generation)?),
            ..asked.request
        };
        let hand_over = |to: OwnedFd, head: Vec<u8>| {
            let written = File::from(to).write_all(&head);
            let written = written.map_err(|error| RehearsalError::NotWritten {
                reason: error.to_string(),
            });
            written.map(|()| Box::new(NoImage) as Box<dyn Copying>)
        };
        let called_off = || self.recall.taken_back().is_some();
        match rehearsal::run(self.command, &request, Box::new(hand_over), &called_off) {
            Ok(Found::Shadow(report)) => Ok(*report),
            Ok(Found::Passed(_)) => Err(RehearsalError::WrongProgram.to_string()),
            Err(error) => Err(format!("{error} ({})", error.code())),
        }
    }
}
