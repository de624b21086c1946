//! [`Fixed`]: a whole node on blocks that were fixed before, in this process or in one of its own.

use crate::{Harness, UPGRADE_WAIT_MAX, Workshop};
use refit_abi::host::Explain;
use refit_abi::{EngineId, Generation, Height};
use refit_admin::Node as _;
use refit_admin::api::{UpgradeReport, UpgradeState};
use refit_node::{BlockRefused, NodeParts, Receipt};
use refit_ordering::{Block, Script, Scripted, SealedBlock, Step};
use refit_store::{DiskStore, MemoryStore, OpenError, Store};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(1);

/// Longer than a driver takes for a turn.
const TURN: Duration = Duration::from_millis(100);

/// The parts that a node is made of. Two nodes of one scene begin in the same way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scene {
    /// The program that probes modules.
    pub probe: PathBuf,
    /// The root engines: name, kind, library.
    pub engines: Vec<(String, String, PathBuf)>,
    /// Messages that a block handles.
    pub handled_per_block: u64,
    /// Workers of a crew.
    pub workers: usize,
    /// An upgrade at a height.
    pub upgrade: Option<FixedUpgrade>,
}

/// An upgrade of one kind at a height.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FixedUpgrade {
    /// The kind.
    pub kind: String,
    /// The library that has it.
    pub library: PathBuf,
    /// The last block of the old code.
    pub height: u64,
}

/// The state that a node on fixed blocks has come to, in words that another process understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// The roots of the receipts that are kept: from block 1 on, if the node has not gone on from a folder.
    pub receipts: Vec<String>,
    /// The hash of each block, from block 1 on.
    pub blocks: Vec<String>,
    /// Every engine's state, in the order of their places.
    pub states: Vec<(EngineId, Vec<u8>)>,
    /// The code of the refusal, if the node has refused a block.
    pub refused: Option<String>,
}

/// A node on fixed blocks.
#[derive(Debug)]
pub struct Fixed {
    harness: Harness,
    script: Script,
    store: Arc<dyn Store>,
    upgrade: Option<u64>,
}

impl Fixed {
    /// Starts a node of this scene, whose upgrade is armed before the first block.
    ///
    /// # Panics
    /// If it does not start, or the upgrade is not armed.
    pub fn start(scene: &Scene) -> Self {
        let source = Scripted::new();
        let script = source.script();
        let parts = NodeParts {
            source: Some(Box::new(source)),
            ..NodeParts::default()
        };
        Self::start_on(scene, script, parts)
    }

    /// A node of this scene that makes its own blocks, from what it is sent and ordered.
    ///
    /// # Panics
    /// As [`Fixed::start`].
    pub fn solo(scene: &Scene) -> Self {
        // Nothing plays it.
        let script = Scripted::new().script();
        Self::start_on(scene, script, NodeParts::default())
    }

    /// A node of this scene whose store is in a folder: the first one begins there, and each further one goes on where
    /// the one before ended. The upgrade is armed unless it has happened.
    ///
    /// # Panics
    /// As [`Fixed::start`]; and if the folder is no store.
    pub fn on_disk(scene: &Scene, folder: &Path) -> Self {
        let source = Scripted::new();
        let script = source.script();
        let parts = NodeParts {
            source: Some(Box::new(source)),
            store: Arc::new(opened(folder)),
            ..NodeParts::default()
        };
        Self::start_over(scene, script, parts)
    }

    fn start_on(scene: &Scene, script: Script, parts: NodeParts) -> Self {
        let store = Arc::new(MemoryStore::default());
        Self::start_over(scene, script, NodeParts { store, ..parts })
    }

    fn start_over(scene: &Scene, script: Script, parts: NodeParts) -> Self {
        let store = parts.store.clone();
        let workshop = Workshop::new("", &scene.probe);
        let engines = scene.engines.iter();
        let engines = engines.map(|(name, kind, library)| (&**name, &**kind, &**library));
        let copies = tempfile::tempdir().unwrap();
        let harness = Harness::start_on(&workshop, &engines.collect::<Vec<_>>(), parts, |config| {
            // The same bytes on every node: the artifact is part of what they must have in common.
            let of_engines = config.engines.iter_mut().zip(&scene.engines);
            for (engine, (_, _, library)) in of_engines {
                engine.library = same_copy(library, copies.path());
            }
            config.workers = scene.workers;
            config.handled_per_block = scene.handled_per_block;
        });
        let mut fixed = Self {
            harness,
            script,
            store,
            upgrade: None,
        };
        let is_to_come = fixed.harness.generation() == Generation(1);
        let upgrade = scene.upgrade.as_ref().filter(|_| is_to_come);
        // The node has taken it up, if it was armed before.
        let taken_up = fixed.harness.node().upgrades();
        let taken_up = taken_up.last().filter(|last| !last.state.is_final());
        let taken_up = taken_up.map(|last| last.id);
        fixed.upgrade = upgrade.map(|upgrade| match taken_up {
            Some(id) => fixed.armed(id),
            None => fixed.arm(upgrade),
        });
        fixed
    }

