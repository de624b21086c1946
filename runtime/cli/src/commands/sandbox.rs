//! The sandbox of a node: which room it has, who starts what it may not start itself, and the line that says what holds.
//!
//! A node that starts again in its own place is in its room already, and its helper is the one of before.

use super::restart::Before;
use super::run_error::RunError;
use super::sandbox_links::refuse_links_out;
use crate::args::{BuildsArgs, HelperArgs, InsideArgs, SandboxChoice};
use crate::artifact::{RELEASE_BUILDER, THIS_PROGRAM};
use crate::config;
use crate::failure::{Failure, Reported};
use refit_admin::Listen;
use refit_loader::confine::{self, ConfineError, Room};
use refit_loader::helper::{self, FILES_MAX, Helper, Kinds, build_variables, path_of_file};
use refit_node::EngineConfig;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// The folder inside the data folder in which copies of libraries lie where the system runs none from memory.
const COPIES: &str = "tmp";

/// The variable that names a supervisor's socket.
const SUPERVISOR: &str = "NOTIFY_SOCKET";

/// What a node needs to reach beside its data folder.
#[derive(Clone, Copy)]
pub(super) struct Needs<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) listens: &'a [Listen],
    pub(super) engines: &'a [EngineConfig],
    pub(super) builds: &'a BuildsArgs,
}

/// How a node is confined.
pub(super) struct Sandbox {
    /// Starts what cannot be started inside; absent if the node is not confined.
    pub(super) helper: Option<Arc<Helper>>,
    /// What holds, in words.
    pub(super) says: String,
}

/// Whether this process is to enter a room. What is off at the start stays off: only a new process enters.
fn is_entered(choice: SandboxChoice, before: &Before) -> bool {
    choice != SandboxChoice::Off && !before.is_restart()
}

/// Refuses a data folder with a part that the room would not reach, unless this process is in its room or enters none. Before
/// anything is built in it: what compiles is not confined, and would write behind a link that an engine has laid there.
pub(super) fn look_for_links(
    choice: SandboxChoice,
    before: &Before,
    data_dir: &Path,
) -> Result<(), Box<RunError>> {
    match before.is_restart() {
        true => Ok(()),
        false => refuse_beyond_room(choice, data_dir),
    }
}

/// Refuses a data folder with a part that the room of a new process would not reach, if the choice is to enter one.
pub(super) fn refuse_beyond_room(
    choice: SandboxChoice,
    data_dir: &Path,
) -> Result<(), Box<RunError>> {
    if choice == SandboxChoice::Off {
        return Ok(());
    }
    let real = data_dir
        .canonicalize()
        .map_err(|source| RunError::DataDir {
            path: data_dir.to_owned(),
            source,
        })?;
    refuse_links_out(&real)
}

/// The same, for a command that works on the folder of a node that does not run: whoever wrote there was confined unless the
/// configuration says otherwise.
pub(crate) fn refuse_links_offline(
    file: &config::File,
    data_dir: &Path,
) -> Result<(), Box<RunError>> {
    match data_dir.exists() {
        true => refuse_beyond_room(file.node.sandbox.unwrap_or_default(), data_dir),
        // It holds nothing.
        false => Ok(()),
    }
}

/// Enters the sandbox as it is chosen.
pub(super) fn enter(
    choice: SandboxChoice,
    before: &Before,
    needs: Needs<'_>,
) -> Result<Sandbox, Box<RunError>> {
    let no_helper = |error| Box::new(RunError::NoHelper(error));
    if let Some(helper) = before.helper() {
        let helper = Helper::taken(helper).map_err(no_helper)?;
        return Ok(Sandbox {
            helper: Some(Arc::new(helper)),
            says: "as before".to_owned(),
        });
    }
    if choice == SandboxChoice::Require && before.is_restart() {
        return Err(Box::new(RunError::Sandbox(ConfineError::NotConfined)));
    }
    if !is_entered(choice, before) {
        return Ok(Sandbox {
            helper: None,
            says: "off; the code of engines reaches all that this user does".to_owned(),
        });
    }
    // Its name as it is, behind all links: what lies inside has no say in where it is.
    let data_dir = &needs.data_dir.canonicalize().map_err(no_helper)?;
    let needs = Needs { data_dir, ..needs };
    std::fs::create_dir_all(copies(data_dir)).map_err(no_helper)?;
    let helper = begin(data_dir, Some(needs.builds)).map_err(no_helper)?;
    let entered = confine::enter(&room(needs)).and_then(|enforced| match choice {
        SandboxChoice::Require => enforced.in_full(),
        _ => Ok(enforced),
    });
    let enforced = entered.map_err(|error| Box::new(RunError::Sandbox(error)))?;
    Ok(Sandbox {
        helper: Some(Arc::new(helper)),
        says: enforced.to_string(),
    })
}

