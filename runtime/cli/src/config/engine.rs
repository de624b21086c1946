//! The engines of a node: from flags, or from the file, with their configuration as JSON.

use super::{ConfigError, File};
use crate::args::RunArgs;
use refit_abi::EngineId;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The configuration of an engine that has none.
const NOTHING_SAID: &str = "{}";

/// One engine to start.
#[derive(Debug, PartialEq)]
pub(crate) struct Engine {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
    /// Its library, or the folder of its source.
    pub(crate) path: PathBuf,
    /// Its configuration: a JSON text, an empty object if none is given.
    pub(crate) config: String,
}

/// The engines to start: those of the flags if there are any, else those of the file.
pub(crate) fn engines(args: &RunArgs, file: &File) -> Result<Vec<Engine>, ConfigError> {
    let config = |name: &str| {
        let typed = args.engine_configs.iter();
        let of_name = typed.rev().find(|config| config.name == name);
        of_name
            .map_or(NOTHING_SAID, |config| &config.json)
            .to_owned()
    };
    let typed = args.engines.iter().map(|engine| Engine {
        name: engine.name.clone(),
        kind: None,
        path: engine.path.clone(),
        config: config(&engine.name),
    });
    let mut engines: Vec<_> = typed.collect();
    let known = |name: &str| engines.iter().any(|engine| engine.name == name);
    let mut configured = args.engine_configs.iter();
    if let Some(stray) = configured.find(|config| !known(&config.name)) {
        let engine = stray.name.clone();
        return Err(ConfigError::StrayConfig { engine });
    }
    if engines.is_empty() {
        engines = of_file(file);
    }
    if engines.is_empty() {
        return Err(ConfigError::NoEngines);
    }
    check_names(&engines)?;
    Ok(engines)
}

/// The engines that the file names, whatever a start says of them.
pub(crate) fn of_file(file: &File) -> Vec<Engine> {
    file.engines.iter().map(of_section).collect()
}

/// Whether each name is one, and of one engine: known before anything is built.
fn check_names(engines: &[Engine]) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for Engine { name, .. } in engines {
        EngineId::root(name)?;
        if !names.insert(name) {
            let engine = name.clone();
            return Err(ConfigError::EngineTwice { engine });
        }
    }
    Ok(())
}

fn of_section(section: &super::file::EngineSection) -> Engine {
    let config = section.config.as_ref();
    Engine {
        name: section.name.clone(),
        kind: section.kind.clone(),
        path: section.path.clone(),
        config: config
            .map_or(NOTHING_SAID, |config| config.as_str())
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    /// The engines of a command line without a file.
    fn typed(arguments: &[&str]) -> Result<Vec<Engine>, ConfigError> {
        let cli = Cli::try_parse_from([&["refit", "run"], arguments].concat()).unwrap();
        let Command::Run(args) = cli.command else {
            panic!("another command");
        };
        engines(&args, &File::default())
    }

    #[test]
    fn a_configuration_of_the_command_line_is_passed_on_as_it_was_typed() {
        let json = r#"{"b":20000000000000000000, "a":1e2}"#;
        let config = format!("a={json}");
        let found = typed(&["--engine", "a=x.so", "--engine-config", &config]).unwrap();
        assert_eq!(found[0].config, json);
    }

    #[test]
    fn an_engine_of_the_command_line_gets_the_configuration_that_names_it() {
        let engines = ["--engine", "a=x.so", "--engine", "b=x.so"];
        let config = ["--engine-config", r#"a={"keys_max": 3}"#];
        let found = typed(&[&engines[..], &config].concat()).unwrap();
        assert_eq!(found[0].config, r#"{"keys_max": 3}"#);
        assert_eq!(found[1].config, "{}");
        let stray = ["--engine", "b=x.so", "--engine-config", "a={}"];
        let error = typed(&stray).unwrap_err();
        assert!(matches!(error, ConfigError::StrayConfig { engine } if engine == "a"));
        let broken = [
            "refit",
            "run",
            "--engine",
            "a=x.so",
            "--engine-config",
            "a={",
        ];
        assert!(Cli::try_parse_from(broken).is_err());
    }
}
