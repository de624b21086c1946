//! The engines of a node: from flags, or from the file, with their configuration as JSON.

use super::{ConfigError, File};
use crate::args::RunArgs;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// One engine to start.
#[derive(Debug, PartialEq)]
pub(crate) struct Engine {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
    /// Its library, or the folder of its source.
    pub(crate) path: PathBuf,
    /// What it is started with: a JSON object, empty if nothing was said.
    pub(crate) config: Value,
}

/// The engines to start: those of the flags if there are any, else those of the file.
pub(crate) fn engines(args: &RunArgs, file: &File) -> Result<Vec<Engine>, ConfigError> {
    let config = |name: &str| {
        let typed = args.engine_configs.iter();
        let of_name = typed.rev().find(|config| config.name == name);
        of_name.map_or_else(|| Value::Object(Map::new()), |config| config.value.clone())
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
        engines = file
            .engines
            .iter()
            .map(of_section)
            .collect::<Result<_, _>>()?;
    }
    if engines.is_empty() {
        Err(ConfigError::NoEngines)
    } else {
        Ok(engines)
    }
}

fn of_section(section: &super::file::EngineSection) -> Result<Engine, ConfigError> {
    let config = toml::Value::Table(section.config.clone());
    let config = to_json(&config, "config").map_err(|(key, what)| ConfigError::NotJson {
        engine: section.name.clone(),
        key,
        what,
    })?;
    Ok(Engine {
        name: section.name.clone(),
        kind: section.kind.clone(),
        path: section.path.clone(),
        config,
    })
}

/// The same value in JSON, or the place of what JSON cannot say.
fn to_json(value: &toml::Value, place: &str) -> Result<Value, (String, &'static str)> {
    let refuse = |what| (place.to_owned(), what);
    Ok(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Boolean(truth) => Value::from(*truth),
        toml::Value::Float(number) => {
            let number = serde_json::Number::from_f64(*number);
            Value::Number(number.ok_or_else(|| refuse("a number that is not finite"))?)
        }
        toml::Value::Datetime(_) => return Err(refuse("a date")),
        toml::Value::Array(values) => {
            let inner = |(index, value)| to_json(value, &format!("{place}[{index}]"));
            Value::Array(
                values
                    .iter()
                    .enumerate()
                    .map(inner)
                    .collect::<Result<_, _>>()?,
            )
        }
        toml::Value::Table(table) => {
            let inner = |(key, value): (&String, &toml::Value)| {
                to_json(value, &format!("{place}.{key}")).map(|value| (key.clone(), value))
            };
            Value::Object(table.iter().map(inner).collect::<Result<_, _>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn config(text: &str) -> Result<Value, (String, &'static str)> {
        to_json(&toml::Value::Table(text.parse().unwrap()), "config")
    }

    #[test]
    fn a_table_becomes_a_json_object() {
        let json = config("a = [1, 2.5, 'x']\nb = { c = true }").unwrap();
        assert_eq!(
            json,
            serde_json::json!({"a": [1, 2.5, "x"], "b": {"c": true}})
        );
    }

    /// The engines of a command line without a file.
    fn typed(arguments: &[&str]) -> Result<Vec<Engine>, ConfigError> {
        let cli = Cli::try_parse_from([&["refit", "run"], arguments].concat()).unwrap();
        let Command::Run(args) = cli.command else {
            panic!("another command");
        };
        engines(&args, &File::default())
    }

    #[test]
    fn an_engine_of_the_command_line_gets_the_configuration_that_names_it() {
        let engines = ["--engine", "a=x.so", "--engine", "b=x.so"];
        let config = ["--engine-config", r#"a={"keys_max": 3}"#];
        let found = typed(&[&engines[..], &config].concat()).unwrap();
        assert_eq!(found[0].config, serde_json::json!({"keys_max": 3}));
        assert_eq!(found[1].config, serde_json::json!({}));
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

    #[test]
    fn what_json_cannot_say_is_refused_with_its_place() {
        assert_eq!(
            config("a = { b = [1, inf] }").unwrap_err().0,
            "config.a.b[1]"
        );
        assert_eq!(
            config("day = 2026-01-01").unwrap_err(),
            ("config.day".to_owned(), "a date")
        );
    }
}
