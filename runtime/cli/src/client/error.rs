//! Why a node gave no usable answer.

use super::NodeAddress;
use crate::failure::Reported;
use refit_abi::codes;
use refit_abi::host::Explain;
use std::borrow::Cow;
use std::io;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("no node answers at {address}")]
    Unreachable {
        address: NodeAddress,
        source: io::Error,
    },
    #[error("the node at {address} broke off")]
    BrokeOff {
        address: NodeAddress,
        source: hyper::Error,
    },
    #[error("the node at {address} does not answer within {wait_s} s")]
    NoAnswer { address: NodeAddress, wait_s: u64 },
    #[error("the answer of the node at {address} is longer than {bytes_max} bytes")]
    TooLarge {
        address: NodeAddress,
        bytes_max: usize,
    },
    #[error("the answer of the node at {address} is not understood: {reason}")]
    NotUnderstood {
        address: NodeAddress,
        reason: String,
    },
    #[error("the request cannot be written: {reason}")]
    Request { reason: String },
}

impl Explain for ClientError {
    fn code(&self) -> &str {
        match self {
            Self::Unreachable { .. } => codes::NODE_UNREACHABLE,
            Self::BrokeOff { .. } => codes::NODE_BROKE_OFF,
            Self::NoAnswer { .. } => codes::NODE_NO_ANSWER,
            Self::TooLarge { .. } => codes::NODE_ANSWER_TOO_LARGE,
            Self::NotUnderstood { .. } => codes::NODE_NOT_UNDERSTOOD,
            Self::Request { .. } => codes::NODE_REQUEST,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unreachable { source, .. } => unreachable_next(source),
            Self::BrokeOff { .. } => "see whether it still runs with `refit status`",
            Self::NoAnswer { .. } => {
                "look at `refit status`; send a message or an order again with the same --key"
            }
            Self::TooLarge { .. } => "ask for less",
            Self::NotUnderstood { .. } => {
                "see that a Refit node listens there, of this version: `refit --version`"
            }
            Self::Request { .. } => "see that the token is plain text",
        })
    }
}

impl Reported for ClientError {}

/// The next step if no connection could be made.
fn unreachable_next(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "run this as the node's user; or have the node open its socket to a group of yours, with --socket-group and --socket"
        }
        // The system takes no such path: a node has none either.
        io::ErrorKind::InvalidInput => {
            "give a path of fewer than 108 bytes: name a shorter data folder with --data-dir, or the node's socket with --socket, or --node"
        }
        _ => "start one with `refit run`, or name another with `--node`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_open_the_socket_is_not_told_to_start_a_node() {
        let next = |kind: io::ErrorKind| unreachable_next(&kind.into());
        assert!(!next(io::ErrorKind::PermissionDenied).contains("refit run"));
        let long = std::path::PathBuf::from("x".repeat(108));
        let refused = std::os::unix::net::UnixStream::connect(long).unwrap_err();
        assert!(next(refused.kind()).contains("fewer than 108 bytes"));
        assert!(next(io::ErrorKind::NotFound).contains("refit run"));
    }
}
