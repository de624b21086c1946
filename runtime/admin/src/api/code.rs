//! Code that is handed to a node: `POST /v1/code`.

use serde::{Deserialize, Serialize};

/// The bytes of a library as they arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeTaken {
    /// BLAKE3 of them, in hexadecimal: a plan that names it finds them.
    pub artifact: String,
    /// How many there are.
    pub bytes: u64,
}
