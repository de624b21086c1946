//! `refit engine dev PATH`: every save is built and swapped into a running node, with state kept.
//!
//! `watch` notices saves and collects those that come while a build runs; `session` takes one save from its source to
//! the live generation, in the same steps as `engine build`, `upgrade plan` and `upgrade apply`; `node` is the node
//! that it starts if none answers; `tell` prints the outcome.

mod error;
mod kept;
mod node;
mod restarts;
mod session;
mod tell;
mod timing;
mod watch;

pub(crate) use error::DevError;

use crate::args::{CommonArgs, DevArgs};
use crate::commands::input;
use crate::config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;
use crate::signals::Signals;
use crate::source::SourceError;
use restarts::Restarts;
use session::{Session, Typed};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tell::Teller;
use watch::{Save, Saves};

/// Longest wait until a build that was given up has ended.
const GIVE_UP_WAIT: Duration = Duration::from_secs(5);

pub(crate) fn run(common: &CommonArgs, args: DevArgs) -> Result<(), Failure> {
    let file = config::load(common)?;
    let source = package(&args.source)?;
    let engine_config = input::json(args.engine_config)?;
    let teller = Teller::new(source.clone(), args.json, args.verbose);
    let engine = node::Engine {
        name: args.engine,
        config: engine_config,
    };
    let typed = Typed {
        common,
        file: &file,
        building: &args.building,
    };
    let node = node::Recipe::new(common, &file, engine);
    let session = Session::new(&source, &typed, node)?;
    let mut session = session.restarting(Restarts {
        poisoned: args.restart_poisoned,
        changed: args.restart_changed,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::start)?;
    let ended = runtime.block_on(follow(&source, &mut session, &teller));
    // Nobody waits for the result of a build under way; the processes that it has started must not go on alone.
    session.give_up_build();
    runtime.shutdown_timeout(GIVE_UP_WAIT);
    drop(session);
    ended
}

/// Takes up save after save until a signal comes.
async fn follow(source: &Path, session: &mut Session, teller: &Teller) -> Result<(), Failure> {
    let mut signals = Signals::take().map_err(Failure::start)?;
    let mut saves = Saves::of(source).map_err(Box::new)?;
    let mut folders = vec![source.to_owned()];
    folders.extend(look(&mut saves, session)?);
    watching(&folders);
    let work = async {
        let mut save = Save::first();
        loop {
            let is_first = save.is_first();
            let outcome = session.take_up(&save).await;
            if is_first && outcome.refusal().is_some_and(ends_the_command) {
                return outcome.into_refusal().map_or(Ok(()), Err);
            }
            teller.tell(&save, outcome)?;
            // Only now it is known what the compiler reads.
            let new = look(&mut saves, session)?;
            if !new.is_empty() {
                watching(&new);
            }
            save = saves.next().await.map_err(Box::new)?;
        }
    };
    tokio::select! {
        ended = work => ended,
        _ = signals.next() => Ok(()),
    }
}

/// Whether no save can mend it: the command names the wrong folder or the wrong node.
fn ends_the_command(failure: &Failure) -> bool {
    let is_ours = failure.find::<SourceError>().is_some() || failure.find::<DevError>().is_some();
    is_ours && failure.exit() == Exit::Usage
}

/// The package's folder, whole, so that what changes in it can be named from there.
fn package(path: &Path) -> Result<PathBuf, Failure> {
    let whole = path.canonicalize().map_err(|source| DevError::Source {
        path: path.to_owned(),
        source,
    });
    whole.map_err(|error| Box::new(error).into())
}

/// Watches the present sources of the engine, and returns the folders that were not watched before.
fn look(saves: &mut Saves, session: &Session) -> Result<Vec<PathBuf>, Failure> {
    match session.watched() {
        Ok(watched) => Ok(saves.look_at(&watched).map_err(Box::new)?),
        // The build reports a faulty manifest.
        Err(_) => Ok(Vec::new()),
    }
}

/// Says which folders are watched.
fn watching(folders: &[PathBuf]) {
    let names: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    show::talk(format_args!(
        "watching {}; end with Ctrl-C",
        names.join(", ")
    ));
}
