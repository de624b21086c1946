//! Why a node gave no usable answer.

use super::NodeAddress;
use crate::exit::Exit;
use miette::Diagnostic;
use std::io;

#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ClientError {
    #[error("no node answers at {address}")]
    #[diagnostic(code(node::unreachable), help("{}", unreachable_next(source)))]
    Unreachable {
        address: NodeAddress,
        source: io::Error,
    },
    #[error("the node at {address} broke off")]
    #[diagnostic(
        code(node::broke_off),
        help("see whether it still runs with `refit status`")
    )]
    BrokeOff {
        address: NodeAddress,
        source: hyper::Error,
    },
    #[error("the node at {address} does not answer within {wait_s} s")]
    #[diagnostic(
        code(node::no_answer),
        help(
            "see how it is with `refit status`; send a message or an order again with the same --key"
        )
    )]
    NoAnswer { address: NodeAddress, wait_s: u64 },
    #[error("the answer of the node at {address} is longer than {bytes_max} bytes")]
    #[diagnostic(code(node::answer_too_large), help("ask for less"))]
    TooLarge {
        address: NodeAddress,
        bytes_max: usize,
    },
    #[error("the answer of the node at {address} is not understood: {reason}")]
    #[diagnostic(
        code(node::not_understood),
        help("see that a Refit node listens there, of this version: `refit --version`")
    )]
    NotUnderstood {
        address: NodeAddress,
        reason: String,
    },
    #[error("the request cannot be written: {reason}")]
    #[diagnostic(code(node::request), help("see that the token is plain text"))]
    Request { reason: String },
}

/// What to do where no connection came about.
fn unreachable_next(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "run this as the user whom the node runs as: its socket and its folder are open to that one alone"
        }
        _ => "start one with `refit run`, or name another with `--node`",
    }
}

impl ClientError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::BrokeOff { .. } | Self::NoAnswer { .. } => {
                Exit::NoAnswer
            }
            Self::TooLarge { .. } | Self::NotUnderstood { .. } | Self::Request { .. } => {
                Exit::Internal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_open_the_socket_is_not_told_to_start_a_node() {
        let next = |kind: io::ErrorKind| unreachable_next(&kind.into());
        assert!(!next(io::ErrorKind::PermissionDenied).contains("refit run"));
        assert!(next(io::ErrorKind::NotFound).contains("refit run"));
    }
}
