//! The answers of a batch, as they come.

use super::{ClientError, NodeAddress};
use http_body_util::BodyExt;
use hyper::body::Incoming as Body;
use refit_admin::Bytes;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Incoming {
    address: NodeAddress,
    body: Body,
}

impl Incoming {
    pub(super) fn new(address: NodeAddress, body: Body) -> Self {
        Self { address, body }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|source| ClientError::BrokeOff {
                address: self.address.clone(),
                source,
            })?;
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}
