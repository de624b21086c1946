//! What a command makes is handed out by name, whole, and nothing else is.

use crate::room::{By, Place, Told};
use refit_sandbox::{Level, Over, SandboxError, Step};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const LEVELS: [Level; 2] = [Level::L3, Level::L2];

fn made(place: &Place, script: &str, outputs: &[&str]) -> Told {
    let _ = fs::remove_dir_all(place.path("given"));
    fs::create_dir(place.path("given")).unwrap();
    let mut order = place.order("/bin/sh", &["-ec", &format!("cd $TMPDIR; {script}")]);
    order.outputs = outputs.iter().map(Into::into).collect();
    place.run(order)
}

#[test]
fn files_and_folders_are_handed_out_with_their_times_and_links_are_not() {
    for level in LEVELS {
        let place = Place::new(level, By::Ordinary);
        let script = "mkdir -p a/b; echo one > a/b/one; echo two > a/two; chmod 755 a/two; : > a/none; \
                      touch -d @86400 a/two; ln -s /etc/passwd a/link; ln a/two three; mkfifo a/pipe; \
                      head -c 200000 /dev/zero > big";
        let told = made(&place, script, &["a", "big"]);
        let ended = told.ended.unwrap();
        assert!(ended.succeeded(), "{}", told.text);
        let names: Vec<_> = ended.given.iter().map(|given| given.path.clone()).collect();
        let wanted =
            ["a/b/one", "a/none", "a/two", "big"].map(|name| place.path("given").join(name));
        assert_eq!(names, wanted, "{level}");
        assert_eq!(fs::read_to_string(&wanted[0]).unwrap(), "one\n");
        let two = fs::metadata(&wanted[2]).unwrap();
        let since = two
            .modified()
            .unwrap()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        assert_eq!(
            (since.as_secs(), two.permissions().mode() & 0o777),
            (86_400, 0o755)
        );
        assert_eq!(fs::metadata(&wanted[3]).unwrap().len(), 200_000);
    }
}

#[test]
fn a_command_that_fails_hands_nothing_out_and_one_that_makes_nothing_is_told_apart() {
    for level in LEVELS {
        let place = Place::new(level, By::Ordinary);
        let told = made(&place, "echo x > a; exit 3", &["a"]);
        let ended = told.ended.unwrap();
        assert!(!ended.succeeded() && ended.given.is_empty());
        let told = made(&place, "true", &["a"]);
        let is_missing = matches!(
            &told.ended,
            Err(SandboxError::Unable {
                step: Step::Give { .. },
                errno: 2
            })
        );
        assert!(is_missing, "{level}: {:?}", told.ended);
    }
}

#[test]
fn more_than_may_be_handed_out_is_refused() {
    for level in LEVELS {
        let mut place = Place::new(level, By::Ordinary);
        place.limits.given_bytes = 1_000;
        let told = made(&place, "head -c 1001 /dev/zero > big", &["big"]);
        let is_over = matches!(
            &told.ended,
            Err(SandboxError::Over {
                over: Over::Given,
                ..
            })
        );
        assert!(is_over, "{level}: {:?}", told.ended);
        place.limits.given_files = 3;
        let told = made(&place, "mkdir a; touch a/1 a/2 a/3 a/4", &["a"]);
        let is_over = matches!(
            &told.ended,
            Err(SandboxError::Over {
                over: Over::Given,
                ..
            })
        );
        assert!(is_over, "{level}: {:?}", told.ended);
    }
}

#[test]
fn a_view_cannot_be_changed_and_a_seed_can() {
    for level in LEVELS {
        let place = Place::new(level, By::Ordinary);
        fs::create_dir(place.path("seed")).unwrap();
        fs::write(place.path("seed/file"), "from the seed\n").unwrap();
        let script = "cd $TMPDIR; cat file; echo changed > file";
        let mut order = place.order("/bin/sh", &["-ec", script]);
        order.seed = Some(place.path("seed"));
        order.outputs = vec!["file".into()];
        let told = place.run(order);
        assert!(told.ended.unwrap().succeeded(), "{level}: {}", told.text);
        assert!(told.text.contains("from the seed"));
        assert_eq!(
            fs::read_to_string(place.path("seed/file")).unwrap(),
            "from the seed\n"
        );
        assert_eq!(
            fs::read_to_string(place.path("given/file")).unwrap(),
            "changed\n"
        );
    }
}
