//! [`NoServices`]: a node that gives nothing, for calls of code that asks for nothing.

use super::services::{Services, Wanted};
use crate::raw::{CallStatus, HostStatus, RawBudget};
use crate::schema::SchemaId;
use crate::{EngineId, TimerAt, TimerId};

/// Refuses all that a handler asks for, and lets lines and replies go: for code whose calls alone are of interest.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoServices;

impl Services for NoServices {
    fn send(&mut self, _: usize, _: EngineId, _: SchemaId, _: &[u8]) -> HostStatus {
        HostStatus::Unknown
    }

    fn spawn(&mut self, _: usize, _: Wanted<'_>) -> Result<EngineId, HostStatus> {
        Err(HostStatus::Unknown)
    }

    fn stop(&mut self, _: usize, _: EngineId) -> HostStatus {
        HostStatus::Unknown
    }

    fn timer(
        &mut self,
        _: usize,
        _: TimerAt,
        _: SchemaId,
        _: &[u8],
    ) -> Result<TimerId, HostStatus> {
        Err(HostStatus::Past)
    }

    fn cancel_timer(&mut self, _: usize, _: TimerId) -> HostStatus {
        HostStatus::Unknown
    }

    fn budget_left(&self, _: usize) -> RawBudget {
        RawBudget::default()
    }

    fn log(&mut self, _: u8, _: &str) {}

    fn emit(&mut self, _: usize, _: &str, _: &[u8]) -> HostStatus {
        HostStatus::Budget
    }

    fn reply(&mut self, _: usize, _: CallStatus, _: &[u8]) {}
}
