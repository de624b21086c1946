//! A request that the node refused.

use crate::exit::Exit;
use crate::failure::Reported;
use refit_abi::host::Explain;
use refit_admin::api::Problem;
use std::borrow::Cow;

/// HTTP: too many requests.
const TOO_MANY: u16 = 429;

/// HTTP: not now.
const UNAVAILABLE: u16 = 503;

/// HTTP: no answer in time.
const TOO_LATE: u16 = 504;

/// A request that the node refused: its problem, shown as one of our own.
#[derive(Debug, thiserror::Error)]
#[error("the node refused it: {}", _0.detail)]
pub(crate) struct Refused(pub(crate) Problem);

impl Explain for Refused {
    fn code(&self) -> &str {
        &self.0.code
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0.next)
    }

    fn engine_name(&self) -> Option<String> {
        self.0.engine.clone()
    }

    fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }
}

impl Reported for Refused {
    /// An engine's own code, or that of a newer node, says less than the status.
    fn exit(&self) -> Exit {
        Exit::of(&self.0.code).unwrap_or(match self.0.status {
            TOO_MANY | UNAVAILABLE => Exit::Busy,
            TOO_LATE => Exit::NoAnswer,
            _ => Exit::Refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_admin::Refusal;

    fn exit(status: u16, code: &str) -> Exit {
        let refusal = Refusal::new(status, code, "no", "another");
        Refused(Problem::new(refusal, "/v1/engines".to_owned())).exit()
    }

    #[test]
    fn a_refusal_exits_by_its_code_and_an_unknown_one_by_its_status() {
        assert_eq!(exit(409, "upgrade-under-way"), Exit::Busy);
        assert_eq!(exit(409, "plan-identical-code"), Exit::NothingToDo);
        assert_eq!(exit(404, "engine-unknown"), Exit::Refused);
        assert_eq!(exit(422, "too-poor"), Exit::Refused);
        assert_eq!(exit(503, "of-a-newer-node"), Exit::Busy);
        assert_eq!(exit(504, "of-a-newer-node"), Exit::NoAnswer);
    }
}
