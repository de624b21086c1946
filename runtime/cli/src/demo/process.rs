//! The demo's node: a process of its own, started with `refit run`.

use super::DemoError;
use super::sources::{self, CACHE_DIR};
use crate::client::{Client, NodeAddress};
use crate::failure::Failure;
use crate::show;
use crate::source::folder_of_releases;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long the node may take to get ready.
const READY_WAIT: Duration = Duration::from_secs(60);

/// Between two looks at whether it is.
const READY_POLL: Duration = Duration::from_millis(20);

/// Name that the loader gives to every mapping of a module begins so.
const MAPPING_PREFIX: &str = "refit-";

/// This program, without the variables of the caller's environment, which are for the caller's node.
pub(crate) fn own_command() -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"REFIT_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// The names of the modules that a process has mapped, as the system lists them.
pub(crate) fn mapped_libraries(pid: u32) -> BTreeSet<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    modules_in(&maps, &program)
}

/// The modules in the text of a list of mappings, beside the program itself, which may have any name.
fn modules_in(maps: &str, program: &Path) -> BTreeSet<String> {
    let program = program.display().to_string();
    let name = |line: &str| {
        let path = line.splitn(6, ' ').nth(5)?.trim_start();
        let named = path.strip_suffix(" (deleted)").unwrap_or(path);
        let name = named.rsplit('/').next()?.trim_start_matches("memfd:");
        let is_module = name.starts_with(MAPPING_PREFIX) && line.contains("r-xp");
        (is_module && path != program && named != program).then(|| name.to_owned())
    };
    maps.lines().filter_map(name).collect()
}

/// The node's process. Killed when this is dropped, unless it was left running.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    child: Mutex<Option<Child>>,
    folder: PathBuf,
    /// `NAME=LIBRARY` of each engine.
    engines: Vec<String>,
}

/// The folder in which the node builds releases, where it has to be named: the one that the environment names, and that of the
/// demo's builds where this user has no cache folder.
fn cache() -> Result<Option<PathBuf>, Failure> {
    let named = std::env::var_os(CACHE_DIR).filter(|folder| !folder.is_empty());
    match named {
        Some(named) => Ok(Some(std::path::absolute(named).map_err(Failure::start)?)),
        None if folder_of_releases().is_some() => Ok(None),
        None => Ok(Some(sources::cache().map_err(Box::new)?)),
    }
}

impl NodeProcess {
    /// Starts a node that runs these engines, each from its library.
    pub(crate) fn start(folder: &Path, engines: &[(&str, &Path)]) -> Result<Self, Failure> {
        let engine = |(name, library): &(&str, &Path)| format!("{name}={}", library.display());
        let node = Self {
            child: Mutex::default(),
            folder: folder.to_owned(),
            engines: engines.iter().map(engine).collect(),
        };
        node.again()?;
        Ok(node)
    }

    /// Starts it on its folder, after the first time too.
    pub(crate) fn again(&self) -> Result<(), Failure> {
        let folder = &self.folder;
        let mut log = OpenOptions::new();
        let log = log.create(true).append(true).open(folder.join("node.log"));
        let log = log.map_err(Failure::start)?;
        let engines = self.engines.iter().flat_map(|engine| ["--engine", engine]);
        let mut command = own_command().map_err(Failure::start)?;
        // The folder in which it builds, as all commands that do; it starts in another one.
        let cache = cache()?;
        command.envs(cache.map(|folder| (CACHE_DIR, folder)));
        let child = command
            .arg("run")
            .current_dir(folder)
            // The demo shows what happens in the pause itself, an abort too.
            .arg("--no-rehearsal")
            // Under load a block takes a millisecond or two: long enough for what is shown.
            .args(["--probation-blocks", "100000"])
            .args(["--probation-panic", "rollback"])
            .arg("--data-dir")
            .arg(folder)
            .args(engines)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(Failure::start)?;
        if let Ok(mut kept) = self.child.lock() {
            *kept = Some(child);
        }
        Ok(())
    }

    /// Its process; 0 if there is none.
    fn pid(&self) -> u32 {
        let child = self.child.lock().ok();
        child
            .and_then(|child| child.as_ref().map(Child::id))
            .unwrap_or_default()
    }

    pub(crate) fn address(&self) -> NodeAddress {
        NodeAddress::Unix(self.socket())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("admin.sock")
    }

    /// Waits until the node takes messages.
    pub(crate) async fn wait_until_ready(&self, client: &Client) -> Result<(), Failure> {
        let start = Instant::now();
        while start.elapsed() < READY_WAIT {
            if client.get::<serde_json::Value>("/v1/status").await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                let said = fs::read_to_string(self.folder.join("node.log")).unwrap_or_default();
                let reason = format!("{status}\n{said}");
                return Err(Box::new(DemoError::Node { reason }).into());
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Err(Box::new(DemoError::NotReady {
            wait_s: READY_WAIT.as_secs(),
        })
        .into())
    }

    /// The names of the modules that the process has mapped, as the system lists them.
    pub(crate) fn mapped_libraries(&self) -> Vec<String> {
        mapped_libraries(self.pid()).into_iter().collect()
    }

    /// Kills the node, as the system does that has no memory left.
    pub(crate) fn kill(&self) {
        self.stop();
    }

    /// Ends the node.
    pub(crate) fn stop(&self) {
        let child = self.child.lock().ok().and_then(|mut child| child.take());
        if let Some(mut child) = child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Leaves the node running and says how to talk to it.
    pub(crate) fn leave(&self, folder: tempfile::TempDir) {
        let (pid, plan) = (self.pid(), folder.path().join(super::PLAN));
        // Its folder stays with it.
        let _folder = folder.keep();
        if let Ok(mut child) = self.child.lock() {
            child.take();
        }
        let curl = format!("curl -s --unix-socket {}", self.socket().display());
        let json = "-H 'Content-Type: application/json'";
        show::talk(format_args!(
            "the node runs on as process {pid} (end it with: kill {pid}); try:\n  \
             {curl} {json} -H 'Idempotency-Key: me/1' http://localhost/v1/engines/kv/messages \
             -d '{{\"put\":{{\"key\":\"a\",\"value\":\"1\"}}}}'\n  \
             {curl} {json} http://localhost/v1/engines/kv/queries -d '{{\"get\":{{\"key\":\"a\"}}}}'\n  \
             {curl} {json} http://localhost/v1/upgrades -d @{}\n  \
             {curl} http://localhost/v1/status",
            plan.display(),
        ));
    }

    fn ended(&self) -> Option<std::process::ExitStatus> {
        self.child.lock().ok()?.as_mut()?.try_wait().ok()?
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_no_module_whatever_its_name() {
        let maps = "\
7f00-7f01 r-xp 00001000 00:01 77                         /memfd:refit-ab-1 (deleted)
7f02-7f03 rw-p 00001000 00:01 77                         /memfd:refit-cd-1 (deleted)
7f04-7f05 r-xp 00001000 00:01 78                         /opt/refit of mine/refit-0.1
7f06-7f07 r-xp 00000000 00:01 79                         /usr/lib/libc.so.6
7f08-7f09 r-xp 00000000 00:00 0                          [vdso]
";
        let found = modules_in(maps, Path::new("/opt/refit of mine/refit-0.1"));
        assert_eq!(found, BTreeSet::from(["refit-ab-1".to_owned()]));
    }
}
