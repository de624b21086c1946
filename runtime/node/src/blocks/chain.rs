//! The headers' view of this node: its code, its parameters and its beginning, and how an upgrade changes them.

use crate::code::libraries::Libraries;
use refit_abi::EngineId;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::ApplyOptions;
use refit_kernel::GenerationTable;
use refit_loader::LoadedModule;
use refit_ordering::{
    ChainId, CodeManifest, FAILURE_CODE_BYTES_MAX, Ground, KindCode, ManifestHash, ParametersHash,
    PlanDigest, PlanEntry, PlanOptions, PlannedCode, UpgradeEnd, UpgradeOutcome,
};
use refit_upgrade::{Plan, Verdict};
use serde::Serialize;

/// Keeps each hash apart from every other.
const CHAIN_CONTEXT: &str = "refit 2026 chain";
const PLAN_CONTEXT: &str = "refit 2026 plan in a block";

/// One of the engines that a chain begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) id: EngineId,
    pub(crate) kind: String,
    /// As JSON.
    pub(crate) config: String,
}

/// The beginning of a chain: nodes with different beginnings are on different chains. Code and parameters are no part
/// of it: they change as it goes on, and each header names them.
#[derive(Debug, Serialize)]
struct Genesis<'a> {
    name: &'a str,
    engines: Vec<(&'a EngineId, &'a str, &'a str)>,
}

/// The ground of the first block of a chain called `name`.
pub(crate) fn beginning(
    name: &str,
    roots: &[Root],
    manifest: ManifestHash,
    parameters: refit_kernel::ParametersHash,
) -> Ground {
    let genesis = Genesis {
        name,
        engines: roots
            .iter()
            .map(|root| (&root.id, root.kind.as_str(), root.config.as_str()))
            .collect(),
    };
    Ground {
        chain: ChainId(hash(CHAIN_CONTEXT, &genesis)),
        manifest,
        parameters: ParametersHash(parameters.0),
        ..Ground::default()
    }
}

/// The code of a generation, whose modules are among the libraries or have just come in.
pub(crate) fn manifest(
    table: &GenerationTable,
    libraries: &Libraries,
    coming: &[LoadedModule],
) -> CodeManifest {
    let code = |kind: &refit_abi::host::Kind| {
        let comes = coming
            .iter()
            .find(|new| new.module().is_same(kind.module()));
        let artifact = match comes {
            Some(new) => new.artifact().to_string(),
            None => libraries.artifact(kind),
        };
        KindCode::of(kind.module().descriptor(), kind.descriptor(), artifact)
    };
    CodeManifest::new(table.iter().map(|(_, entry)| code(&entry.kind)).collect())
}

/// The digest of a plan, without the parts that differ on another node that does the same: paths, findings and
/// measurements of the day of the plan, and its height, which its place in the chain says.
pub(crate) fn digest(plan: &Plan) -> PlanDigest {
    let mut plan = plan.clone();
    plan.at_height = None;
    plan.predicted_pause_us = None;
    plan.findings.clear();
    // A module's hash says all of its package and version, which an older plan leaves out.
    for module in &mut plan.modules {
        module.path.clear();
        module.package.clear();
        module.version.clear();
    }
    let bytes = match serde_json::to_vec(&plan) {
        Ok(bytes) => bytes,
        // It came as JSON, with text for keys.
        Err(error) => unreachable!("a plan is written as JSON: {error}"),
    };
    PlanDigest(hash_bytes(PLAN_CONTEXT, &bytes))
}

/// The entry of a plan and of the options given with it: for readers of the log, and to recognise the same order when
/// it is sent again.
pub(crate) fn entry(plan: &Plan, options: &ApplyOptions) -> PlanEntry {
    let modules = plan.modules.iter();
    let kinds = modules.flat_map(|module| {
        module.kinds.iter().map(|kind| PlannedCode {
            kind: kind.kind.clone(),
            artifact: module.artifact.clone(),
        })
    });
    let parameters = &plan.directives.parameters;
    PlanEntry {
        digest: digest(plan),
        at_height: plan.at_height,
        kinds: kinds.collect(),
        parameters: match parameters.is_empty() {
            true => Vec::new(),
            false => parameters.to_bytes(),
        },
        options: PlanOptions {
            max_pause_us: options.max_pause_us,
            no_rehearsal: options.no_rehearsal,
            rehearsal_wait_us: options.rehearsal_wait_us,
        },
    }
}

/// The outcome of an upgrade, as the next header names it.
pub(crate) fn outcome(plan: PlanDigest, verdict: Option<&Verdict>) -> UpgradeOutcome {
    let aborted = |code: &str| UpgradeEnd::Aborted {
        code: refit_abi::host::shown(code, FAILURE_CODE_BYTES_MAX),
    };
    let end = match verdict {
        Some(Verdict::Committed(_)) => UpgradeEnd::Committed,
        Some(Verdict::Aborted { failure, .. }) => aborted(failure.code()),
        None => aborted(codes::UPGRADE_LOST),
    };
    UpgradeOutcome { plan, end }
}

fn hash(context: &str, value: &impl Serialize) -> [u8; 32] {
    match postcard::to_allocvec(value) {
        Ok(bytes) => hash_bytes(context, &bytes),
        // Postcard fails on sequences of unknown length and on full buffers; here is neither.
        Err(error) => unreachable!("it has only sized fields: {error}"),
    }
}

fn hash_bytes(context: &str, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(bytes);
    *hasher.finalize().as_bytes()
}
