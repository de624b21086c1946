//! What a machine allows is found by trying, said in one line, and obeyed.

use crate::room::{By, Place};
use refit_sandbox::{Launcher, Level, Rights, SandboxError, Tried, User};
use std::fs;

#[test]
fn what_this_machine_allows_is_said_in_one_line() {
    for by in [By::Ordinary, By::Tester] {
        let place = Place::new(Level::L3, by);
        let found = place.launcher().find(User::default()).unwrap();
        assert_eq!(found.level(), Level::L3, "{found}");
        assert_eq!(found.to_string(), "level=L3 ns=ok ll=full sc=ok rl=ok");
    }
}

#[test]
fn a_kernel_without_user_namespaces_gives_the_level_below_and_its_error() {
    let place = Place::new(Level::L2, By::Ordinary);
    // As root of a namespace of its own, which allows no further ones; then as nobody in particular.
    let script = format!(
        "echo 0 > /proc/sys/user/max_user_namespaces && exec /usr/bin/setpriv --inh-caps=-all --ambient-caps=-all {}",
        place.path("launcher").display()
    );
    let mut arguments = vec![
        "--user",
        "--map-user=1000",
        "--map-group=1000",
        "--keep-caps",
    ];
    arguments.extend(["--", "/bin/sh", "-c", &script]);
    let found = Launcher::new("/usr/bin/unshare", arguments);
    let found = found.find(User::default()).unwrap();
    assert_eq!(found.level(), Level::L2, "{found}");
    assert!(matches!(found.namespaces, Tried::Lacks { .. }), "{found}");
    assert_eq!(found.landlock, Rights::Full);
    let line = found.to_string();
    assert!(
        line.starts_with("level=L2 ns=UNAVAILABLE(ENOSPC) "),
        "{line}"
    );
}

#[test]
fn a_command_has_no_variables_no_descriptors_and_no_capabilities_of_the_callers() {
    let kept = fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&kept, rustix::io::FdFlags::empty()).unwrap();
    for level in [Level::L3, Level::L2, Level::L1, Level::L0] {
        for by in [By::Ordinary, By::Tester] {
            let place = Place::new(level, by);
            let order = place.order("/bin/sh", &["-c", "env; id -u; id -G"]);
            let told = place.run(order.clone());
            assert!(told.ended.unwrap().succeeded(), "{level}: {}", told.text);
            for (name, _) in told.text.lines().filter_map(|line| line.split_once('=')) {
                let known = order.command.variables.contains_key(name);
                assert!(
                    known || ["PWD", "_", "SHLVL"].contains(&name),
                    "{level}: {name}"
                );
            }
            let is_root = told.text.lines().any(|line| line == "0");
            assert!(!is_root, "{level}: {}", told.text);
            if level == Level::L2 {
                // It sees no `/proc`.
                continue;
            }
            let order = place.order("/bin/ls", &["/proc/self/fd"]);
            // The fourth one is the folder.
            assert_eq!(place.run(order).text, "0\n1\n2\n3\n", "{level}");
            let order = place.order("/bin/cat", &["/proc/self/stat"]);
            let text = place.run(order).text;
            let session = text.split(' ').nth(5).unwrap().to_owned();
            assert!(
                level != Level::L3 || session == "1",
                "a session of its own: {text}"
            );
            let order = place.order("/bin/cat", &["/proc/self/status"]);
            let text = place.run(order).text;
            assert!(text.contains("CapEff:\t0000000000000000"), "{text}");
            assert!(text.contains("NoNewPrivs:\t1"), "{text}");
            let filters = if level == Level::L3 {
                "Seccomp:\t2"
            } else {
                "Seccomp:\t0"
            };
            assert!(text.contains(filters), "{level}: {text}");
        }
    }
    drop(kept);
}

#[test]
fn whoever_waits_no_more_ends_the_command_and_all_it_started() {
    for level in [Level::L3, Level::L2, Level::L1, Level::L0] {
        let place = Place::new(level, By::Ordinary);
        let sleeping = ["-c", "sleep 600 & (sleep 600 & exec sleep 600) & wait"];
        let order = place.order("/bin/sh", &sleeping);
        let running = place
            .launcher()
            .start(order, level, &place.path("given"))
            .unwrap();
        let mut asked = 0;
        let ended = running.wait(|| {
            asked += 1;
            asked < 20
        });
        assert!(ended.is_err(), "{level}: {ended:?}");
        assert_eq!(place.left(), [""; 0], "{level}");
        let order = place.order("/bin/sh", &sleeping);
        let running = place
            .launcher()
            .start(order, level, &place.path("given"))
            .unwrap();
        drop(running);
        assert_eq!(place.left(), [""; 0], "{level}");
        // What is left behind by a command that ends does not live on either.
        let order = place.order("/bin/sh", &["-c", "sleep 600 >/dev/null 2>&1 & exit 7"]);
        let told = place.run(order);
        assert!(!told.ended.unwrap().succeeded());
        assert_eq!(place.left(), [""; 0], "{level}");
    }
}

#[test]
fn a_launcher_that_is_none_is_an_error_and_no_level() {
    for program in ["/bin/true", "/nowhere/launcher"] {
        let launcher = Launcher::new(program, [""; 0]);
        let error = launcher.find(User::default()).unwrap_err();
        let is_told = matches!(
            error,
            SandboxError::NotStarted { .. } | SandboxError::Silent
        );
        assert!(is_told, "{error}");
    }
}
