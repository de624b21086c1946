//! `refit run`: a node in this process, until it is told to stop.
//!
//! Its addresses go to stdout, a line each, when it is ready to be asked; all else is talk.

use super::announcing::Announcer;
use super::ends::{Ends, Told};
use super::listening::{self, whole};
use super::log_rules;
use super::outside::Outside;
use super::policy;
use super::restart::{Before, Restart};
use super::run_error::RunError;
use super::sandbox::{self, Needs, Sandbox};
use super::settings::{self, Flags};
use super::supervisor;
use super::threads;
use crate::args::{BuildsArgs, CodeChoice, CommonArgs, RunArgs, SandboxChoice, StoreKind};
use crate::artifact::{build_command, probe_command};
use crate::config::{self, ConfigError, File};
use crate::failure::Failure;
use crate::output;
use crate::show;
use crate::source::{Sources, builds_of_node};
use refit_admin::Node as _;
use refit_admin::api::{KindStatus, UpgradeReport, UpgradeState};
use refit_admin::{Address, Limits, Listen, Server};
use refit_loader::helper::Helper;
use refit_loader::sys::crash;
use refit_node::{
    EngineCode, EngineConfig, FolderLock, Forbidden, Holder, Node, NodeConfig, NodeParts, Prepared,
    Quarantine,
};
use refit_sandbox::Policy;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Mode of a data folder that is made: for this user alone.
const DATA_DIR_MODE: u32 = 0o700;

pub(crate) fn run(common: &CommonArgs, args: &RunArgs) -> Result<(), Failure> {
    if let Some(parent) = args.end_with {
        end_with(parent)?;
    }
    // Before any child is started: none of them has the descriptor.
    let announcer = args.announce_steps.map(Announcer::on).transpose();
    let announcer = announcer.map_err(|error| Box::new(RunError::Announce(error)))?;
    let (restart, before) = (Restart::here(announcer.clone()), handed()?);
    let outside = match before.outside() {
        Some(outside) => outside.clone(),
        None => Outside::read(common, &args.listening)?,
    };
    let file = outside.file()?;
    begin_log(&args.log)?;
    let listens = listening::listens(common, &args.listening, &file, outside.named())?;
    let data_dir = whole(config::data_dir(common, &file));
    make_data_dir(&data_dir)?;
    let _lock = lock(&data_dir, &listens)?;
    let choice = args.sandbox.or(file.node.sandbox).unwrap_or_default();
    sandbox::look_for_links(choice, &before, &data_dir)?;
    let engines = engines(args, &file, &data_dir, &before)?;
    let keyset = outside.keyset().map(<[u8]>::to_vec);
    restart.goes_on_with(outside);
    // Before the first other thread, and behind all that needs more than the room has: builds, and files that are named.
    let is_confined = choice != SandboxChoice::Off;
    let builds = BuildsArgs {
        root: builds_of_node(
            &args.building.cache,
            &data_dir,
            listens.iter().filter_map(Listen::socket),
            is_confined,
        ),
        at_least: file
            .node
            .min_build_level
            .unwrap_or(Policy::default().at_least),
    };
    let needs = Needs {
        builds: &builds,
        data_dir: &data_dir,
        listens: &listens,
        engines: &engines,
    };
    let Sandbox { helper, says } = sandbox::enter(choice, &before, needs)?;
    output::begin().map_err(Failure::start)?;
    if let Some(helper) = &helper {
        restart.is_helped(helper.clone());
        sandbox::watch(helper.clone()).map_err(Failure::start)?;
    }
    let lives = Lives {
        builds: &builds,
        restart: &restart,
        before: &before,
        helper,
        engines,
        keyset,
    };
    let mut config = node_config(args, &file, &data_dir, lives)?;
    if let Some(announcer) = &announcer {
        config.watch_with(announcer.phases());
    }
    let stop_limit = policy::stop_limit(&args.watch, &file.node);
    let quarantine = config.quarantine.clone();
    // The code of engines comes in from here on.
    output::divert().map_err(Failure::start)?;
    crash::install().map_err(Failure::start)?;
    if args.backtraces {
        refit_abi::host::panics::with_backtraces();
    }
    let runtime = threads::runtime()?;
    let parts = parts(
        args.store.or(file.node.store).unwrap_or_default(),
        &data_dir,
        announcer,
    )?;
    let mut prepared =
        Node::prepare_with(config, parts).map_err(|error| Box::new(RunError::Start(error)))?;
    let code = prepared.take_code();
    before
        .check(&code)
        .map_err(|error| Box::new(RunError::Restart(error)))?;
    warn_of_quarantined(&code, &quarantine);
    restart.keep(code);
    let node = prepared.node().clone();
    let counted = node.clone();
    output::on_dropped(move |lines| counted.metrics().count_log_lines_dropped(lines));
    let ends = Ends::new(restart.clone(), stop_limit).map_err(Failure::start)?;
    let served = runtime.block_on(serve(prepared, listens, &ends, &says));
    let was_told = ends.was_told();
    ends.begin();
    node.stop();
    // A plan's rehearsal may be waited for on one of its threads: it ends with the process.
    runtime.shutdown_background();
    let ended = served?;
    match (node.failed(), ended) {
        (Some(failed), _) => Err(Box::new(RunError::Failed(failed.clone())).into()),
        (None, Ended::Told) => Ok(()),
        // The next start carries the roll-back out, or the upgrade.
        (None, Ended::RollsBack) if was_told => Ok(()),
        (None, Ended::RollsBack) => Err(Box::new(restart.again()).into()),
    }
}

