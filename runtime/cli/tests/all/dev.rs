//! `engine dev`: what an author saves is live, with the state kept, or refused with the reason.

use crate::served::{Folder, compiled, ended, with_hangups};
use refit_build::EngineSource;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The store as it was published as version 1, whose source is edited here.
const KV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../engines/kv/history/v1");

/// The contract.
const ABI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../abi");

/// Longest wait for what becomes of a save: the first build may compile all dependencies.
const LINE_WAIT: Duration = Duration::from_secs(600);

/// Longest wait for the end of what a command that has ended had started.
const END_WAIT: Duration = Duration::from_secs(20);

/// Longest wait for a build script to run.
const SCRIPT_WAIT: Duration = Duration::from_secs(240);

/// How long nothing may happen where nobody saves: long enough for what a build has written to be noticed.
const QUIET_WAIT: Duration = Duration::from_secs(3);

/// What the swap may take beside cargo's own time, in milliseconds.
const BESIDE_CARGO_MS_MAX: f64 = 1000.0;

/// An author at work: a folder to run commands in, and the source, which the next run of the tests
/// finds again with all that was built of it.
struct Author {
    folder: Folder,
    source: PathBuf,
}

impl Author {
    fn new(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dev");
        let source = place.join(name);
        write_package(&source);
        let folder = Folder::new();
        // Of each author's own: a data folder serves one node at a time. It has what is built, for the next run of the
        // tests, and no states.
        let (data, socket) = (
            place.join(format!("data-{name}")),
            folder.path().join("admin.sock"),
        );
        folder.write(
            "refit.toml",
            &format!(
                "[node]\ndata_dir = {data:?}\nstore = \"memory\"\nworkers = 1\n[admin]\nsocket = {socket:?}\n"
            ),
        );
        Self { folder, source }
    }

    /// One who does all in the package's folder, with the data folder that is the default.
    fn inside(name: &str) -> Self {
        let folder = Folder::named(name);
        write_package(folder.path());
        let source = folder.path().to_owned();
        Self { folder, source }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.command(arguments);
        command
            .env_clear()
            .envs(std::env::vars_os())
            .env("REFIT_CACHE_DIR", compiled());
        command
    }

    fn dev(&self) -> Dev {
        self.dev_with("{}")
    }

    fn dev_with(&self, config: &str) -> Dev {
        let source = self.source.to_str().unwrap();
        Dev::start(self.command(&["engine", "dev", source, "--json", "--engine-config", config]))
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.source.join("src").join(file)).unwrap()
    }

    /// Saves a file as an editor does: beside it, then renamed.
    fn save(&self, file: &str, text: &str) {
        let beside = self.source.join("src/4913~");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, self.source.join("src").join(file)).unwrap();
    }

    /// Saves a file with `old` replaced by `new`.
    fn edit(&self, file: &str, old: &str, new: &str) {
        self.save(file, &replaced(&self.text(file), old, new));
    }

    /// The revision that the running code says of the key `a`, whose value must still be there.
    fn revision(&self) -> u64 {
        let ran = self.folder.run(&["query", "kv", r#"{"get":{"key":"a"}}"#]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        let entry = &answer["value"]["entry"];
        assert_eq!(entry["value"], "kept", "{answer}");
        entry["revision"].as_u64().unwrap()
    }
}

/// Writes the store's package into `source`.
fn write_package(source: &Path) {
    let kv = EngineSource::read(Path::new(KV)).unwrap();
    let kv = kv.with_contract(Path::new(ABI)).unwrap();
    kv.write(source).unwrap();
}

/// `refit engine dev` at work.
struct Dev {
    child: Child,
    lines: Receiver<Value>,
}

impl Dev {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, lines }
    }

    /// What became of the next save.
    #[track_caller]
    fn outcome(&self, outcome: &str) -> Value {
        let line = self.lines.recv_timeout(LINE_WAIT).unwrap();
        assert_eq!(line["outcome"], outcome, "{line}");
        line
    }

    /// It is refused so, and says what to do next.
    #[track_caller]
    fn refused(&self, code: &str, reason: &str) -> String {
        let line = self.outcome("refused");
        assert_eq!(line["code"], code, "{line}");
        assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
        let next = line["next"].as_str().unwrap();
        assert!(!next.is_empty(), "{line}");
        next.to_owned()
    }

    /// Nothing is taken up without a save.
    #[track_caller]
    fn quiet(&self) {
        let line = self.lines.recv_timeout(QUIET_WAIT);
        assert!(line.is_err(), "nobody saved: {line:?}");
    }

    fn interrupt(self) -> Option<i32> {
        self.told(Signal::INT)
    }

    fn told(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        ended(&mut self.child, END_WAIT).code()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "`{old}`");
    text.replace(old, new)
}

/// `state.rs` with one more field, and no step to it.
fn with_a_field(state: &str) -> String {
    let field = "    /// New.\n    pub more: u64,\n    /// The keys that";
    replaced(state, "    /// The keys that", field)
}

