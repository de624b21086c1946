//! The page `runtime/CONFIGURATION.md` is written from the list of keys, and stays what that list says:
//! `REFIT_BLESS=1 cargo test -p refit configuration_page` writes it anew.

use super::keys::{KEYS, Key};
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../CONFIGURATION.md");

const HEAD: &str = "\
# The configuration file

`refit run` reads `refit.toml` in the folder where it is typed, or the file that `--config FILE` or
`REFIT_CONFIG` names. So do all other commands, which find the node by it.

```sh
refit init --engine kv=engines/kv   # writes refit.toml: every key, its default, its unit
refit config check                  # reads it as `refit run` does; says where each value comes from
refit run
```

A flag goes over its environment variable, that over the file, that over the default. A key that is not on
this page is refused with its line and column. Paths begin at the file's folder. Times and sizes are texts
with their unit: `\"500us\"`, `\"5ms\"`, `\"1min 30s\"`, `\"1h\"`; `\"64 MiB\"`, `\"4GiB\"`.

This page is written from the program's list of keys, and a test holds the two together.
";

const SECTIONS: [(&str, &str, &str); 4] = [
    ("node", "[node]", "How the node runs."),
    (
        "admin",
        "[admin]",
        "Where the node listens, and who may ask it.",
    ),
    (
        "engine",
        "[[engine]]",
        "One for each engine, in the order in which they start. `--engine` replaces all of them.",
    ),
    (
        "grants",
        "[grants.KIND]",
        "What engines of a kind may do to those of other kinds. A kind without a section is granted what it declares; one with a section is granted only what the section lists.",
    ),
];

fn page() -> String {
    let mut text = HEAD.to_owned();
    for (section, header, about) in SECTIONS {
        let _ = write!(text, "\n## `{header}`\n\n{about}\n\n");
        text += "| key | value | default | overridden by | what it does |\n|---|---|---|---|---|\n";
        let keys = KEYS.iter().filter(|key| key.section == section);
        text.extend(keys.map(row));
    }
    text
}

fn row(key: &Key) -> String {
    let Key {
        name,
        form,
        default,
        flag,
        about,
        ..
    } = key;
    format!("| `{name}` | {form} | {default} | {flag} | {about} |\n")
}

#[test]
fn the_configuration_page_explains_every_key() {
    if std::env::var_os("REFIT_BLESS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap();
    assert_eq!(written, page(), "REFIT_BLESS=1 writes it anew");
}
