//! How the errors of the author's commands end a command: as their codes say.

use crate::failure::Reported;
use refit_author::freeze::FreezeError;
use refit_author::lock::LockError;
use refit_author::render::RenderError;

impl Reported for LockError {}

impl Reported for RenderError {}

impl Reported for FreezeError {}
