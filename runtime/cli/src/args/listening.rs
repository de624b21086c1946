//! The flags for the addresses on which a node listens.

use clap::Args;
use refit_admin::HostName;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ListeningArgs {
    /// Path of the unix socket. [default: admin.sock in the data folder]
    #[arg(
        long,
        value_name = "PATH",
        env = "REFIT_SOCKET",
        help_heading = "Listening"
    )]
    pub(crate) socket: Option<PathBuf>,
    /// Opens the socket to the members of this group too: its name in /etc/group, or its number, which digits alone
    /// are. Its folder has to let them in as well, which a data folder does not: name another place with --socket.
    /// [default: its owner alone]
    #[arg(
        long,
        value_name = "GROUP",
        env = "REFIT_SOCKET_GROUP",
        help_heading = "Listening"
    )]
    pub(crate) socket_group: Option<String>,
    /// Listens on TCP too; needs a token. HOST is an address, or `localhost`.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "REFIT_TCP",
        value_parser = listen_addr,
        help_heading = "Listening"
    )]
    pub(crate) tcp: Option<SocketAddr>,
    /// Lets --tcp be an address that other machines reach. Nothing on it is encrypted, not even the token.
    #[arg(long, env = "REFIT_TCP_BEYOND_LOOPBACK", help_heading = "Listening")]
    pub(crate) tcp_beyond_loopback: bool,
    /// Listens here for /livez, /readyz and /metrics alone, without a token.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "REFIT_PROBE_LISTEN",
        value_parser = listen_addr,
        help_heading = "Listening"
    )]
    pub(crate) probe_listen: Option<SocketAddr>,
    /// A name, HOST or HOST:PORT, under which clients and probes may ask over TCP, beside the address. May be given
    /// several times.
    #[arg(
        long = "allow-host",
        value_name = "HOST",
        env = "REFIT_ALLOW_HOSTS",
        value_delimiter = ',',
        help_heading = "Listening"
    )]
    pub(crate) allow_hosts: Vec<HostName>,
}

/// The host name that needs no resolver.
const LOCALHOST: &str = "localhost:";

/// An address to listen on: a literal one, or `localhost`.
pub(crate) fn listen_addr(text: &str) -> Result<SocketAddr, String> {
    let local = text
        .strip_prefix(LOCALHOST)
        .and_then(|port| port.parse().ok());
    let addr = match local {
        Some(port) => Some((Ipv4Addr::LOCALHOST, port).into()),
        None => text.parse().ok(),
    };
    addr.ok_or_else(|| {
        "write an address and a port, such as 127.0.0.1:7070, or localhost:7070".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_literal_one_or_localhost() {
        let addr = |text: &str| listen_addr(text).map(|addr| addr.to_string());
        assert_eq!(addr("localhost:7070").unwrap(), "127.0.0.1:7070");
        assert_eq!(addr("[::1]:7070").unwrap(), "[::1]:7070");
        for text in [
            "localhost",
            "localhost:x",
            "example.org:80",
            "127.0.0.1",
            "",
        ] {
            assert!(addr(text).is_err(), "{text}");
        }
    }
}