/// What the process before this one handed over.
fn handed() -> Result<Before, Box<RunError>> {
    Before::handed().map_err(|error| Box::new(RunError::Restart(error)))
}

/// The parts of a node that keeps its blocks and states so.
fn parts(
    store: StoreKind,
    data_dir: &Path,
    announcer: Option<Announcer>,
) -> Result<NodeParts, Box<RunError>> {
    let folder = data_dir.join("store");
    let parts = match (store, announcer) {
        (StoreKind::Redb, None) => NodeParts::on_disk(&folder),
        (StoreKind::Redb, Some(steps)) => NodeParts::on_disk_heard(&folder, Arc::new(steps)),
        (StoreKind::Memory, _) => Ok(NodeParts::default()),
    };
    parts.map_err(|error| Box::new(RunError::Store(error)))
}

/// Takes the data folder for this node alone.
fn lock(data_dir: &Path, listens: &[Listen]) -> Result<FolderLock, Box<RunError>> {
    let mut sockets = listens.iter().filter_map(Listen::socket);
    let socket = sockets.find_map(|path| std::path::absolute(path).ok());
    let holder = Holder::this(socket.unwrap_or_default());
    FolderLock::take(data_dir, &holder).map_err(|error| Box::new(RunError::Folder(error)))
}

/// Code that did not return from a transition may be started afresh, where no transition runs.
fn warn_of_quarantined(code: &[EngineCode], quarantine: &Quarantine) {
    for started in code {
        let artifact = started.artifact.to_string();
        if let Some(Forbidden { entry, .. }) = quarantine.forbids([artifact.as_str()].into_iter()) {
            let engine = &started.engine;
            // Engines can write the list.
            let reason = refit_abi::host::shown(&entry.reason, refit_abi::FAULT_DETAIL_BYTES_MAX);
            tracing::warn!(%engine, %artifact, %reason, "the engine starts with code that is in quarantine");
        }
    }
}

/// Has the system send a SIGTERM when the process that started this one, `parent`, ends.
fn end_with(parent: i32) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| Failure::start(error.into()))?;
    // It may have ended before the system knew.
    match getppid() == Pid::from_raw(parent) {
        true => Ok(()),
        false => Err(Failure::start(io::Error::other(
            "the process that this node ends with has ended",
        ))),
    }
}

