//! One engine's state out of a snapshot, as a fixture: the same text that `refit engine capture` writes.

use super::{SnapshotEngine, SnapshotFile, SnapshotFileError};
use refit_abi::EngineId;
use refit_abi::fixture::{FIXTURE_FORMAT, FIXTURE_STATE_BYTES_MAX, Fixture};
use refit_kernel::StateImage;

impl SnapshotFile {
    /// An engine's state.
    ///
    /// # Errors
    /// [`SnapshotFileError`].
    pub fn fixture(&mut self, engine: EngineId) -> Result<Fixture, SnapshotFileError> {
        let found = self.find(engine)?.clone();
        let bytes_max = FIXTURE_STATE_BYTES_MAX as u64;
        if let Some(bytes) = found.state_bytes.filter(|bytes| *bytes > bytes_max) {
            return Err(SnapshotFileError::StateTooLarge {
                engine,
                bytes,
                bytes_max,
            });
        }
        let StateImage::Live(state) = self.engine(&found)?.state else {
            return Err(SnapshotFileError::NoState {
                path: self.path().to_owned(),
                engine,
            });
        };
        let header = self.header();
        let kind = &header.kinds[found.kind];
        Ok(Fixture {
            format: FIXTURE_FORMAT,
            kind: kind.kind.clone(),
            version: kind.version,
            schema: kind.schema,
            build_id: kind.build_id.clone(),
            height: header.height,
            state,
        })
    }

    fn find(&self, id: EngineId) -> Result<&SnapshotEngine, SnapshotFileError> {
        let found = self.engines().iter().find(|engine| engine.id == id);
        found.ok_or_else(|| SnapshotFileError::NoEngine {
            path: self.path().to_owned(),
            engine: id,
        })
    }
}
