//! How far a node's blocks are, and how fast they come, as its status says.

use refit_admin::api::Status;
use refit_upgrade::Progress;

/// How far the node's blocks are, and how fast they come.
pub(crate) fn progress(status: &Status) -> Progress {
    Progress {
        height: status.height,
        block_us: status.block_us,
    }
}