/// Begins the log. Panics of the node's own code are lines of it.
fn begin_log(rules: &str) -> Result<(), ConfigError> {
    let filter = log_rules::filter(rules)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output::Log)
        // It would report its own write errors with a write that must not fail.
        .log_internal_errors(false)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        let said = refit_abi::host::shown(said, refit_abi::FAULT_DETAIL_BYTES_MAX);
        let thread = std::thread::current();
        let (thread, at) = (thread.name(), panic.location().map(tracing::field::display));
        tracing::error!(thread, at, "the node's own code panicked: {said}");
    }));
    Ok(())
}

pub(super) fn make_data_dir(path: &Path) -> Result<(), Box<RunError>> {
    let mut maker = DirBuilder::new();
    maker.recursive(true).mode(DATA_DIR_MODE);
    let made = refit_build::make_data(path, |path| maker.create(path));
    made.map_err(|source| {
        Box::new(RunError::DataDir {
            path: path.to_owned(),
            source,
        })
    })
}

/// The life of this process that was, and the one that may come.
struct Lives<'a> {
    /// How releases are built.
    builds: &'a BuildsArgs,
    restart: &'a Restart,
    before: &'a Before,
    /// Starts children for a confined node.
    helper: Option<Arc<Helper>>,
    /// The root engines.
    engines: Vec<EngineConfig>,
    /// The keyset that the configuration names.
    keyset: Option<Vec<u8>>,
}

/// The engines, and their libraries: built, if they are named by their source.
fn engines(
    args: &RunArgs,
    file: &File,
    data_dir: &Path,
    before: &Before,
) -> Result<Vec<EngineConfig>, Failure> {
    let sources = Sources::of(data_dir, &args.building);
    let mut engines = Vec::new();
    for engine in config::engines(args, file)? {
        let library = match before.library(&engine.name) {
            Some(kept) => kept
                .map_err(|error| Box::new(RunError::Restart(error)))?
                .to_owned(),
            None => sources.library(&engine.path)?,
        };
        engines.push(EngineConfig {
            library,
            name: engine.name,
            kind: engine.kind,
            config: engine.config,
        });
    }
    Ok(engines)
}

fn node_config(
    args: &RunArgs,
    file: &File,
    data_dir: &Path,
    lives: Lives<'_>,
) -> Result<NodeConfig, Failure> {
    let Lives {
        builds,
        restart,
        before,
        helper,
        engines,
        keyset,
    } = lives;
    let mut config = NodeConfig::new(engines, probe_command().by(helper.clone()));
    config.build = Some(build_command(builds.words()).by(helper.clone()));
    if helper.is_some() {
        config.copies = sandbox::copies(data_dir);
    }
    settings::set(&mut config, Flags::of(args), file)?;
    config.keyset = keyset;
    config.check_faults = args.check_faults;
    // One that goes on in its own place was admitted before.
    config.live_code = args.code == CodeChoice::Live || before.is_restart();
    config.brings_code = args.code == CodeChoice::FromConfig && !before.is_restart();
    let place = policy::Place {
        file: &file.node,
        data_dir,
    };
    policy::watch(&mut config, &args.watch, place);
    let hands = policy::Hands {
        restart: restart.clone(),
        helper,
    };
    policy::set(&mut config, &args.policy, place, hands)?;
    config.data_dir = Some(std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()));
    before.remember(&config.quarantine);
    Ok(config)
}

/// Why the node ends.
enum Ended {
    /// It was told to.
    Told,
    /// Its next start takes a generation back, or carries an upgrade out.
    RollsBack,
}

