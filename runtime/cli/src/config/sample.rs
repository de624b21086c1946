//! The commented file that `refit init` writes.

use super::keys::{KEYS, Key};
use crate::args::NamedPath;

/// The first lines of the file.
const HEAD: &str = "\
# What `refit run` is started with. Every key is here with its default, or with an example where there is none:
# take away the `#` before it, and change what follows. Times and sizes have their unit: \"5ms\", \"1min 30s\", \"64 MiB\". Paths begin at
# this file's folder. A flag goes over its variable, that over this file. `refit config check` reads it as
# `refit run` does, and says where each value comes from.
";

/// Columns of a comment at most.
const WIDTH: usize = 100;

/// The text of a file that names these engines.
pub(crate) fn sample(engines: &[NamedPath]) -> String {
    let mut text = HEAD.to_owned();
    for section in ["node", "admin"] {
        text += &format!("\n[{section}]\n");
        for key in KEYS.iter().filter(|key| key.section == section) {
            text += &explained(key);
            text += &format!("# {} = {}\n", key.name, key.example);
        }
    }
    text += "\n# One [[engine]] for each engine, in the order in which they start.\n";
    text += &of_section("engine");
    match engines {
        [] => text += &example("[[engine]]", "engine"),
        named => text.extend(named.iter().map(engine)),
    }
    text += "\n# What engines of a kind may do to those of others, where that is less than they declare.\n";
    text += &of_section("grants");
    text += &example("[grants.kv]", "grants");
    text
}

/// One engine that was named.
fn engine(engine: &NamedPath) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    format!(
        "\n[[engine]]\nname = {}\npath = {}\n",
        quoted(&engine.name),
        quoted(&engine.path.to_string_lossy())
    )
}

/// The explanation of a section's keys, if they share one.
fn of_section(section: &str) -> String {
    let keys = KEYS.iter().filter(|key| key.section == section);
    let lines = keys.map(|key| {
        let default = format!("{} ({})", key.form, key.default);
        comment(&format!("{}: {default}. {}", key.name, key.about))
    });
    lines.collect()
}

fn example(header: &str, section: &str) -> String {
    let keys = KEYS.iter().filter(|key| key.section == section);
    let lines = keys.map(|key| format!("# {} = {}\n", key.name, key.example));
    format!("#\n# {header}\n{}", lines.collect::<String>())
}

/// The comment above a key.
fn explained(key: &Key) -> String {
    let default = format!("{}; default: {}", sentence(key.form), key.default);
    let over = match key.flag_id {
        "" => "No flag goes over it",
        _ => key.flag,
    };
    format!(
        "\n{}{}",
        comment(key.about),
        comment(&format!("{default}. {over}."))
    )
}

/// With a capital letter first.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The text as lines of a comment.
fn comment(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::from("#"));
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines += &line;
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    format!("{lines}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;
    use std::path::{Path, PathBuf};

    #[test]
    fn the_sample_changes_nothing_until_it_is_edited() {
        let file: File = toml::from_str(&sample(&[])).unwrap();
        assert_eq!(file, File::default());
    }

    #[test]
    fn every_key_of_the_sample_may_be_uncommented() {
        let is_key = |line: &&str| {
            let name = line.split([' ', '=']).next().unwrap_or_default();
            line.starts_with('[') || line.contains(" = ") && KEYS.iter().any(|key| key.name == name)
        };
        let text = sample(&[]);
        let lines = text
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line));
        let whole: Vec<_> = lines.filter(is_key).collect();
        let keys = whole.iter().filter(|line| !line.starts_with('['));
        assert_eq!(keys.count(), KEYS.len(), "{whole:#?}");
        let file: File = toml::from_str(&whole.join("\n")).unwrap();
        assert_eq!(file.engines.len(), 1);
        assert_eq!(file.grants["kv"].spawn, ["index"]);
        assert!(file.admin.tcp.is_some() && file.node.max_pause.is_some());
    }

    #[test]
    fn engines_that_were_named_are_in_force() {
        let named = |name: &str, path: &str| NamedPath {
            name: name.to_owned(),
            path: PathBuf::from(path),
        };
        let engines = [named("kv", "engines/kv"), named("b", "a \"b\".so")];
        let file: File = toml::from_str(&sample(&engines)).unwrap();
        let paths: Vec<_> = file.engines.iter().map(|engine| &*engine.path).collect();
        assert_eq!(paths, [Path::new("engines/kv"), Path::new("a \"b\".so")]);
    }
}