/// The same with a step, which makes the field by `more`.
fn with_a_step(state: &str, more: &str) -> String {
    let step = "#[derive(refit_abi::Migrate)]\n#[migrate(from = v1::Kv)]\n#[state(version = 2)]";
    let state = replaced(state, "#[state(version = 1)]", step);
    let state = replaced(&state, "pub more", "#[migrate(with = more)]\n    pub more");
    format!(
        "{state}
        fn more(_: &v1::Kv, _: &mut refit_abi::UpgradeBus<'_>) -> Result<u64, refit_abi::Fault> {{
            {more}
        }}

        mod v1 {{
            use super::*;

            #[derive(State, Serialize, Deserialize)]
            #[state(version = 1)]
            pub struct Kv {{
                pub entries: BTreeMap<String, String>,
                pub expiries: BTreeMap<Height, BTreeSet<String>>,
            }}
        }}"
    )
}

/// Time of a save beside cargo's own, in milliseconds.
fn beside_cargo(line: &Value) -> f64 {
    line["timing"]["beside_cargo_ms"].as_f64().unwrap()
}

#[test]
fn a_save_is_live_with_the_state_kept_or_refused_with_the_node_as_it_was() {
    let author = Author::new("kv");
    let dev = author.dev();
    assert_eq!(dev.outcome("started")["engine"], "kv");
    let put = r#"{"put":{"key":"a","value":"kept"}}"#;
    assert_eq!(author.folder.run(&["send", "kv", put]).exit, 0);
    assert_eq!(author.revision(), 0);

    author.edit("engine.rs", "revision: 0,", "revision: 7,");
    let first = dev.outcome("live");
    assert_eq!(first["saved"], serde_json::json!(["src/engine.rs"]));
    assert_eq!(
        (&first["generation"], &first["class"]),
        (&2.into(), &"adopt".into())
    );
    assert_eq!(author.revision(), 7);

    author.edit("engine.rs", "fn fits(", "fn fits((");
    dev.refused("does-not-compile", "src/engine.rs");
    assert_eq!(author.revision(), 7);
    author.edit("engine.rs", "fn fits((", "fn fits(");
    assert_eq!(dev.outcome("unchanged")["generation"], 2);

    let state = with_a_field(&author.text("state.rs"));
    author.save("state.rs", &state);
    let next = dev.refused("plan-no-migration", "more: u64");
    for way in ["engine freeze ", " --library /", "--restart-changed"] {
        assert!(next.contains(way), "no `{way}` in {next}");
    }
    assert_eq!(author.revision(), 7);
    let fault = r#"Err(refit_abi::Fault::new("not-yet", "the author is not done"))"#;
    author.save("state.rs", &with_a_step(&state, fault));
    dev.refused("transition-failed", "the author is not done");
    assert_eq!(author.revision(), 7);

    author.save("state.rs", &with_a_step(&state, "Ok(1)"));
    let second = dev.outcome("live");
    assert_eq!(
        (&second["generation"], &second["class"]),
        (&3.into(), &"migrate".into())
    );
    assert_eq!(author.revision(), 7);
    let quickest = beside_cargo(&first).min(beside_cargo(&second));
    assert!(quickest < BESIDE_CARGO_MS_MAX, "{first}\n{second}");

    assert_eq!(dev.interrupt(), Some(0));
    assert_eq!(
        author.folder.run(&["status"]).exit,
        40,
        "its node ended with it"
    );
}

#[test]
fn an_engine_that_panicked_or_has_no_step_is_told_and_starts_afresh_if_that_is_wished() {
    let author = Author::new("poison");
    let fits = "if key.len() <= KEY_BYTES_MAX {";
    let panics = format!("if key == \"a\" {{ panic!(\"told to\") }}\n    {fits}");
    author.edit("engine.rs", fits, &panics);
    let source = author.source.to_str().unwrap();
    let flags = ["--json", "--restart-poisoned", "--restart-changed"];
    let dev = Dev::start(author.command(&[&["engine", "dev", source][..], &flags].concat()));
    dev.outcome("started");
    let put = r#"{"put":{"key":"a","value":"lost"}}"#;
    assert_eq!(author.folder.run(&["send", "kv", put]).exit, 3);
    // The same code: nothing heals, and the author is told.
    author.edit("engine.rs", fits, &format!("{fits} // as it was"));
    assert_eq!(dev.outcome("unchanged")["poisoned"], 1);
    author.edit("engine.rs", "panic!(\"told to\")", "return Ok(());");
    let live = dev.outcome("live");
    assert_eq!(live["class"], "restart-engine");
    assert_eq!(live["poisoned"], Value::Null, "{live}");
    assert_eq!(author.folder.run(&["send", "kv", put]).exit, 0);

    // A state without a step from the live one: dropped, as was wished.
    author.save("state.rs", &with_a_field(&author.text("state.rs")));
    assert_eq!(dev.outcome("live")["class"], "restart-engine");
    let get = r#"{"get":{"key":"a"}}"#;
    let ran = author.folder.run(&["query", "kv", get]);
    assert!(!ran.stdout.contains("lost"), "{ran:?}");
    assert_eq!(dev.interrupt(), Some(0));
}

