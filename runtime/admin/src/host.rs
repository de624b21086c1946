//! [`HostName`]: a name under which a listener may be asked for, beside its own address.

use axum::http::uri::Authority;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// `HOST` or `HOST:PORT`, as clients write it in `Host`. Without a port it matches all ports: a proxy or a forwarded
/// port has one of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostName(Authority);

/// A text that is no name of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not HOST or HOST:PORT, such as `refit.example` or `10.0.0.7:7070`")]
pub struct HostNameError {
    /// The text.
    pub text: String,
}

impl HostName {
    /// Whether a request for this authority means the host.
    pub(crate) fn is(&self, asked: &Authority) -> bool {
        let port = self.0.port_u16();
        self.0.host().eq_ignore_ascii_case(asked.host())
            && (port.is_none() || port == asked.port_u16())
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let authority = text.parse::<Authority>().ok();
        let plain = |named: &Authority| {
            let port = text.strip_prefix(named.host());
            let port = port.map(|rest| rest.is_empty() || named.port_u16().is_some());
            !named.host().is_empty() && !text.contains(['@', '*']) && port == Some(true)
        };
        let named = authority.filter(plain);
        named.map(Self).ok_or_else(|| HostNameError {
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for HostName {
    type Error = HostNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_itself_at_its_port_or_at_any_if_it_has_none() {
        let means = |name: &str, asked: &str| {
            let name: HostName = name.parse().unwrap();
            name.is(&asked.parse().unwrap())
        };
        for asked in ["refit.example", "REFIT.example:7070"] {
            assert!(means("refit.example", asked), "{asked}");
        }
        assert!(means("refit.example:80", "refit.example:80"));
        assert!(!means("refit.example:80", "refit.example:81"));
        for asked in ["evil.refit.example", "refit.example.evil", "refit"] {
            assert!(!means("refit.example", asked), "{asked}");
        }
    }

    #[test]
    fn what_no_client_writes_in_host_is_refused() {
        for text in [
            "",
            ":80",
            "a@b",
            "a/b",
            "http://a",
            "*.example",
            "a:b",
            "a:99999",
        ] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}
