//! Opens the node's listeners: its unix socket always, TCP and probes when asked to.

use crate::args::{CommonArgs, ListeningArgs};
use crate::config::{self, ConfigError, File};
use refit_admin::{HostName, Listen, Token};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The listeners that flags and file ask for, the unix socket first.
pub(super) fn listens(
    common: &CommonArgs,
    args: &ListeningArgs,
    file: &File,
) -> Result<Vec<Listen>, ConfigError> {
    let socket = args
        .socket
        .clone()
        .unwrap_or_else(|| config::socket(common, file));
    let mut listens = vec![Listen::Unix(whole(socket))];
    let hosts = match args.allow_hosts.as_slice() {
        [] => &file.admin.allow_hosts,
        given => given,
    };
    if let Some(addr) = args.tcp.or(file.admin.tcp) {
        let beyond = args.tcp_beyond_loopback || file.admin.tcp_beyond_loopback;
        if !(beyond || addr.ip().is_loopback()) {
            return Err(ConfigError::BeyondLoopback { addr });
        }
        listens.push(tcp(common, file, (addr, hosts))?);
    }
    if let Some(addr) = args.probe_listen.or(file.admin.probe_listen) {
        let hosts = hosts.to_vec();
        listens.push(Listen::Probes { addr, hosts });
    }
    Ok(listens)
}

fn tcp(
    common: &CommonArgs,
    file: &File,
    (addr, hosts): (SocketAddr, &[HostName]),
) -> Result<Listen, ConfigError> {
    let text = config::token(common, file)?.ok_or(ConfigError::TokenMissing)?;
    let token = Token::new(&text).map_err(|source| ConfigError::TokenInvalid {
        origin: "the configuration".to_owned(),
        source,
    })?;
    let hosts = hosts.to_vec();
    Ok(Listen::Tcp { addr, token, hosts })
}

/// A path that stays the same file's when an engine changes the working folder, which is the whole process's.
pub(super) fn whole(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}
