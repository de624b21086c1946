//! Decides which clients may ask at all: the door of the TCP listener.
//!
//! A page in a browser can send requests to this machine, and by DNS rebinding even under a name of its own. So on
//! TCP every request must name this listener in `Host` (and in `Origin`, if it has one) *and* present the token,
//! except on a listener for probes, which shows nothing but health. The unix socket has no such door: its mode
//! is the door (0600, or 0660 for a group), and no browser reaches it.

use crate::{HostName, Refusal, Token};
use axum::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request};
use refit_abi::codes;
use std::net::{IpAddr, SocketAddr};

/// Port that a `Host` without a port means.
const HTTP_PORT: u16 = 80;

/// The rules of one TCP listener.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) bound: SocketAddr,
    /// The token that a client must present; none on a listener for probes.
    pub(crate) token: Option<Token>,
    /// Names that the operator has given it.
    pub(crate) hosts: Vec<HostName>,
}

impl Door {
    /// Whether a request may come in.
    ///
    /// # Errors
    /// The refusal, if it does not name this listener or does not present the token.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        self.check_names(request)?;
        self.check_token(request.headers())
    }

    fn check_names<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let host = only(request.headers(), &HOST)?
            .ok_or_else(|| self.refuse_name(codes::HOST_REFUSED, "the request has no `Host`"))?;
        if !self.is_me(host)
            || request
                .uri()
                .authority()
                .is_some_and(|a| !self.is_me(a.as_str()))
        {
            let detail = format!("`Host: {host}` is not this listener");
            return Err(self.refuse_name(codes::HOST_REFUSED, detail));
        }
        match only(request.headers(), &ORIGIN)? {
            Some(origin)
                if !origin
                    .strip_prefix("http://")
                    .is_some_and(|o| self.is_me(o)) =>
            {
                let detail = format!("`Origin: {origin}` is not this listener");
                Err(self.refuse_name(codes::ORIGIN_REFUSED, detail))
            }
            _ => Ok(()),
        }
    }

    /// Whether `HOST[:PORT]` names this listener. A name beside `localhost` does only if the operator says so,
    /// because the owner of the name chooses its address; an address literal cannot be rebound.
    fn is_me(&self, text: &str) -> bool {
        let Ok(authority) = text.parse::<Authority>() else {
            return false;
        };
        if text.contains('@') {
            return false;
        }
        if self.hosts.iter().any(|host| host.is(&authority)) {
            return true;
        }
        if authority.port_u16().unwrap_or(HTTP_PORT) != self.bound.port() {
            return false;
        }
        let here = self.bound.ip();
        let named = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if named.eq_ignore_ascii_case("localhost") {
            return here.is_loopback() || here.is_unspecified();
        }
        named
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip == here || here.is_unspecified())
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let presented = only(headers, &AUTHORIZATION)?.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match presented {
            Some(presented) if token.admits(presented) => Ok(()),
            Some(_) => Err(unauthorised("the token is not this node's")),
            None => Err(unauthorised(
                "the request has no `Authorization: Bearer` header",
            )),
        }
    }

    fn refuse_name(&self, code: &str, detail: impl Into<String>) -> Refusal {
        let next = format!(
            "ask for http://{}, or start the node with --allow-host HOST",
            self.bound
        );
        Refusal::new(403, code, detail, next)
    }
}

/// The one value of a header; two values are an attempt to be read in two ways.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let refuse = |detail| {
        Refusal::new(
            400,
            codes::HEADER_REFUSED,
            detail,
            "send the header once, in ASCII",
        )
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refuse(format!("the header `{name}` is not ASCII"))),
        },
        (Some(_), Some(_)) => Err(refuse(format!("the header `{name}` is there twice"))),
    }
}

fn unauthorised(detail: &str) -> Refusal {
    let next = "present the token that the node was started with; `refit` reads it from the file that --token-file names, or from REFIT_TOKEN";
    Refusal::new(401, codes::UNAUTHORISED, detail, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(bound: &str) -> Door {
        Door {
            bound: bound.parse().unwrap(),
            token: None,
            hosts: Vec::new(),
        }
    }

    #[test]
    fn a_loopback_listener_is_named_by_its_address_and_localhost_alone() {
        let door = door("127.0.0.1:7070");
        for me in ["127.0.0.1:7070", "localhost:7070", "LOCALHOST:7070"] {
            assert!(door.is_me(me), "{me}");
        }
        for other in [
            "localhost",
            "localhost:7071",
            "127.0.0.2:7070",
            "evil.example:7070",
            "0.0.0.0:7070",
            "a@127.0.0.1:7070",
            "127.0.0.1.evil.example:7070",
            "",
            "[::1]:7070",
        ] {
            assert!(!door.is_me(other), "{other}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_named_by_any_address_but_by_no_name() {
        let door = door("[::]:80");
        for me in ["192.0.2.7", "192.0.2.7:80", "[2001:db8::1]", "localhost"] {
            assert!(door.is_me(me), "{me}");
        }
        assert!(!door.is_me("evil.example"));
        assert!(!self::door("192.0.2.7:80").is_me("localhost"));
    }

    #[test]
    fn a_name_that_the_operator_gives_is_the_listeners_too_and_no_other() {
        let door = Door {
            hosts: vec!["refit.example".parse().unwrap()],
            ..door("127.0.0.1:7070")
        };
        for me in ["refit.example", "refit.example:443", "127.0.0.1:7070"] {
            assert!(door.is_me(me), "{me}");
        }
        for other in ["evil.example", "a@refit.example", "127.0.0.1:443"] {
            assert!(!door.is_me(other), "{other}");
        }
    }
}
