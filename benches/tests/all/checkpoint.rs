//! A small run of the checkpoint bench: a real node, forked between two of its blocks.

use refit_benches::checkpoint::{self, CheckpointCell, CheckpointOptions};
use refit_benches::swap::SwapCode;
use refit_build::{Builder, Profile};
use refit_loader::{Loader, ProbeCommand};
use std::path::Path;

#[test]
fn blocks_go_on_while_a_node_is_copied_and_the_one_that_waited_is_seen() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let builder = Builder::new(target.join("bench-engines"))
        .with_store(target.join("refit-store"))
        .with_lock(here.join("../Cargo.lock"));
    let probe = ProbeCommand::new(env!("CARGO_BIN_EXE_refit-bench")).argument("probe");
    let loader = Loader::new(probe.clone()).unwrap();
    let code = SwapCode {
        builder: &builder,
        loader: &loader,
        sources: &SwapCode::sources(),
        // What is promised here is that a run is whole, not how fast it is.
        profile: Profile::Dev,
    };
    let cell = |engines, entries| CheckpointCell { engines, entries };
    let options = CheckpointOptions {
        cells: vec![cell(1, 200_000), cell(300, 700)],
        repetitions: 1,
    };
    let folder = tempfile::tempdir().unwrap();
    let report = checkpoint::run(&options, &code, &probe, folder.path(), &mut |_| ()).unwrap();
    assert_eq!((report.rows.len(), report.targets.len()), (2, 4));
    for row in &report.rows {
        assert!(
            row.block_us.min > 0.0 && row.written_ms.min > 0.0,
            "{row:?}"
        );
        assert!(row.worst_ms.min >= row.stop_ms.min, "{row:?}");
        assert!(row.worst_ms.min * 1e3 >= row.block_us.min, "{row:?}");
    }
    assert!(report.text().contains("1 engines stops blocks, median"));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "what the bench made it removes");
}