#[test]
fn in_the_folder_of_the_package_only_what_the_author_writes_is_a_save() {
    let author = Author::inside("dev-inside");
    let dev = Dev::start(author.command(&["engine", "dev", ".", "--json"]));
    dev.outcome("started");
    assert!(author.source.join("refit-data/build/targets").is_dir());
    dev.quiet();
    author.edit("engine.rs", "revision: 0,", "revision: 7,");
    assert_eq!(dev.outcome("live")["generation"], 2);
    dev.quiet();

    let build = || {
        let arguments = ["engine", "build", ".", "--profile", "dev", "--out", "dist"];
        let output = author.command(&arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    assert_eq!(
        build(),
        build(),
        "its own library is not part of the source"
    );
    dev.quiet();
    assert_eq!(dev.interrupt(), Some(0));
}

#[test]
fn a_node_that_runs_the_engine_is_joined_and_goes_on_afterwards() {
    let author = Author::new("kv-joined");
    let source = author.source.to_str().unwrap();
    let built = author.command(&["engine", "build", source, "--profile", "dev", "--json"]);
    let built: Value = serde_json::from_slice(&{ built }.output().unwrap().stdout).unwrap();
    let engine = format!("kv={}", built["library"].as_str().unwrap());
    let mut node = author.command(&["run", "--engine", &engine]);
    let mut node = node.stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(node.stdout.take().unwrap())
        .read_line(&mut address)
        .unwrap();

    let dev = author.dev();
    assert_eq!(dev.outcome("unchanged")["generation"], 1);
    author.edit("engine.rs", "revision: 0,", "revision: 3,");
    assert_eq!(dev.outcome("live")["generation"], 2);
    assert_eq!(dev.interrupt(), Some(0));
    assert_eq!(
        author.folder.run(&["status"]).exit,
        0,
        "it is not dev's node"
    );
    let dev = author.dev();
    dev.outcome("unchanged");
    node.kill().unwrap();
    node.wait().unwrap();
    author.edit("engine.rs", "revision: 3,", "revision: 4,");
    dev.refused("dev-node-gone", "does not answer");
    assert_eq!(dev.interrupt(), Some(0));
    a_node_that_is_started_gets_its_configuration_and_ends_however_the_command_ends(&author);
}

fn a_node_that_is_started_gets_its_configuration_and_ends_however_the_command_ends(
    author: &Author,
) {
    let dev = author.dev_with(r#"{"keys_max":"many"}"#);
    dev.refused("dev-node-ended", "the node ended before it was ready");
    assert_eq!(dev.interrupt(), Some(0));

    let dev = author.dev_with(r#"{"keys_max":10}"#);
    dev.outcome("started");
    assert_eq!(author.folder.run(&["status"]).exit, 0);
    dev.kill();
    let start = Instant::now();
    while author.folder.run(&["status"]).exit != 40 {
        assert!(start.elapsed() < END_WAIT, "its node goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A build script that says who it is, in the file `pid`, and does not end.
fn endless(pid: &Path) -> String {
    // Another script than that of the run before, whose outcome cargo may know.
    let now = std::time::SystemTime::now();
    format!(
        "// {now:?}\nfn main() {{\n    \
         std::fs::write({pid:?}, std::process::id().to_string()).unwrap();\n    \
         std::thread::sleep(std::time::Duration::from_secs(600));\n}}\n"
    )
}

#[test]
fn the_end_of_the_command_ends_the_build_that_is_under_way() {
    with_hangups();
    // A terminal that closes is one end as well.
    for signal in [Signal::INT, Signal::HUP] {
        let author = Author::new("kv-endless");
        let pid = author.source.join("script.pid~");
        let _ = fs::remove_file(&pid);
        fs::write(author.source.join("build.rs"), endless(&pid)).unwrap();
        let dev = author.dev();
        let script = wait_for(&pid);
        let running = PathBuf::from(format!("/proc/{script}"));
        assert!(running.is_dir());
        assert_eq!(dev.told(signal), Some(0));
        let start = Instant::now();
        while running.is_dir() {
            assert!(start.elapsed() < END_WAIT, "the build goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The number in a file that somebody is about to write.
fn wait_for(path: &Path) -> u32 {
    let start = Instant::now();
    loop {
        if let Ok(number) = fs::read_to_string(path).unwrap_or_default().parse() {
            return number;
        }
        assert!(
            start.elapsed() < SCRIPT_WAIT,
            "{} does not come",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_folder_that_is_no_package_ends_the_command() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let mut command = folder.command(&["engine", "dev", "empty"]);
    let output = command
        .env_clear()
        .envs(std::env::vars_os())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("not-a-package"), "{stderr}");
    assert_eq!(folder.run(&["engine", "dev", "absent"]).exit, 2);
}