/// Where copies of libraries lie.
pub(super) fn copies(data_dir: &Path) -> PathBuf {
    data_dir.join(COPIES)
}

/// Says it in the log if the helper ends before the node.
pub(super) fn watch(helper: Arc<Helper>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("refit-helper".to_owned());
    let watched = thread.spawn(move || {
        helper.ended();
        tracing::error!(
            "the process that starts probes, rehearsals and trials has ended: upgrades are refused until the node is \
             started again"
        );
    });
    watched.map(drop)
}

fn begin(data_dir: &Path, builds: Option<&BuildsArgs>) -> io::Result<Helper> {
    let mut command = Command::new(THIS_PROGRAM);
    command
        .arg0("refit")
        .arg("helper")
        .arg(data_dir)
        .env_clear();
    if let Some(builds) = builds {
        command.args(builds.words()).envs(build_variables());
    }
    Helper::begin(command)
}

fn room(needs: Needs<'_>) -> Room {
    let Needs {
        data_dir,
        listens,
        engines,
        builds: _,
    } = needs;
    let folders = listens.iter().filter_map(|it| it.socket()?.parent());
    Room {
        writes: vec![data_dir.to_owned()],
        reads: engines.iter().map(|it| it.library.clone()).collect(),
        listens: true,
        starts_again: true,
        reaches_nameless_sockets: std::env::var_os(SUPERVISOR)
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"@")),
        sockets: folders
            .filter(|folder| !folder.starts_with(data_dir))
            .map(Path::to_owned)
            .collect(),
        ports: listens.iter().filter_map(Listen::port).collect(),
    }
}

/// The whole of `refit helper`.
pub(crate) fn help(args: &HelperArgs) -> Result<(), Failure> {
    let words = |command: &str, more: &[&str]| -> Vec<OsString> {
        let inside = ["--inside".into(), args.data_dir.clone().into_os_string()];
        let command = std::iter::once(OsString::from(command));
        command
            .chain(inside)
            .chain(more.iter().map(OsString::from))
            .collect()
    };
    let kinds = Kinds {
        program: THIS_PROGRAM.into(),
        name: "refit".into(),
        probe: words("probe", &[]),
        rehearsal: words("rehearsal", &[]),
        trial: words("trial", &[]),
        build: build_words(&args.builds),
        build_variables: build_variables(),
        data: args.data_dir.clone(),
        temporary: copies(&args.data_dir),
    };
    let socket = io::stdin().as_fd().try_clone_to_owned();
    let served = socket.and_then(|socket| helper::serve(socket, &kinds));
    served.map_err(Failure::start)
}

/// The words of a build. The library goes into the one file that goes along.
fn build_words(builds: &BuildsArgs) -> Vec<OsString> {
    let mut words = vec![OsString::from(RELEASE_BUILDER)];
    words.extend(builds.words());
    words.extend(["--library".into(), path_of_file(0).into_os_string()]);
    words
}

/// Confines a probe: to the module that it was given.
pub(crate) fn enter_probe(args: &InsideArgs) -> Result<(), ConfineError> {
    let Some(_) = &args.inside else {
        return Ok(());
    };
    let room = Room {
        reads: files(),
        ..Room::default()
    };
    confine::enter(&room).map(drop)
}

/// Confines a rehearsal: to the data folder, and to the modules that it was given.
pub(crate) fn enter_rehearsal(args: &InsideArgs) -> Result<(), ConfineError> {
    let Some(data_dir) = &args.inside else {
        return Ok(());
    };
    let room = Room {
        reads: [vec![data_dir.clone()], files()].concat(),
        writes: vec![copies(data_dir)],
        ..Room::default()
    };
    confine::enter(&room).map(drop)
}

/// Confines a trial, which is a node in small: to the data folder, with a helper of its own.
pub(crate) fn enter_trial(args: &InsideArgs) -> Result<Option<Arc<Helper>>, Box<RunError>> {
    let Some(data_dir) = &args.inside else {
        return Ok(None);
    };
    // A trial builds nothing.
    let helper = begin(data_dir, None).map_err(|error| Box::new(RunError::NoHelper(error)))?;
    let room = Room {
        // Not only to the copy: somebody may put a link in its place.
        writes: vec![data_dir.clone()],
        ..Room::default()
    };
    confine::enter(&room).map_err(|error| Box::new(RunError::Sandbox(error)))?;
    Ok(Some(Arc::new(helper)))
}

/// The files that this process was given.
fn files() -> Vec<PathBuf> {
    let paths = (0..FILES_MAX).map(path_of_file);
    paths.take_while(|path| path.exists()).collect()
}

impl Reported for ConfineError {}
