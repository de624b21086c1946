//! The places of things: flags and environment first, then the file, then the defaults.

use super::{ConfigError, File};
use crate::args::CommonArgs;
use crate::client::NodeAddress;
use crate::files::read_text;
use refit_admin::{TOKEN_BYTES_MAX, Token};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The data folder when none is named.
const DEFAULT_DATA_DIR: &str = "refit-data";

/// Name of the socket inside the data folder.
const SOCKET_NAME: &str = "admin.sock";

/// The variable that may hold the token itself.
const TOKEN_VARIABLE: &str = "REFIT_TOKEN";

/// The folder of the node's data.
pub(crate) fn data_dir(args: &CommonArgs, file: &File) -> PathBuf {
    let named = args.data_dir.clone().or_else(|| file.node.data_dir.clone());
    named.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR))
}

/// The path of the node's unix socket.
pub(crate) fn socket(args: &CommonArgs, file: &File) -> PathBuf {
    let named = file.admin.socket.clone();
    named.unwrap_or_else(|| data_dir(args, file).join(SOCKET_NAME))
}

/// The node to talk to.
pub(crate) fn node_address(args: &CommonArgs, file: &File) -> NodeAddress {
    args.node
        .clone()
        .unwrap_or_else(|| NodeAddress::Unix(socket(args, file)))
}

/// The token for TCP, if there is one: from the variable, else from the file that is named.
pub(crate) fn token(args: &CommonArgs, file: &File) -> Result<Option<String>, ConfigError> {
    let variable = std::env::var(TOKEN_VARIABLE);
    let (text, origin) = match variable {
        Ok(text) if !text.is_empty() => (text, TOKEN_VARIABLE.to_owned()),
        _ => match args.token_file.as_ref().or(file.admin.token_file.as_ref()) {
            Some(path) => (read_token(path)?, path.display().to_string()),
            None => return Ok(None),
        },
    };
    let text = text.trim().to_owned();
    match Token::new(&text) {
        Ok(_) => Ok(Some(text)),
        Err(source) => Err(ConfigError::TokenInvalid { origin, source }),
    }
}

fn read_token(path: &Path) -> Result<String, ConfigError> {
    // Room for the white space that editors leave at the end.
    let text = read_text(path, TOKEN_BYTES_MAX as u64 + 16)?;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        return Err(ConfigError::TokenOpen {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(text)
}
