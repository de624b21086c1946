//! The documents that the program writes about itself: shell completions and manual pages.

use crate::served::Folder;
use std::collections::BTreeSet;
use std::process::Command;

/// The commands that the help of `above` lists.
fn commands(folder: &Folder, above: &[&str]) -> Vec<String> {
    let help = folder.run(&[above, &["--help"]].concat()).stdout;
    let Some((_, listed)) = help.split_once("Commands:\n") else {
        return Vec::new();
    };
    let listed = listed.lines().take_while(|line| line.starts_with("  "));
    // A line that goes on below begins further in.
    let first = listed.filter(|line| !line.starts_with("   "));
    let names = first.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn completions_know_every_command_in_every_shell() {
    let folder = Folder::new();
    let commands = commands(&folder, &[]);
    assert!(commands.contains(&"completions".to_owned()), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let written = folder.run(&["completions", shell]);
        assert_eq!((written.exit, written.stderr.as_str()), (0, ""), "{shell}");
        for name in &commands {
            assert!(written.stdout.contains(name), "{shell}: {name}");
        }
    }
    let other = folder.run(&["completions", "dos"]);
    assert_eq!(other.exit, 2);
    assert!(other.stderr.contains("bash"), "{other:?}");
}

#[test]
fn bash_reads_its_completions() {
    let folder = Folder::new();
    folder.write("refit.bash", &folder.run(&["completions", "bash"]).stdout);
    let source = folder.path().join("refit.bash");
    let read = Command::new("bash").arg("-n").arg(source).status().unwrap();
    assert!(read.success());
}

#[test]
fn every_command_has_a_manual_page_and_no_other() {
    let folder = Folder::new();
    let written = folder.run(&["man", "--out", "pages"]);
    assert_eq!((written.exit, written.stdout.as_str()), (0, "pages\n"));
    let pages = std::fs::read_dir(folder.path().join("pages")).unwrap();
    let found: BTreeSet<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected = BTreeSet::from(["refit.1".to_owned()]);
    for command in commands(&folder, &[]) {
        for below in commands(&folder, &[&command]) {
            expected.insert(format!("refit-{command}-{below}.1"));
        }
        expected.insert(format!("refit-{command}.1"));
    }
    assert_eq!(found, expected);
    for page in found {
        let text = std::fs::read_to_string(folder.path().join("pages").join(&page)).unwrap();
        assert!(
            text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"),
            "{page}"
        );
    }
    let one = folder.run(&["man"]).stdout;
    let first = std::fs::read_to_string(folder.path().join("pages/refit.1")).unwrap();
    assert_eq!(one, first);
}
