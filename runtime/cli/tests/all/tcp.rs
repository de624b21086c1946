//! A node on TCP: the token comes from a file that only its owner may read, or from a variable.

use crate::served::{Folder, Served};
use refit_admin::{Listen, Token};
use std::os::unix::fs::PermissionsExt;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn serve() -> Served {
    let token = Token::new(TOKEN).unwrap();
    Served::on(Listen::Tcp {
        addr: "127.0.0.1:0".parse().unwrap(),
        token,
        hosts: Vec::new(),
    })
}

fn set_mode(folder: &Folder, name: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(folder.path().join(name), permissions).unwrap();
}

#[test]
fn a_token_in_a_file_or_a_variable_lets_in() {
    let (folder, served) = (Folder::new(), serve());
    folder.write("token", &format!("{TOKEN}\n"));
    set_mode(&folder, "token", 0o600);
    let node = ["--node", served.address.as_str(), "status"];
    assert_eq!(
        folder
            .run(&[&node[..], &["--token-file", "token"]].concat())
            .exit,
        0
    );
    assert_eq!(folder.run_with(&[("REFIT_TOKEN", TOKEN)], &node).exit, 0);
    folder.write("refit.toml", "[admin]\ntoken_file = \"token\"");
    assert_eq!(folder.run(&node).exit, 0);
}

#[test]
fn no_token_or_another_is_refused_by_the_node() {
    let (folder, served) = (Folder::new(), serve());
    let node = ["--node", served.address.as_str(), "status"];
    let other = [(
        "REFIT_TOKEN",
        "another token of enough length".replace(' ', "-"),
    )];
    let other = other
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    for ran in [folder.run(&node), folder.run_with(&other, &node)] {
        assert_eq!(ran.exit, 3, "{ran:?}");
        assert!(ran.stderr.contains("unauthorised"), "{}", ran.stderr);
    }
}

#[test]
fn a_token_that_others_may_read_or_that_is_weak_is_refused() {
    let (folder, served) = (Folder::new(), serve());
    let run = || folder.run(&["--node", &served.address, "--token-file", "token", "status"]);
    folder.write("token", TOKEN);
    set_mode(&folder, "token", 0o644);
    let ran = run();
    assert_eq!(ran.exit, 2);
    assert!(ran.stderr.contains("config-token-open"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(TOKEN));
    folder.write("token", "weak");
    set_mode(&folder, "token", 0o600);
    let ran = run();
    assert_eq!(ran.exit, 2);
    assert!(
        ran.stderr.contains("config-token-invalid"),
        "{}",
        ran.stderr
    );
}
