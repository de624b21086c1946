//! `refit run`: a node in this process, until it is told to stop.
//!
//! Its addresses go to stdout, a line each, when it is ready to be asked; all else is talk.

use super::policy;
use super::restart::{self, Restart};
use crate::args::{CommonArgs, RunArgs};
use crate::artifact::probe_command;
use crate::config::{self, ConfigError, File};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;
use crate::source::Sources;
use miette::Diagnostic;
use refit_admin::{Address, BindError, Limits, Listen, Server, Token};
use refit_node::{EngineConfig, Node, NodeConfig, QuarantineError, StartError};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

/// Mode of a data folder that is made: for this user alone.
const DATA_DIR_MODE: u32 = 0o700;

/// Why a node does not run.
#[derive(Debug)]
pub(crate) enum RunError {
    DataDir { path: PathBuf, source: io::Error },
    Quarantine(QuarantineError),
    Start(StartError),
    Bind(BindError),
}

pub(super) fn run(common: &CommonArgs, args: &RunArgs) -> Result<(), Failure> {
    if let Some(parent) = args.end_with {
        end_with(parent)?;
    }
    let file = config::load(common)?;
    log_to_stderr(&args.log)?;
    let listens = listens(common, args, &file)?;
    let data_dir = config::data_dir(common, &file);
    make_data_dir(&data_dir)?;
    let mut restart = Restart::default();
    let config = node_config(args, &file, &data_dir, &mut restart)?;
    let node = Node::start(config).map_err(|error| Box::new(RunError::Start(error)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Start)?;
    let served = runtime.block_on(serve(node.clone(), listens));
    restart.end_instead();
    node.stop();
    // A plan's rehearsal may be waited for on one of its threads: it ends with the process.
    runtime.shutdown_background();
    served
}

/// Has the system send a SIGTERM when the process that started this one, `parent`, ends.
fn end_with(parent: i32) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| Failure::Start(error.into()))?;
    // It may have ended before the system knew.
    match getppid() == Pid::from_raw(parent) {
        true => Ok(()),
        false => Err(Failure::Start(io::Error::other(
            "the process that it should end with has ended",
        ))),
    }
}

fn log_to_stderr(rules: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(rules).map_err(|error| ConfigError::Log {
        rules: rules.to_owned(),
        reason: error.to_string(),
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    Ok(())
}

/// Where the node listens: on its unix socket always, on TCP when asked to.
fn listens(common: &CommonArgs, args: &RunArgs, file: &File) -> Result<Vec<Listen>, ConfigError> {
    let socket = args
        .socket
        .clone()
        .unwrap_or_else(|| config::socket(common, file));
    let mut listens = vec![Listen::Unix(socket)];
    if let Some(addr) = args.tcp.or(file.admin.tcp) {
        let text = config::token(common, file)?.ok_or(ConfigError::TokenMissing)?;
        let token = Token::new(&text).map_err(|source| ConfigError::TokenInvalid {
            origin: "the configuration".to_owned(),
            source,
        })?;
        listens.push(Listen::Tcp { addr, token });
    }
    Ok(listens)
}

fn make_data_dir(path: &Path) -> Result<(), Box<RunError>> {
    let mut maker = DirBuilder::new();
    maker.recursive(true).mode(DATA_DIR_MODE);
    let made = refit_build::make_output(path, |path| maker.create(path));
    made.map_err(|source| {
        Box::new(RunError::DataDir {
            path: path.to_owned(),
            source,
        })
    })
}

fn node_config(
    args: &RunArgs,
    file: &File,
    data_dir: &Path,
    restart: &mut Restart,
) -> Result<NodeConfig, Failure> {
    let sources = Sources::new(data_dir);
    let before = restart::libraries();
    let mut engines = Vec::new();
    for engine in config::engines(args, file)? {
        let library = match before.get(&engine.name).filter(|library| library.exists()) {
            Some(library) => library.clone(),
            None => sources.library(&engine.path)?,
        };
        engines.push(EngineConfig {
            library,
            name: engine.name,
            kind: engine.kind,
            config: engine.config,
        });
    }
    restart.keep(&engines, data_dir);
    let mut config = NodeConfig::new(engines, probe_command());
    config.grants = file.grants();
    config.check_faults = args.check_faults;
    if let Some(workers) = args.workers.or(file.node.workers) {
        config.workers = workers.get().into();
    }
    if let Some(interval) = args.block_interval_ms.or(file.node.block_interval_ms) {
        config.block_interval_ms = interval;
    }
    if let Some(messages) = args.messages_per_block.or(file.node.messages_per_block) {
        config.messages_per_block = usize::try_from(messages.get()).unwrap_or(usize::MAX);
    }
    policy::set(
        &mut config,
        &args.policy,
        &file.node,
        (data_dir, restart.clone()),
    )?;
    Ok(config)
}

/// Serves until a signal comes, then finishes the requests under way.
async fn serve(node: Arc<Node>, listens: Vec<Listen>) -> Result<(), Failure> {
    let mut stop = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Start)?;
    let mut servers = JoinSet::new();
    let mut shutdowns = Vec::new();
    let mut addresses = Vec::new();
    for listen in listens {
        let server = Server::bind(listen, node.clone(), Limits::default())
            .await
            .map_err(|error| Box::new(RunError::Bind(error)))?;
        addresses.push(absolute(server.address()).to_string());
        shutdowns.push(server.shutdown());
        servers.spawn(server.serve());
    }
    show::data(
        &addresses
            .iter()
            .map(|address| format!("{address}\n"))
            .collect::<String>(),
    )?;
    if let Some(address) = addresses.first() {
        show::next(format_args!("refit --node {address} status"));
    }
    tokio::select! {
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    show::talk("stopping");
    shutdowns.iter().for_each(refit_admin::Shutdown::begin);
    while servers.join_next().await.is_some() {}
    Ok(())
}

/// The address as it can be used from any folder.
fn absolute(address: &Address) -> Address {
    match address {
        Address::Unix(path) => {
            Address::Unix(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        }
        other => other.clone(),
    }
}

impl RunError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Start(StartError::Module { source, .. }) => Exit::of_artifact(source.code()),
            Self::Start(StartError::Loader(_) | StartError::Threads(_)) => Exit::Internal,
            Self::Start(_) | Self::DataDir { .. } | Self::Bind(_) | Self::Quarantine(_) => {
                Exit::Usage
            }
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDir { path, .. } => write!(f, "cannot make the folder {}", path.display()),
            Self::Quarantine(error) => error.fmt(f),
            Self::Start(error) => write!(f, "the node does not start: {error}"),
            Self::Bind(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::DataDir { source, .. } => Some(source),
            Self::Start(_) | Self::Quarantine(_) => None,
            Self::Bind(error) => error.source(),
        }
    }
}

impl Diagnostic for RunError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(match self {
            Self::DataDir { .. } => Box::new("run::data_dir"),
            Self::Quarantine(error) => Box::new(format!("run::{}", error.code())),
            Self::Start(error) => Box::new(format!("run::{}", error.code())),
            Self::Bind(_) => Box::new("run::listen"),
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(match self {
            Self::DataDir { .. } => Box::new("name another with --data-dir"),
            Self::Quarantine(error) => Box::new(error.next()),
            Self::Start(error) => Box::new(error.next()),
            Self::Bind(_) => Box::new("name another place with --socket, --data-dir or --tcp"),
        })
    }
}