    /// The node.
    pub fn harness(&self) -> &Harness {
        &self.harness
    }

    fn arm(&self, upgrade: &FixedUpgrade) -> u64 {
        let library = same_copy(&upgrade.library, self.harness.folder());
        let modules = [(upgrade.kind.as_str(), library.as_path())];
        let plan = self.harness.plan(&modules, Some(Height(upgrade.height)));
        let plan = serde_json::to_string(&plan.unwrap()).unwrap();
        self.armed(self.harness.begin(plan).unwrap())
    }

    /// Waits until it is.
    fn armed(&self, id: u64) -> u64 {
        wait_for("the upgrade is armed", || {
            let report = self.harness.node_report(id);
            assert_eq!(report.reason, None);
            // At once, if its height is that of the newest block.
            matches!(report.state, UpgradeState::Armed | UpgradeState::Committed)
        });
        id
    }

    /// Plays blocks or batches, until all are executed or one is refused.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn play(&self, steps: Vec<Step>) {
        if steps.is_empty() {
            return;
        }
        let last = Height(self.store.last().0 + steps.len() as u64);
        self.script.add(steps).unwrap();
        let node = self.harness.node();
        wait_for("the script is played", || {
            let is_logged = self.store.durable_height() >= last;
            (node.receipt(last).is_some() && is_logged) || node.halted().is_some()
        });
    }

    /// Waits until the scene's upgrade is committed. No block need follow it.
    ///
    /// # Panics
    /// If there is none in it, or it is not.
    pub fn committed(&self) {
        let id = self.upgrade.unwrap();
        wait_for("the upgrade is committed", || {
            self.harness.node_report(id).state == UpgradeState::Committed
        });
        // A turn of the driver later its source knows the new ground too.
        std::thread::sleep(TURN);
    }

    /// The end of the scene's upgrade.
    ///
    /// # Panics
    /// If there is none in it.
    pub fn upgraded(&self) -> UpgradeReport {
        self.harness.ended(self.upgrade.unwrap())
    }

    /// How many checkpoints are kept.
    ///
    /// # Panics
    /// If the store keeps none, or cannot be read.
    pub fn checkpoints(&self) -> usize {
        self.store.archive().unwrap().checkpoints().unwrap().len()
    }

    /// The receipt of a block.
    ///
    /// # Panics
    /// If it is not kept.
    pub fn receipt(&self, height: u64) -> Receipt {
        self.harness.node().receipt(Height(height)).unwrap()
    }

    fn keeps_receipt(&self, height: u64) -> bool {
        self.harness.node().receipt(Height(height)).is_some()
    }

    /// Why the node has refused a block, if it has.
    pub fn refused(&self) -> Option<BlockRefused> {
        self.harness.node().halted()
    }

    /// The bytes of all blocks, as they are in the log.
    ///
    /// # Panics
    /// If one cannot be read.
    pub fn log(&self) -> Vec<Vec<u8>> {
        let heights = 1..=self.store.durable_height().0;
        heights
            .map(|height| self.store.read(Height(height)).unwrap().to_vec())
            .collect()
    }

    /// Reads the state that it has come to.
    pub fn played(&self) -> Played {
        let log = self.log();
        let heights = (1..=log.len() as u64).filter(|height| self.keeps_receipt(*height));
        let node = self.harness.node();
        Played {
            receipts: heights
                .map(|height| self.receipt(height).root.to_string())
                .collect(),
            blocks: blocks(&log)
                .iter()
                .map(|block| block.hash().to_string())
                .collect(),
            states: self.harness.states(),
            refused: node.halted().map(|refused| refused.code().to_owned()),
        }
    }
}

/// The store in a folder; of one that has just ended, once the last of its threads has let it go.
///
/// # Panics
/// If it cannot be opened.
pub fn opened(folder: &Path) -> DiskStore {
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    loop {
        match DiskStore::open(folder) {
            Err(OpenError::InUse { .. }) if Instant::now() < deadline => std::thread::sleep(LOOK),
            opened => return opened.unwrap(),
        }
    }
}

/// The blocks in a log's bytes.
fn blocks(log: &[Vec<u8>]) -> Vec<Block> {
    let read = |bytes: &Vec<u8>| SealedBlock::from_bytes(bytes).unwrap().block;
    log.iter().map(read).collect()
}

/// A copy with the same bytes, whose mappings are its node's alone.
///
/// # Panics
/// If it cannot be made.
pub fn same_copy(library: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join(library.file_name().unwrap());
    if !copy.exists() {
        fs::copy(library, &copy).unwrap();
    }
    copy
}

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + UPGRADE_WAIT_MAX;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: it does not come");
        std::thread::sleep(LOOK);
    }
}

impl Scene {
    /// Plays the blocks of a log on a node of this scene.
    pub fn replay(&self, log: &[Vec<u8>]) -> Played {
        let fixed = Fixed::start(self);
        fixed.play(blocks(log).into_iter().map(Step::Block).collect());
        fixed.played()
    }
}
