//! Transcripts: commands with what they printed, kept under `tests/golden`.
//!
//! With `REFIT_BLESS=1` in the environment the files are written anew; the difference is then for
//! a person to read.

use crate::served::{Folder, Ran};
use std::fmt::Write;
use std::path::PathBuf;

/// One transcript in the making.
pub(crate) struct Transcript<'a> {
    folder: &'a Folder,
    text: String,
}

impl<'a> Transcript<'a> {
    pub(crate) fn new(folder: &'a Folder) -> Self {
        Self {
            folder,
            text: String::new(),
        }
    }

    /// Runs a command and writes down what it left.
    pub(crate) fn run(&mut self, arguments: &[&str]) -> &mut Self {
        let ran = self.folder.run(arguments);
        self.write(arguments, &ran);
        self
    }

    fn write(&mut self, arguments: &[&str], ran: &Ran) {
        let quoted: Vec<_> = arguments.iter().map(|argument| quote(argument)).collect();
        let folder = self.folder.path().display().to_string();
        let clean = |text: &str| text.replace(&folder, "[FOLDER]");
        writeln!(self.text, "$ refit {}", clean(&quoted.join(" "))).unwrap();
        for (name, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            if !text.is_empty() {
                writeln!(self.text, "--- {name}\n{}", clean(text).trim_end()).unwrap();
            }
        }
        writeln!(self.text, "--- exit {}\n", ran.exit).unwrap();
    }

    /// Compares the transcript with the kept one.
    #[track_caller]
    pub(crate) fn is(&self, name: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(format!("{name}.txt"));
        if std::env::var_os("REFIT_BLESS").is_some_and(|value| value == "1") {
            std::fs::write(&path, &self.text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == self.text,
            "the transcript `{name}` is not the kept one; if it should be, run the tests with \
             REFIT_BLESS=1\n=== kept\n{kept}\n=== now\n{}",
            self.text
        );
    }
}

fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    if argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{argument}'")
    }
}
