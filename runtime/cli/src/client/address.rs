//! The address of a node: `unix:PATH` or `http://HOST:PORT`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a node, in the form that the node itself prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeAddress {
    /// The path of its socket.
    Unix(PathBuf),
    /// `HOST:PORT`.
    Http(String),
}

impl FromStr for NodeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason: &str| Err(format!("{reason}; write unix:PATH or http://HOST:PORT"));
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                refuse("no path")
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        if text.starts_with("https:") {
            return refuse("a node speaks no TLS, put a proxy or a tunnel in front of it");
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return refuse("unknown form");
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        match host.parse::<hyper::http::uri::Authority>() {
            Ok(authority) if authority.port_u16().is_some() && !host.contains('@') => {
                Ok(Self::Http(host.to_owned()))
            }
            _ => refuse("no host with a port"),
        }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(host) => write!(f, "http://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_from_what_it_shows() {
        for text in [
            "unix:/run/refit/admin.sock",
            "http://127.0.0.1:7070",
            "http://[::1]:7070",
        ] {
            assert_eq!(text.parse::<NodeAddress>().unwrap().to_string(), text);
        }
        assert_eq!(
            "http://a:1/".parse::<NodeAddress>().unwrap().to_string(),
            "http://a:1"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "unix:",
            "/run/x",
            "http://a",
            "https://a:1",
            "http://a:1/x",
            "http://u@a:1",
        ] {
            assert!(text.parse::<NodeAddress>().is_err(), "{text}");
        }
    }
}
