//! Why the configuration cannot be used.

use crate::failure::Reported;
use crate::files::FileError;
use miette::{NamedSource, SourceCode, SourceSpan};
use refit_abi::EngineIdError;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::TokenError;
use refit_release::key::KeyError;
use refit_release::quorum::QuorumError;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Read(#[from] FileError),
    #[error("the configuration file is refused: {message}")]
    Invalid {
        message: String,
        source_code: NamedSource<String>,
        span: SourceSpan,
    },
    #[error("others may read the token file {} (mode {mode:o})", path.display())]
    TokenOpen { path: PathBuf, mode: u32 },
    #[error("a node that listens on TCP needs a token")]
    TokenMissing,
    #[error("{addr} can be reached from other machines, and nothing on it is encrypted")]
    BeyondLoopback { addr: SocketAddr },
    #[error("no group is called `{group}`")]
    GroupUnknown { group: String },
    #[error("no group has the number {group}: the last one is 4294967294")]
    GroupBeyond { group: String },
    #[error("the number of the group `{group}` is not known")]
    Groups { group: String, source: FileError },
    #[error("{} is there already", path.display())]
    Exists { path: PathBuf },
    #[error("engine `{engine}` is to come from {path}, which is not there", path = path.display())]
    EngineMissing { engine: String, path: PathBuf },
    #[error(transparent)]
    EngineName(#[from] EngineIdError),
    #[error("two engines are called `{engine}`")]
    EngineTwice { engine: String },
    #[error("no engine is named")]
    NoEngines,
    #[error("`--engine-config` names the engine `{engine}`, which no `--engine` does")]
    StrayConfig { engine: String },
    #[error(
        "a longest pause is set, and upgrades are not rehearsed: each of them would be refused"
    )]
    BoundWithoutRehearsal,
    #[error("the log rules `{rules}` are not understood: {reason}")]
    Log { rules: String, reason: String },
    #[error("`builders` in the configuration file, key {place}: {source}")]
    Builder { place: usize, source: KeyError },
    #[error(
        "`attestations` in the configuration file asks for builders, and `builders` names none"
    )]
    NoBuilders,
    #[error("`builders` and `attestations` in the configuration file: {source}")]
    Builders { source: QuorumError },
    #[error("the token of {origin} is refused")]
    TokenInvalid { origin: String, source: TokenError },
}

impl Explain for ConfigError {
    fn code(&self) -> &str {
        match self {
            Self::Read(error) => error.code(),
            Self::Invalid { .. } => codes::CONFIG_INVALID,
            Self::TokenOpen { .. } => codes::CONFIG_TOKEN_OPEN,
            Self::TokenMissing => codes::CONFIG_TOKEN_MISSING,
            Self::BeyondLoopback { .. } => codes::CONFIG_BEYOND_LOOPBACK,
            Self::Groups { source, .. } => source.code(),
            Self::GroupUnknown { .. } | Self::GroupBeyond { .. } => codes::CONFIG_GROUP_UNKNOWN,
            Self::Exists { .. } => codes::CONFIG_FILE_THERE,
            Self::EngineMissing { .. } => codes::CONFIG_ENGINE_MISSING,
            // As the node itself would say it once the engines are built.
            Self::EngineName(_) => codes::ENGINE_NAME,
            Self::EngineTwice { .. } => codes::ENGINE_START,
            Self::NoEngines => codes::CONFIG_NO_ENGINES,
            Self::StrayConfig { .. } => codes::CONFIG_STRAY_CONFIG,
            Self::BoundWithoutRehearsal => codes::CONFIG_BOUND_WITHOUT_REHEARSAL,
            Self::Log { .. } => codes::CONFIG_LOG,
            Self::Builder { source, .. } => source.code(),
            Self::NoBuilders => codes::QUORUM_MALFORMED,
            Self::Builders { source } => source.code(),
            Self::TokenInvalid { .. } => codes::CONFIG_TOKEN_INVALID,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Read(error) => return error.next(),
            Self::Invalid { .. } => {
                "correct or remove what is marked; `refit run --help` names the settings"
            }
            Self::TokenOpen { path, .. } => {
                return Cow::Owned(format!(
                    "run `chmod 600 {}`, and make a new token",
                    path.display()
                ));
            }
            Self::TokenMissing => {
                "make one, such as with `openssl rand -hex 32`, keep it in a file of mode 0600, and name it with --token-file"
            }
            Self::BeyondLoopback { .. } => {
                "listen on 127.0.0.1 or [::1] and let a proxy or a tunnel lead there; or say --tcp-beyond-loopback \
             (`tcp_beyond_loopback = true`) if the network is yours alone"
            }
            Self::Groups { .. } => "give the group's number (`getent group NAME` says it)",
            Self::GroupUnknown { .. } | Self::GroupBeyond { .. } => {
                "name a group of /etc/group, or give its number (`getent group NAME` says it)"
            }
            Self::Exists { .. } => {
                "move it away, or name another folder; `refit config check` says what is in it"
            }
            Self::EngineMissing { .. } => {
                "give the path of a library, or of a folder of source; in the file it begins at the file's folder"
            }
            Self::EngineName(_) => {
                "give the engine another name, with `--engine NAME=PATH` or as `name` under [[engine]]"
            }
            Self::EngineTwice { .. } => {
                "give each engine a name of its own; say which kind it is with `kind = …` under [[engine]] if its library has several"
            }
            Self::NoEngines => {
                "name one with `--engine NAME=PATH`, or with [[engine]] in the configuration file"
            }
            Self::StrayConfig { engine, .. } => {
                return Cow::Owned(format!(
                    "name it with `--engine {engine}=PATH` too; an engine of the configuration file has its `config` there"
                ));
            }
            Self::BoundWithoutRehearsal => {
                "leave out the longest pause (--max-pause, `max_pause`), or let upgrades be rehearsed"
            }
            Self::Log { .. } => {
                "give a level (error, warn, info, debug, trace), or rules such as `info,refit_node=debug`"
            }
            Self::Builder { source, .. } => return source.next(),
            Self::NoBuilders => {
                "name the builders' keys with `builders`, or leave `attestations` out"
            }
            Self::Builders { source } => return source.next(),
            Self::TokenInvalid { .. } => {
                "give the one that the node has; for a new node make one, such as with `openssl rand -hex 32`, and keep it in a file of mode 0600"
            }
        })
    }
}

impl Reported for ConfigError {
    fn marked(&self) -> Option<(&dyn SourceCode, SourceSpan)> {
        match self {
            Self::Invalid {
                source_code, span, ..
            } => Some((source_code, *span)),
            _ => None,
        }
    }
}

impl ConfigError {
    pub(super) fn invalid(path: &Path, text: String, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or(0..0);
        // The first line is the reason; an empty span marks nothing.
        let message = error
            .message()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let length = span.len().max(usize::from(span.start < text.len()));
        let source_code = NamedSource::new(path.display().to_string(), text);
        Self::Invalid {
            message,
            source_code,
            span: (span.start, length).into(),
        }
    }
}
