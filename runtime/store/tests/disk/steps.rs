//! Whoever hears of the steps of a store hears of each one before it and after it, under a stable name.

use refit_abi::Height;
use refit_store::{BlockLog, DiskStore, Journal, Keep, RecordChange, Step, Steps, Store};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest wait for a block to become durable.
const WAIT: Duration = Duration::from_secs(60);

/// What was heard.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Steps for Heard {
    fn at(&self, step: Step<'_>) {
        self.0.lock().unwrap().push(step.to_string());
    }
}

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[test]
fn each_step_is_heard_of_before_it_and_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let store = DiskStore::open_heard(folder.path(), heard.clone()).unwrap();
    let archive = store.archive().unwrap();
    let began = Instant::now();
    store.append(Height(1), b"block").unwrap();
    while store.durable_height() < Height(1) {
        assert!(began.elapsed() < WAIT);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(heard.take(), ["blocks-begins", "blocks-done"]);
    store.read(Height(1)).unwrap();
    assert_eq!(heard.take(), ["block-read"]);
    store.journal_append(b"record").unwrap();
    assert_eq!(heard.take(), ["journal-begins", "journal-done"]);
    let put = RecordChange::put("upgrade/12ab", b"plan".to_vec());
    let remove = RecordChange::remove("replay");
    archive.set_records(vec![put, remove]).unwrap();
    let steps = ["put-upgrade-begins", "remove-replay-begins"];
    let done = ["put-upgrade-done", "remove-replay-done"];
    assert_eq!(heard.take(), [steps, done].concat());

    let artifact = archive.keep_code(b"library").unwrap();
    let code = ["code-written", "code-synced", "code-named", "code-kept"];
    assert_eq!(heard.take(), code);
    archive.keep_code(b"library").unwrap();
    assert_eq!(heard.take(), [""; 0], "it is there");
    archive.keep_only_code(&[artifact].into()).unwrap();
    assert_eq!(heard.take(), [""; 0], "nothing goes");
    archive.keep_only_code(&[].into()).unwrap();
    assert_eq!(heard.take(), ["code-goes"]);

    let new = archive.new_checkpoint().unwrap();
    new.file().write_all(b"states").unwrap();
    let keep = Keep {
        height: Height(1),
        about: b"about".to_vec(),
        also: None,
        changes: Vec::new(),
    };
    archive.keep_checkpoint(new, keep).unwrap();
    let file = [
        "checkpoint-written",
        "checkpoint-synced",
        "checkpoint-named",
        "checkpoint-kept",
    ];
    let kept = heard.take();
    assert_eq!(kept[..4], file);
    assert_eq!(kept[4..6], ["keep-begins", "keep-done"]);
    let number = archive.checkpoints().unwrap()[0].number;
    archive.drop_checkpoint(number).unwrap();
    let dropped = heard.take();
    let dropped = dropped.iter().filter(|step| !step.starts_with("prune"));
    let dropped: Vec<_> = dropped.collect();
    assert_eq!(dropped, ["drop-begins", "drop-done", "checkpoint-goes"]);
    archive.set_aside(Height(1)).unwrap();
    let aside = heard.take();
    assert_eq!(aside, ["set-aside-begins", "set-aside-done"]);
}

#[test]
fn a_store_goes_on_with_a_step_only_when_whoever_hears_of_it_lets_it() {
    /// Holds the store back at blocks until it may go on.
    struct Held(crossbeam_channel::Receiver<()>);

    impl Steps for Held {
        fn at(&self, step: Step<'_>) {
            if step.to_string() == "blocks-begins" {
                self.0.recv().unwrap();
            }
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let (go_on, held) = crossbeam_channel::bounded(1);
    let store = DiskStore::open_heard(folder.path(), Arc::new(Held(held))).unwrap();
    store.append(Height(1), b"block").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(store.durable_height(), Height(0));
    // Nobody else is held back meanwhile.
    assert_eq!(&*store.read(Height(1)).unwrap(), b"block");
    go_on.send(()).unwrap();
    store.journal_append(b"behind it").unwrap();
    assert_eq!(store.durable_height(), Height(1));
}
