//! Opens the node's listeners: its unix socket always, TCP and probes when asked to.

use super::outside::Named;
use crate::args::{CommonArgs, ListeningArgs};
use crate::config::{self, ConfigError, File};
use refit_admin::{Listen, Token};
use std::path::PathBuf;

/// The listeners that flags and file ask for, the unix socket first.
pub(super) fn listens(
    common: &CommonArgs,
    args: &ListeningArgs,
    file: &File,
    named: &Named,
) -> Result<Vec<Listen>, ConfigError> {
    let socket = args
        .socket
        .clone()
        .unwrap_or_else(|| config::socket(common, file));
    let path = whole(socket);
    let mut listens = vec![match named.group {
        Some(group) => Listen::UnixGroup { path, group },
        None => Listen::Unix(path),
    }];
    let hosts = match args.allow_hosts.as_slice() {
        [] => &file.admin.allow_hosts,
        given => given,
    };
    if let Some(addr) = args.tcp.or(file.admin.tcp) {
        let beyond = args.tcp_beyond_loopback || file.admin.tcp_beyond_loopback;
        if !(beyond || addr.ip().is_loopback()) {
            return Err(ConfigError::BeyondLoopback { addr });
        }
        let hosts = hosts.to_vec();
        let token = token(named)?;
        listens.push(Listen::Tcp { addr, token, hosts });
    }
    if let Some(addr) = args.probe_listen.or(file.admin.probe_listen) {
        let hosts = hosts.to_vec();
        listens.push(Listen::Probes { addr, hosts });
    }
    Ok(listens)
}

/// The token that clients have to present over TCP.
fn token(named: &Named) -> Result<Token, ConfigError> {
    let text = named.token.as_ref().ok_or(ConfigError::TokenMissing)?;
    Token::new(text).map_err(|source| ConfigError::TokenInvalid {
        origin: "the configuration".to_owned(),
        source,
    })
}

/// A path that stays the same file's when an engine changes the working folder, which is the whole process's.
pub(super) fn whole(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}
