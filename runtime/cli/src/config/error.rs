//! Why the configuration cannot be used.

use crate::files::FileError;
use miette::{Diagnostic, NamedSource, SourceSpan};
use refit_admin::TokenError;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] FileError),
    #[error("the configuration file is refused: {message}")]
    #[diagnostic(
        code(config::invalid),
        help("correct or remove what is marked; `refit run --help` names the settings")
    )]
    Invalid {
        message: String,
        #[source_code]
        source_code: NamedSource<String>,
        #[label("here")]
        span: SourceSpan,
    },
    #[error("others may read the token file {} (mode {mode:o})", path.display())]
    #[diagnostic(code(config::token_open), help("run `chmod 600 {}`, and make a new token", path.display()))]
    TokenOpen { path: PathBuf, mode: u32 },
    #[error("a node that listens on TCP needs a token")]
    #[diagnostic(
        code(config::token_missing),
        help(
            "make one, such as with `openssl rand -hex 32`, keep it in a file of mode 0600, and name it with --token-file"
        )
    )]
    TokenMissing,
    #[error("{addr} can be reached from other machines, and nothing on it is encrypted")]
    #[diagnostic(
        code(config::beyond_loopback),
        help(
            "listen on 127.0.0.1 or [::1] and let a proxy or a tunnel lead there; or say --tcp-beyond-loopback \
             (`tcp_beyond_loopback = true`) if the network is yours alone"
        )
    )]
    BeyondLoopback { addr: SocketAddr },
    #[error("no engine is named")]
    #[diagnostic(
        code(config::no_engines),
        help("name one with `--engine NAME=PATH`, or with [[engine]] in the configuration file")
    )]
    NoEngines,
    #[error("`--engine-config` names the engine `{engine}`, which no `--engine` does")]
    #[diagnostic(
        code(config::stray_config),
        help(
            "name it with `--engine {engine}=PATH` too; an engine of the configuration file has its `config` there"
        )
    )]
    StrayConfig { engine: String },
    #[error(
        "a longest pause is set, and upgrades are not rehearsed: each of them would be refused"
    )]
    #[diagnostic(
        code(config::bound_without_rehearsal),
        help(
            "leave out the longest pause (--max-pause, `max_pause_ms`), or let upgrades be rehearsed"
        )
    )]
    BoundWithoutRehearsal,
    #[error("the log rules `{rules}` are not understood: {reason}")]
    #[diagnostic(code(config::log), help("give a level, such as `--log info`"))]
    Log { rules: String, reason: String },
    #[error("the token of {origin} is refused")]
    #[diagnostic(
        code(config::token_invalid),
        help(
            "give the one that the node has; for a new node make one, such as with `openssl rand -hex 32`, and keep it in a file of mode 0600"
        )
    )]
    TokenInvalid { origin: String, source: TokenError },
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
