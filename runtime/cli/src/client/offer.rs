//! Code on its way to a node: the files that a plan names are opened here, by whoever gives the order, and their bytes
//! handed over. A node may be confined, or on another machine.

use super::Client;
use super::refused::Refused;
use crate::failure::Failure;
use refit_abi::codes;
use refit_admin::api::CodeTaken;
use refit_loader::Candidate;
use refit_upgrade::Plan;
use std::collections::BTreeSet;
use std::path::Path;

impl Client {
    /// Hands the libraries over that a plan names, as far as they are on this machine: what is not, the node looks for.
    pub(crate) async fn offer(&self, plan: &Plan) -> Result<(), Failure> {
        let paths: BTreeSet<_> = plan.modules.iter().map(|module| &module.path).collect();
        for path in paths {
            let Ok(library) = Candidate::read(Path::new(path)) else {
                continue;
            };
            match self.offer_one(path, &library).await {
                Ok(_) => {}
                // A node of before takes none, and opens the files itself.
                Err(failure) if is_of_before(&failure) => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// As [`Client::offer`], for a plan as it is written. What is no plan, the node says.
    pub(crate) async fn offer_text(&self, plan: &str) -> Result<(), Failure> {
        match serde_json::from_str::<Plan>(plan) {
            Ok(plan) => self.offer(&plan).await,
            Err(_) => Ok(()),
        }
    }

    async fn offer_one(&self, path: &str, library: &Candidate) -> Result<CodeTaken, Failure> {
        let from: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let mut connection = self.connect().await?;
        let bytes = library.bytes().to_vec().into();
        let path = format!("/v1/code?from={from}");
        let answer = self.accept(connection.upload_whole(&path, bytes).await?)?;
        self.decode(&answer)
    }
}

fn is_of_before(failure: &Failure) -> bool {
    failure
        .find::<Refused>()
        .is_some_and(|Refused(problem)| problem.code == codes::UNKNOWN_ROUTE)
}