/// Starts the engines and serves until a signal comes, then finishes the requests under way. The node can be
/// asked while its engines start. Once it serves, it says what its sandbox enforces.
async fn serve(
    prepared: Prepared,
    listens: Vec<Listen>,
    ends: &Ends,
    sandbox: &str,
) -> Result<Ended, Failure> {
    let told = ends.listen().map_err(Failure::start)?;
    let mut servers = JoinSet::new();
    let mut shutdowns = Vec::new();
    let mut addresses = Vec::new();
    for listen in listens {
        let server = Server::bind(listen, prepared.node().clone(), Limits::default())
            .await
            .map_err(|error| Box::new(RunError::Bind(error)))?;
        addresses.push(absolute(server.address()).to_string());
        shutdowns.push(server.shutdown());
        servers.spawn(server.serve());
    }
    let node = prepared.node().clone();
    node.serves_at(addresses.clone());
    let mut ended = Ended::Told;
    if started(prepared, &told).await? {
        show::talk(format_args!("sandbox: {sandbox}"));
        log_start(&node, &addresses);
        show::data(
            &addresses
                .iter()
                .map(|address| format!("{address}\n"))
                .collect::<String>(),
        )?;
        if let Some(address) = addresses.first() {
            show::next(format_args!("refit --node {address} status"));
        }
        supervisor::ready().await;
        tokio::select! {
            () = told.wait() => {}
            () = ends.rolls_back() => ended = Ended::RollsBack,
        }
    }
    supervisor::stopping().await;
    log_end(&node);
    show::talk(match ended {
        Ended::Told => ends.words(),
        Ended::RollsBack => ends.words_again(),
    });
    node.told_to_end();
    // Connections are waited for: nobody may wait on one for what does not leave any more.
    node.let_go_of_held();
    shutdowns.iter().for_each(refit_admin::Shutdown::begin);
    while servers.join_next().await.is_some() {}
    Ok(ended)
}

/// What serves from now on, and where.
fn log_start(node: &Node, addresses: &[String]) {
    let Ok(status) = node.status() else {
        return;
    };
    let kind = |kind: &KindStatus| {
        let (name, count) = (&kind.descriptor.kind, kind.engines);
        let (package, version) = (&kind.package, &kind.package_version);
        format!("{name}: {package} {version} {} x{count}", kind.artifact)
    };
    let engines: Vec<_> = status.kinds.iter().map(kind).collect();
    tracing::info!(
        version = status.node.version,
        pid = status.node.pid,
        engines = engines.join(", "),
        addresses = addresses.join(", "),
        data = status.node.data_dir,
        "the node serves"
    );
    if !node.outlives() {
        tracing::warn!(
            "states, blocks and upgrades are in memory: when this node ends they are gone, and the next start has the \
             code that it is started with"
        );
    }
}

/// What ends, and which upgrade is given up with it.
fn log_end(node: &Node) {
    let is_open = |report: &&UpgradeReport| !report.state.is_final();
    for open in node.upgrades().iter().filter(is_open) {
        let (id, state, at_height) = (open.id, open.state, open.at_height.map(|it| it.0));
        match node.outlives() && open.state == UpgradeState::Armed {
            true => tracing::warn!(
                id, %state, at_height,
                "the node stops before the upgrade has happened: the next start takes it up"
            ),
            false => tracing::warn!(
                id, %state, at_height,
                "upgrade given up: the node stops before it has happened"
            ),
        }
    }
    let height = node.moment().height;
    tracing::info!(%height, "the node stops");
}

/// Starts the engines; false if the node was told to end before they had started.
async fn started(prepared: Prepared, told: &Told) -> Result<bool, Failure> {
    let starting = tokio::task::spawn_blocking(move || prepared.start());
    tokio::select! {
        started = starting => match started {
            Ok(started) => started
                .map(|_| true)
                .map_err(|error| Box::new(RunError::Start(error)).into()),
            Err(panicked) => Err(Failure::start(io::Error::other(panicked))),
        },
        () = told.wait() => Ok(false),
    }
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
