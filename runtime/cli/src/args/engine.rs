//! Building and looking at engine libraries.

use super::InsideArgs;
use super::{BuildingArgs, CacheArgs, CheckArgs, FreezeArgs, NewArgs, OutputArgs};
use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand, ValueEnum};
use refit_abi::EngineId;
use refit_admin::RequestId;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Writes the package of a new engine, which builds and tests at once.
    New(NewArgs),
    /// Builds an engine's source into a library.
    Build(BuildArgs),
    /// Checks a library and shows what it says of itself.
    Inspect(InspectArgs),
    /// Writes a live engine's state to a file, as a fixture for tests.
    Capture(CaptureArgs),
    /// Starts an engine afresh: its state and its timers go, its mail stays; a poisoned one serves again.
    Restart(EngineOrderArgs),
    /// Has a poisoned engine go on with the state that it had before the message that poisoned it; its mail and timers stay.
    Revive(EngineOrderArgs),
    /// Rebuilds an engine on every save and swaps it into a running node; its state is kept.
    Dev(DevArgs),
    /// Publishes an engine's state: notes it in schema.lock and freezes its types.
    Freeze(FreezeArgs),
    /// Compares an engine with what was published, and says which version it needs.
    Check(CheckArgs),
    /// Removes compiled code: the longest unused, or that of one package.
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Folder to put the library into. [default: `build` in the data folder]
    #[arg(long, value_name = "DIR", env = "REFIT_BUILD_OUT")]
    pub(crate) out: Option<PathBuf>,
    /// Optimise for speed, or for a quick build.
    #[arg(long, value_enum, default_value_t, env = "REFIT_PROFILE")]
    pub(crate) profile: BuildProfile,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Removes the compiled code of the package in this folder. [default: the code above --cache-max]
    #[arg(value_name = "PATH", conflicts_with = "all")]
    pub(crate) source: Option<PathBuf>,
    /// Removes all compiled code, in the data folder, of dependencies and of releases, and all libraries.
    #[arg(long, env = "REFIT_CLEAN_ALL", value_parser = BoolishValueParser::new())]
    pub(crate) all: bool,
    /// Lists what would be removed, and removes nothing.
    #[arg(long, env = "REFIT_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuildProfile {
    #[default]
    Release,
    Dev,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The library.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    /// The engine: its name, the 32 digits of its id, or NAME#N for the engine that NAME has started as its Nth, from 0.
    #[arg(value_name = "ENGINE", value_parser = engine)]
    pub(crate) engine: EngineId,
    /// File to write the fixture to, for its owner alone; `-` is stdout. A file that is no fixture is not replaced.
    #[arg(long, value_name = "FILE", env = "REFIT_CAPTURE_OUT")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EngineOrderArgs {
    /// The engine: its name, the 32 digits of its id, or NAME#N for the engine that NAME has started as its Nth, from
    /// 0.
    #[arg(value_name = "ENGINE", value_parser = engine)]
    pub(crate) engine: EngineId,
    /// Key, CLIENT/SEQUENCE: it is done once, however often this is sent; another order under it is refused.
    #[arg(long, value_name = "CLIENT/SEQUENCE")]
    pub(crate) key: Option<RequestId>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Names an engine by its id, or by its parent and its number.
pub(super) fn engine(text: &str) -> Result<EngineId, String> {
    let mut parts = text.split('#');
    let root = parts.next().unwrap_or_default().parse::<EngineId>();
    let root = root.map_err(|error| error.to_string())?;
    parts.try_fold(root, |parent, number| {
        let number = number.parse();
        let number = number.map_err(|_| format!("`{text}` is no engine: write NAME#N"))?;
        Ok(parent.child(number))
    })
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Folder of the engine's package.
    #[arg(value_name = "PATH")]
    pub(crate) source: PathBuf,
    /// Name of the engine, if a node must be started for it. [default: its kind]
    #[arg(long, value_name = "NAME", env = "REFIT_ENGINE")]
    pub(crate) engine: Option<String>,
    /// Configuration of the engine, if a node must be started for it: a JSON text.
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        env = "REFIT_ENGINE_CONFIG"
    )]
    pub(crate) engine_config: String,
    /// With a save, starts all engines of a kind afresh if one of them is poisoned: their states are dropped.
    #[arg(long, env = "REFIT_RESTART_POISONED", value_parser = BoolishValueParser::new())]
    pub(crate) restart_poisoned: bool,
    /// With a save whose state has no step from the live one, starts all engines of the kind afresh: their states are
    /// dropped. A save without a step from a published state is refused all the same, as by `engine build`.
    #[arg(long, env = "REFIT_RESTART_CHANGED", value_parser = BoolishValueParser::new())]
    pub(crate) restart_changed: bool,
    #[command(flatten)]
    pub(crate) building: BuildingArgs,
    /// Shows where the time between the save and the swap went, and what the compiler warned of.
    #[arg(long, short, env = "REFIT_VERBOSE", value_parser = BoolishValueParser::new())]
    #[arg(help_heading = "Output")]
    pub(crate) verbose: bool,
    /// Prints one JSON object on a line for each save instead of text for people.
    #[arg(long, env = crate::show::report::JSON_VARIABLE, value_parser = BoolishValueParser::new())]
    #[arg(help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The library.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) inside: InsideArgs,
}

/// `refit trial`
#[derive(Debug, Args)]
pub(crate) struct TrialArgs {
    /// The folder of the copy.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) inside: InsideArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_named_by_its_id_or_by_its_parent_and_its_number() {
        let dog = EngineId::root("dog").unwrap();
        assert_eq!(engine("dog"), Ok(dog));
        assert_eq!(engine(&dog.child(4).to_string()), Ok(dog.child(4)));
        assert_eq!(engine("dog#4"), Ok(dog.child(4)));
        assert_eq!(engine("dog#4#0"), Ok(dog.child(4).child(0)));
        for wrong in ["", "#1", "dog#", "dog#-1", "dog#a"] {
            assert!(engine(wrong).is_err(), "{wrong}");
        }
    }
}
